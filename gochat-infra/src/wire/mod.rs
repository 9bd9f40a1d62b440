//! The model of gochat-core as protobuf values, and back.
//!
//! Out never fails. In, everything is checked: a value that could not have come from [`Wire::to_pb`] is [`Malformed`],
//! which names the part. The enums of core may grow: a case that this module does not know goes out as a missing part, and
//! the reader refuses it by name instead of taking it for something else.

mod conversations;
pub mod deliveries;
mod events;
mod messages;
mod notes;
#[cfg(test)]
mod tests;
mod users;

use std::sync::Arc;

use bytes::Buf;
use gochat_core::model::{
    ConversationId, LoginId, MessageId, NoteId, RequestId, Seq, SessionId, Timestamp, UserId,
};
use prost::Message as _;

pub use events::code;
pub use messages::client_msg_id;
pub use users::{optional_role, presence, presence_number, role, role_number};

/// A value of the model that has a protobuf form.
pub trait Wire: Sized {
    /// That form.
    type Pb: prost::Message + Default;

    /// As protobuf. Copies texts; shared ones are copied once for each call.
    fn to_pb(&self) -> Self::Pb;

    /// From protobuf, checked.
    ///
    /// # Errors
    /// The first part that is missing or not allowed.
    fn from_pb(pb: Self::Pb) -> Result<Self, Malformed>;
}

/// A part of a protobuf value that is missing or not allowed, such as `message.id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {field}")]
pub struct Malformed {
    /// Which.
    pub field: &'static str,
}

impl Malformed {
    /// Makes one.
    #[must_use]
    pub const fn new(field: &'static str) -> Self {
        Self { field }
    }
}

/// Bytes that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are not protobuf, or not of this message.
    #[error("not protobuf of this message")]
    Protobuf(#[from] prost::DecodeError),
    /// They are, and a part is not allowed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The protobuf bytes of a value.
#[must_use]
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    value.to_pb().encode_to_vec()
}

/// Reads a value from protobuf bytes. Takes memory in proportion to them.
///
/// # Errors
/// What is wrong with them.
pub fn decode<T: Wire>(bytes: impl Buf) -> Result<T, DecodeError> {
    Ok(T::from_pb(T::Pb::decode(bytes)?)?)
}

/// An identifier: 1 to 2^63 - 1, 0 for none.
pub trait Id: Copy + Sized {
    /// Checks a number.
    fn of(n: u64) -> Option<Self>;
    /// The number inside.
    fn number(self) -> u64;
}

macro_rules! ids {
    ($($id:ident),+) => {$(
        impl Id for $id {
            fn of(n: u64) -> Option<Self> {
                Self::new(n)
            }

            fn number(self) -> u64 {
                self.get()
            }
        }
    )+};
}
ids!(UserId, ConversationId, MessageId, LoginId, SessionId, RequestId, NoteId);

/// An identifier that must be there.
///
/// # Errors
/// 0, or above 2^63 - 1.
pub fn id<T: Id>(n: u64, field: &'static str) -> Result<T, Malformed> {
    T::of(n).ok_or(Malformed { field })
}

/// An identifier that may be missing.
///
/// # Errors
/// Above 2^63 - 1.
pub fn optional_id<T: Id>(n: u64, field: &'static str) -> Result<Option<T>, Malformed> {
    if n == 0 { Ok(None) } else { id(n, field).map(Some) }
}

/// The number of an identifier that may be missing.
#[must_use]
pub fn number<T: Id>(id: Option<T>) -> u64 {
    id.map_or(0, Id::number)
}

/// Identifiers, all of which must be good.
///
/// # Errors
/// One is 0, or above 2^63 - 1.
pub fn ids<T: Id>(numbers: &[u64], field: &'static str) -> Result<Vec<T>, Malformed> {
    numbers.iter().map(|n| id(*n, field)).collect()
}

/// The numbers of identifiers.
#[must_use]
pub fn numbers<T: Id>(ids: &[T]) -> Vec<u64> {
    ids.iter().map(|id| id.number()).collect()
}

/// A sequence.
///
/// # Errors
/// Above 2^63 - 1.
pub fn seq(n: u64, field: &'static str) -> Result<Seq, Malformed> {
    let seq = Seq::new(n);
    if seq.get() == n { Ok(seq) } else { Err(Malformed { field }) }
}

/// A part that must be there.
///
/// # Errors
/// It is not.
pub fn part<T>(part: Option<T>, field: &'static str) -> Result<T, Malformed> {
    part.ok_or(Malformed { field })
}

/// A nested value that must be there.
///
/// # Errors
/// It is missing, or malformed itself.
pub fn nested<T: Wire>(pb: Option<T::Pb>, field: &'static str) -> Result<T, Malformed> {
    T::from_pb(part(pb, field)?)
}

/// A nested value that may be missing.
///
/// # Errors
/// It is there and malformed.
pub fn optional<T: Wire>(pb: Option<T::Pb>) -> Result<Option<T>, Malformed> {
    pb.map(T::from_pb).transpose()
}

/// As [`optional`], shared.
fn optional_shared<T: Wire>(pb: Option<T::Pb>) -> Result<Option<Arc<T>>, Malformed> {
    Ok(optional(pb)?.map(Arc::new))
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}
