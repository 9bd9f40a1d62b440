//! The words of the domain. No type here is serialisable: wires and rows convert in one place each.

mod conversation;
mod event;
mod ids;
mod message;
mod note;
mod time;
mod user;
mod values;

pub use conversation::*;
pub use event::*;
pub use ids::*;
pub use message::*;
pub use note::*;
pub use time::*;
pub use user::*;
pub use values::*;
