//! Adapters of GoChat.
//!
//! Every module is one room: [`runtime`] (clock, ids, supervisor), [`hub`] (local sessions and their queues),
//! [`sqlite`] (embedded storage), [`mysql`] (storage for several processes), [`auth`] (passwords, tokens), [`embedded`]
//! (everything in one process, and the SDK), [`web`] (HTTP and WebSocket), [`process`] (configuration and logs of a program),
//! [`departures`] (who has gone is told), [`outbox`] (what was not told at once is told late), [`transfer`] (a data folder goes
//! into MySQL).
//! What several processes need beside: [`wire`] (the model as protobuf), [`grpc`] (calls between services), [`kafka`]
//! (records between them), [`redis`] (what they share and may lose), [`etcd`] (who is there), [`hooks`] (systems outside),
//! [`service`] (a process of it), [`archive`] (old messages outside of the database).
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

#[cfg(any(feature = "archive", feature = "grpc"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "archive", feature = "grpc"))))]
pub mod archive;
#[cfg(feature = "auth")]
#[cfg_attr(docsrs, doc(cfg(feature = "auth")))]
pub mod auth;
pub mod departures;
#[cfg(feature = "embedded")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded")))]
pub mod embedded;
#[cfg(feature = "etcd")]
#[cfg_attr(docsrs, doc(cfg(feature = "etcd")))]
pub mod etcd;
#[cfg(any(feature = "redis", feature = "mysql"))]
mod gate;
#[cfg(feature = "grpc")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
pub mod grpc;
#[cfg(feature = "hooks")]
#[cfg_attr(docsrs, doc(cfg(feature = "hooks")))]
pub mod hooks;
pub mod hub;
#[cfg(feature = "kafka")]
#[cfg_attr(docsrs, doc(cfg(feature = "kafka")))]
pub mod kafka;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod message_row;
#[cfg(feature = "mysql")]
#[cfg_attr(docsrs, doc(cfg(feature = "mysql")))]
pub mod mysql;
#[cfg(any(feature = "mysql", feature = "protobuf"))]
mod note_row;
pub mod outbox;
#[cfg(feature = "process")]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub mod process;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;
pub mod routes;
pub mod runtime;
#[cfg(feature = "service")]
#[cfg_attr(docsrs, doc(cfg(feature = "service")))]
pub mod service;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub mod sqlite;
#[cfg(feature = "transfer")]
#[cfg_attr(docsrs, doc(cfg(feature = "transfer")))]
pub mod transfer;
#[cfg(feature = "web")]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub mod web;
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub mod wire;

/// The programs in the documents compile.
#[cfg(all(doctest, feature = "embedded"))]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/tutorial-embedded.md")]
    struct TutorialEmbedded;
}
