//! Calls between services.

pub mod error;
