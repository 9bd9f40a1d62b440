//! Configuration and logs of a program.
