//! The configuration of a program: defaults, then a file, then the environment, then flags; the later wins.
//!
//! - Between file and environment there may be a text that all instances of a service share ([`Layers::shared`]): what is set
//!   for one process alone holds over what is set for all.
//! - Every key is declared once, in [`sections`], with its type, default and text; the example file, `gochat config`, the
//!   checks and the typed [`Config`] come from there.
//! - In the environment `server.listen` is `GOCHAT_SERVER__LISTEN`; an empty variable counts as unset.
//! - A secret may stand in a file of its own: `auth.jwt_secret_file`, `GOCHAT_AUTH__JWT_SECRET_FILE`.
//! - An unknown key or `GOCHAT_…` variable is an error: it is a typing mistake, and a setting that silently has no effect is
//!   found too late.

mod check;
pub mod choices;
mod layers;
mod raw;
mod rules;
mod section;
pub mod sections;
mod setting;
mod show;
#[cfg(test)]
mod tests;

pub use layers::{Effective, Layers, Source};
pub use section::Key;
pub use sections::Config;
pub use setting::{Secret, Share, Size};
pub use show::example;
