//! The wire types of GoChat: the JSON of the client contract, and, behind the feature `protobuf`, what its services say to
//! each other ([`pb`]).
//!
//! What goes out is borrowed and serialises without allocating: [`Id`] and [`WireTime`] format into stack buffers,
//! optional fields are left out. What comes in is read leniently, field by field ([`Loose`]), so that a wrong field can be
//! named in the answer instead of failing the whole body.
//!
//! This crate does not know the domain: `gochat-infra` converts, in one place.
#![deny(missing_docs)]

pub mod http;
mod id;
mod loose;
mod objects;
#[cfg(feature = "protobuf")]
pub mod pb;
mod time;
pub mod ws;

pub use id::{ConvId, Id};
pub use loose::{Given, Ill, Loose, body};
pub use objects::*;
pub use time::WireTime;

pub use serde_json::value::RawValue;
