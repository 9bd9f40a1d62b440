//! What a batch brings to one gateway: deliveries in their order, and the lists of users that they share.
//!
//! It is put together from bytes: an event is encoded once for all gateways, a list once for all its messages.

use std::sync::Arc;

use gochat_core::model::{Audience, Delivery, UserId};
use gochat_proto::pb::events::v1 as pb;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use rustc_hash::FxHashMap;

use super::events::{delivery, without_audience};
use super::{Malformed, Wire as _, ids, numbers};

/// Fields of `Deliveries`.
const LISTS: u32 = 1;
const DELIVERIES: u32 = 2;
/// What a delivery and its list have around their own bytes, at most: two keys and lengths, and the list's place.
const AROUND: usize = 32;

/// Whom a delivery goes to, encoded. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct To(Encoded);

#[derive(Debug, Clone)]
enum Encoded {
    /// A `Users`.
    List(Arc<[u8]>),
    /// A `Delivery` with nothing but its audience.
    Whole(Arc<[u8]>),
}

impl To {
    /// A list of users. The deliveries of a record that are given clones of this share it.
    #[must_use]
    pub fn list(users: &[UserId]) -> Self {
        Self::numbers(numbers(users))
    }

    /// As [`list`](Self::list), of their numbers.
    #[must_use]
    pub fn numbers(ids: Vec<u64>) -> Self {
        Self(Encoded::List(pb::Users { ids }.encode_to_vec().into()))
    }

    /// Anybody.
    #[must_use]
    pub fn whole(audience: &Audience) -> Self {
        Self(Encoded::Whole(part(Some(audience.to_pb())).into()))
    }

    fn len(&self) -> usize {
        match &self.0 {
            Encoded::List(bytes) | Encoded::Whole(bytes) => bytes.len(),
        }
    }
}

/// The fields of a message may stand in any order, and be put together by concatenation.
fn part(audience: Option<pb::Audience>) -> Vec<u8> {
    pb::Delivery { audience, ..pb::Delivery::default() }.encode_to_vec()
}

/// The bytes of a delivery but for its audience.
#[must_use]
pub fn event_part(delivery: &Delivery) -> Vec<u8> {
    without_audience(delivery).encode_to_vec()
}

/// A record's value in the making.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    /// The places of lists, by where their bytes are: the clones in `kept` hold these.
    places: FxHashMap<usize, u32>,
    kept: Vec<To>,
}

impl Bundle {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How long it would be with one more, at most.
    #[must_use]
    pub fn len_with(&self, event: &[u8], to: &To) -> usize {
        self.bytes.len() + event.len() + to.len() + AROUND
    }

    /// Adds a delivery.
    pub fn push(&mut self, event: &[u8], to: &To) {
        match &to.0 {
            Encoded::Whole(audience) => self.field(DELIVERIES, &[event, audience]),
            Encoded::List(list) => {
                let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
                let place = *self.places.entry(list.as_ptr().addr()).or_insert(next);
                if place == next {
                    self.kept.push(to.clone());
                    self.field(LISTS, &[list]);
                }
                let audience = part(Some(pb::Audience { to: Some(pb::audience::To::List(place)) }));
                self.field(DELIVERIES, &[event, &audience]);
            }
        }
    }

    fn field(&mut self, number: u32, value: &[&[u8]]) {
        encode_key(number, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(value.iter().map(|part| part.len() as u64).sum(), &mut self.bytes);
        value.iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    /// The value.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The deliveries of a record, each by itself: one that is wrong costs no other.
///
/// # Errors
/// The whole is not protobuf.
pub fn read(bytes: &[u8]) -> Result<Vec<Result<Delivery, Malformed>>, prost::DecodeError> {
    let pb::Deliveries { lists, deliveries } = pb::Deliveries::decode(bytes)?;
    let lists: Vec<Result<Arc<[UserId]>, Malformed>> =
        lists.iter().map(|list| ids(&list.ids, "deliveries.lists.ids").map(Into::into)).collect();
    let read = |mut pb: pb::Delivery| {
        let audience = pb.audience.take().ok_or(Malformed::new("delivery.audience"))?;
        let audience = match audience.to {
            Some(pb::audience::To::List(place)) => {
                let list = usize::try_from(place).ok().and_then(|place| lists.get(place));
                Audience::Users(list.cloned().ok_or(Malformed::new("audience.list"))??)
            }
            _ => Audience::from_pb(audience)?,
        };
        delivery(pb, audience)
    };
    Ok(deliveries.into_iter().map(read).collect())
}
