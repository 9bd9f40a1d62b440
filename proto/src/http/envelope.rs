//! What every answer is wrapped in.

use std::borrow::Cow;

use serde::Serialize;

use crate::Id;

/// An answer to a request that succeeded.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Success<'a, T> {
    /// Always the same; `new` sets it.
    pub success: bool,
    /// For people.
    pub message: &'a str,
    /// What was asked for.
    pub data: T,
    /// Which part of a list it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

impl<'a, T> Success<'a, T> {
    /// Wraps `data`.
    #[must_use]
    pub const fn new(message: &'a str, data: T) -> Self {
        Self { success: true, message, data, pagination: None }
    }
}

/// Which part of a list an answer is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Pagination {
    /// Asked for by page number.
    Pages(Pages),
    /// Asked for by cursor.
    Cursor(Cursor),
    /// Members, by id.
    Members(MemberPage),
}

/// Position among the members of a group.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberPage {
    /// Whether there are more.
    pub has_more: bool,
    /// To be passed as `after` next; nothing when there is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<Id>,
}

/// Page numbers.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// From 1: of messages the newest, of members those with the lowest ids.
    pub page: u64,
    /// Entries a page.
    pub size: u64,
    /// Entries in all.
    pub total: u64,
    /// Whether there is a further page.
    pub has_more: bool,
}

/// Position in a conversation.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
    /// The cursor to pass next.
    pub next_seq: u64,
}

/// An answer to a request that failed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure<'a> {
    /// Always the same; `new` sets it.
    pub success: bool,
    /// For people.
    pub message: &'a str,
    /// For programs; stable.
    pub code: &'a str,
    /// Finds the request in the server's log.
    pub trace_id: &'a str,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub fields: &'a [WrongField<'a>],
    /// The users that do not exist.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub user_ids: &'a [String],
}

impl<'a> Failure<'a> {
    /// A failure without particulars.
    #[must_use]
    pub const fn new(message: &'a str, code: &'a str, trace_id: &'a str) -> Self {
        Self { success: false, message, code, trace_id, fields: &[], user_ids: &[] }
    }
}

/// One field that is wrong, and why.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrongField<'a> {
    /// Its name.
    pub field: &'a str,
    /// What is wrong, for programs, such as `TOO_LONG`.
    pub fault: &'static str,
    /// What is wrong, for people.
    pub message: Cow<'a, str>,
    /// The least that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// The most that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}
