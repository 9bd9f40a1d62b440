//! What every use case holds, and what most of them do.

use std::sync::Arc;

use slog::Logger;

use crate::error::Fault;
use crate::model::{
    Audience, Caller, ConversationId, Delivery, EndReason, Event, LoginId, Note, NoteId, PageLimit,
    ReadState, Seq, Subject, Timestamp, UserId,
};
use crate::ports::{ErrorKind, Ports, StoreError};
use crate::{Error, Settings};

/// A store whose next write leaves this note, or just the store.
macro_rules! noted {
    ($cx:expr, $port:ident, $note:expr) => {{
        let port = &$cx.ports.$port;
        let noted = $note.as_ref().and_then(|note: &$crate::model::Note| port.noted(note));
        noted.unwrap_or_else(|| ::std::sync::Arc::clone(port))
    }};
}
pub(crate) use noted;

/// Ports, settings and log of a use case.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) settings: Arc<Settings>,
    pub(crate) log: Logger,
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(crate) fn new_user(&self) -> UserId {
        UserId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    pub(crate) fn new_login(&self) -> LoginId {
        LoginId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    pub(crate) fn new_conversation(&self) -> ConversationId {
        ConversationId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits")
    }

    /// The page size asked for, cut to the largest, or the default.
    pub(crate) fn limit(&self, asked: Option<u32>, default: u32) -> Result<PageLimit, Fault> {
        PageLimit::new(asked.unwrap_or(default.max(1)), self.settings.page_max.max(1))
    }

    /// Tells others of what is not noted: it is stored by now or nowhere, so a failure is no error of the call.
    pub(crate) async fn tell(&self, batch: Vec<Delivery>) {
        self.tell_noted(None, batch).await;
    }

    /// Tells others of something noted. It is stored by now, so a failure is no error of the call: the relay tells it late,
    /// and where nothing is noted, who missed it finds it by `sync`.
    pub(crate) async fn tell_noted(&self, note: Option<Note>, batch: Vec<Delivery>) {
        let count = batch.len();
        let told = if batch.is_empty() { Ok(()) } else { self.ports.deliver.deliver(batch).await };
        match told {
            Ok(()) => {
                if let (Some(tellings), Some(note)) = (&self.ports.tellings, note) {
                    tellings.told(note.id);
                }
            }
            Err(e) => {
                slog::warn!(self.log, "events not handed on"; "events" => count, "error" => %e);
                self.missed(note);
            }
        }
    }

    /// Others could not be told of something noted.
    pub(crate) fn missed(&self, note: Option<Note>) {
        if let (Some(tellings), Some(note)) = (&self.ports.tellings, note) {
            tellings.missed(note.id);
        }
    }

    /// A note of what is about to change, where notes are kept.
    pub(crate) fn note(&self, subject: impl FnOnce() -> Subject) -> Option<Note> {
        self.ports.tellings.as_ref()?;
        let id = NoteId::new(self.ports.ids.next_id()).expect("the generator keeps to 63 bits");
        Some(Note { id, subject: subject(), at: self.now() })
    }

    /// Moves a read pointer and tells all devices of its user but the asking session, which has the answer. `None` where the
    /// user is no member.
    pub(crate) async fn mark_read(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Option<Seq>,
    ) -> Result<Option<ReadState>, Error> {
        let user = caller.user;
        let note = self.note(|| Subject::Read { user, conversation });
        let marked = noted!(self, conversations, note).mark_read(user, conversation, seq).await;
        let Some(state) = found(marked)? else { return Ok(None) };
        let event = Event::Read { conversation, seq: state.read_seq, unread: state.unread };
        let told = Delivery { except: caller.asking(), ..to_user(user, event) };
        // One that did not move has left no note.
        self.tell_noted(note.filter(|_| state.moved), vec![told]).await;
        Ok(Some(state))
    }
}

/// A delivery to everything that a user has open.
pub(crate) fn to_user(user: UserId, event: Event) -> Delivery {
    Delivery { event, audience: Audience::Users([user].into()), except: None }
}

/// The end of the sockets of a login that has ended.
pub(crate) fn login_ended(user: UserId, login: LoginId) -> Delivery {
    let audience = Audience::Login(user, login);
    Delivery { event: Event::EndSession(EndReason::LoginEnded), audience, except: None }
}

/// Tells what is not there from what failed.
pub(crate) fn found<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
