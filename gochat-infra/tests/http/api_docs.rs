//! `docs/api` says what the code does.
