//! Events for a subscriber inside the program.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use gochat_core::Error;
use gochat_core::model::{Event, MessageView, SessionId};
use slog::warn;
use tokio::sync::mpsc;

use super::{Client, GoChat};
use crate::hub::{EventStream, Link, Session, SessionInfo};
use crate::runtime::Phase;

/// A session of a user inside the program: a stream of what happens. Bounded: one who does not take events in time loses
/// the stream, which then ends; what was missed is in the history. Dropping it ends the session.
#[derive(Debug)]
pub struct Subscription {
    chat: GoChat,
    session: Arc<Session>,
    events: EventStream,
}

impl Subscription {
    pub(super) async fn open(client: &Client) -> Result<Self, Error> {
        let chat = client.chat().clone();
        let caller = client.caller();
        let session = SessionId::new(chat.ports().ids.next_id()).expect("ids are from 2 to 2^63 - 1");
        let info = SessionInfo {
            user: caller.user,
            session,
            login: caller.login,
            guest: caller.guest,
            expires_at: caller.expires_at,
            english: true,
        };
        let (sender, events) = mpsc::channel(chat.hub().limits().queue_events.max(1));
        let attached = chat.hub().attach(info, Link::Events(sender), Bytes::new());
        let subscription = Self { chat, session: attached, events };
        subscription
            .chat
            .services()
            .presences
            .opened(&info.caller(), session, subscription.chat.hub().gateway())
            .await?;
        Ok(subscription)
    }

    /// Name of this session; a send that names it as its origin is not echoed to it.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.session.info().session
    }

    /// The next event; `None` when the subscription has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// The next new message; other events are passed over. `None` when the subscription has ended. Cancel safe.
    pub async fn next_message(&mut self) -> Option<MessageView> {
        loop {
            if let Event::NewMessage(view) = self.next().await? {
                return Some(view);
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.events.poll_recv(cx) {
            // What was queued before the end is still given out; then it ends.
            Poll::Pending => {
                self.session.register(cx.waker());
                if self.session.closing().is_some() { Poll::Ready(None) } else { Poll::Pending }
            }
            ready => ready,
        }
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.chat.hub().detach(&self.session);
        let (chat, info) = (self.chat.clone(), *self.session.info());
        // Outside of a runtime there is nobody left who could be told.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        self.chat.supervisor().phase(Phase::Sessions).group("unsubscribe").spawn(async move {
            if let Err(e) = chat.services().presences.closed(&info.caller(), info.session).await {
                warn!(chat.log(), "session not unregistered"; "session" => info.session.get(), "error" => %e);
            }
        });
    }
}
