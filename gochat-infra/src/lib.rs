//! Adapters of GoChat.
//!
//! Every module is one room: [`runtime`] (clock, ids, supervisor), [`hub`] (local sessions and their queues),
//! [`sqlite`] (embedded storage), [`mysql`] (storage for several processes), [`auth`] (passwords, tokens), [`embedded`]
//! (everything in one process, and the SDK), [`web`] (HTTP and WebSocket), [`process`] (configuration and logs of a program).
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

#[cfg(feature = "auth")]
#[cfg_attr(docsrs, doc(cfg(feature = "auth")))]
pub mod auth;
#[cfg(feature = "embedded")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded")))]
pub mod embedded;
pub mod hub;
#[cfg(feature = "mysql")]
#[cfg_attr(docsrs, doc(cfg(feature = "mysql")))]
pub mod mysql;
#[cfg(feature = "process")]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub mod process;
pub mod runtime;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub mod sqlite;
#[cfg(feature = "web")]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub mod web;

/// The programs in the documents compile.
#[cfg(all(doctest, feature = "embedded"))]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/tutorial-embedded.md")]
    struct TutorialEmbedded;
}
