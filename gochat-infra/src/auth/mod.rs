//! Password hashing, access tokens and secrets.
//!
//! Nothing here knows of users, stores or sessions: it turns secrets into values that may be stored or shown.

mod bcrypt;
mod jwt;
mod keys;

pub use self::bcrypt::{BcryptHasher, HasherConfig, HasherError};
pub use jwt::JwtSigner;
pub use keys::{KeyError, SigningKeys};
