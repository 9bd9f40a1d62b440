//! Deliveries put together by whom they go to, encoded when the first socket wants them.

use std::ops::Range;

use bytes::Bytes;
use gochat_core::model::{Audience, ConversationId, Event, SessionId, UserId};

use super::Encoder;
use super::session::SessionInfo;

/// Events for one audience, in order.
pub(super) struct Group<'a> {
    pub(super) audience: &'a Audience,
    pub(super) events: Vec<Item<'a>>,
    encoded: Option<Encoded>,
}

/// One event of a group.
pub(super) struct Item<'a> {
    /// Its place in the batch.
    pub(super) position: usize,
    pub(super) event: &'a Event,
    except: Option<(UserId, SessionId)>,
    /// Whose typing it is: to the others, so to none of this user's sessions, though an audience by conversation has
    /// them.
    writer: Option<UserId>,
}

impl<'a> Item<'a> {
    pub(super) fn new(position: usize, event: &'a Event, except: Option<(UserId, SessionId)>) -> Self {
        let writer = if let Event::Typing { user, .. } = event { Some(user.id) } else { None };
        Self { position, event, except, writer }
    }

    /// Whether it is for this session.
    pub(super) fn is_for(&self, session: &SessionInfo) -> bool {
        self.except != Some((session.user, session.session)) && self.writer != Some(session.user)
    }
}

struct Encoded {
    bytes: Bytes,
    ranges: Vec<Range<usize>>,
}

impl<'a> Group<'a> {
    pub(super) fn new(audience: &'a Audience) -> Self {
        Self { audience, events: Vec::new(), encoded: None }
    }

    /// Whether an event for `audience` may join this group: the same people, by identity of the list.
    pub(super) fn takes(&self, audience: &Audience) -> bool {
        match (self.audience, audience) {
            (Audience::Users(a), Audience::Users(b)) => std::sync::Arc::ptr_eq(a, b) || a == b,
            (Audience::Members(a), Audience::Members(b)) => a == b,
            (Audience::Everyone, Audience::Everyone) => true,
            _ => false,
        }
    }

    fn encoded(&mut self, encoder: &dyn Encoder) -> &Encoded {
        let events = &self.events;
        self.encoded.get_or_insert_with(|| {
            let mut bytes = Vec::with_capacity(events.len() * 512);
            let mut ranges = Vec::with_capacity(events.len());
            for item in events {
                let start = bytes.len();
                encoder.event(item.event, &mut bytes);
                ranges.push(start..bytes.len());
            }
            Encoded { bytes: bytes.into(), ranges }
        })
    }

    /// All frames, as one shared slice.
    pub(super) fn all(&mut self, encoder: &dyn Encoder) -> Bytes {
        self.encoded(encoder).bytes.clone()
    }

    /// The frames of the `i`-th event.
    pub(super) fn one(&mut self, i: usize, encoder: &dyn Encoder) -> &[u8] {
        let encoded = self.encoded(encoder);
        &encoded.bytes[encoded.ranges[i].clone()]
    }

    /// Whether all of it is for this session.
    pub(super) fn is_for(&self, session: &SessionInfo) -> bool {
        self.events.iter().all(|item| item.is_for(session))
    }
}

/// The conversation that an event belongs to, where events of one conversation are put together.
pub(super) fn conversation_of(event: &Event) -> Option<ConversationId> {
    match event {
        Event::NewMessage(view) => Some(view.message.conversation),
        _ => None,
    }
}
