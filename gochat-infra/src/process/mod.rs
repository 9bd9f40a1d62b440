//! What a program needs around the rooms: command line, configuration, logs, and errors that say how to mend them.
//!
//! Only shells use this; no other room reads a file, a flag or the environment.

pub mod cli;
pub mod config;
mod files;
pub mod log;
pub mod options;
mod problem;
pub mod program;

pub use files::raise_open_files;
pub use problem::{Problem, Problems};
