//! Calls between services.
//!
//! What goes over gRPC are the ports and services of core themselves: a caller can't tell which side of a network it is on.

pub mod channel;
mod counted;
pub mod deadline;
pub mod error;
pub mod logic;
pub mod repo;
pub mod serve;
mod traced;
