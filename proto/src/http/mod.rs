//! HTTP bodies.

mod envelope;
mod request;
mod response;

pub use envelope::*;
pub use request::*;
pub use response::*;
