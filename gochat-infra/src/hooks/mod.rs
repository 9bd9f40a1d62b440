//! Systems outside, over HTTP: [`WebhookPush`] hands notifications to what brings them to devices, [`HttpModerator`] asks
//! what shall become of a message.
//!
//! Both post JSON in the envelope of Standard Webhooks (`type`, `timestamp`, `data`) and sign it as that specification says:
//! `webhook-signature` has `v1,<base64 of HMAC-SHA256>` over `<webhook-id>.<webhook-timestamp>.<body>` for each secret, so
//! that a secret can be changed while both are known. What is sent again after a failure has the same `webhook-id`.
//!
//! A try is bounded in time and in what is read of the answer. Tries are repeated, with pauses that double and are
//! lengthened by chance, while the other side is away, answers 5xx or 429 (`Retry-After` is honoured up to
//! [`RETRY_AFTER_MAX`]); any other answer is final. Redirects are not followed, proxies of the environment not used.
//!
//! Knows HTTP and signatures; who is told of what is [`gochat_core::usecase::push`]'s.

mod client;
mod error;
mod moderator;
mod push;
mod sign;

pub use client::{RETRY_AFTER_MAX, Webhook, WebhookConfig};
pub use error::WebhookError;
pub use moderator::HttpModerator;
pub use push::WebhookPush;
pub use sign::SigningSecrets;
