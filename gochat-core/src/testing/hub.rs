//! Sessions in memory, and a delivery that reaches them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::lock;
use crate::model::{Audience, Delivery, Event, GatewayId, PageLimit, ReplyTo, UserId};
use crate::ports::{Deliver, Directory, Result, SessionRecord};

/// Brings events to sessions in memory; what a gateway does, without sockets. A slow reader costs memory only.
#[derive(Debug)]
pub struct MemoryHub {
    gateway: GatewayId,
    directory: Arc<dyn Directory>,
    sessions: Mutex<Vec<Arc<MemorySession>>>,
}

/// One session of a [`MemoryHub`].
#[derive(Debug)]
pub struct MemorySession {
    record: SessionRecord,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    waiting: Vec<Waker>,
}

impl MemoryHub {
    /// A hub of this name, which finds members of large conversations in `directory`.
    #[must_use]
    pub fn new(gateway: GatewayId, directory: Arc<dyn Directory>) -> Self {
        Self { gateway, directory, sessions: Mutex::default() }
    }

    /// Opens a session, which gets everything from now on.
    pub fn connect(&self, record: SessionRecord) -> Arc<MemorySession> {
        let session = Arc::new(MemorySession { record, state: Mutex::default() });
        lock(&self.sessions).push(session.clone());
        session
    }

    /// Whether a delivery is for a session; `members` are those of its conversation, where it names one.
    fn is_for(&self, delivery: &Delivery, members: &[UserId], to: &SessionRecord) -> bool {
        let meant = match &delivery.audience {
            Audience::Origin(origin) => {
                origin.gateway == self.gateway && origin.reply == ReplyTo::Session(to.session)
            }
            Audience::Users(users) => users.contains(&to.user),
            Audience::Members(_) => members.contains(&to.user),
            Audience::Everyone => true,
            Audience::Login(user, login) => (*user, *login) == (to.user, to.login),
            Audience::Session(user, session) => (*user, *session) == (to.user, to.session),
        };
        meant && delivery.except != Some((to.user, to.session))
    }
}

impl MemorySession {
    /// The next event; waits until there is one.
    pub async fn next(&self) -> Event {
        poll_fn(|cx| {
            let mut state = lock(&self.state);
            if let Some(event) = state.events.pop_front() {
                return Poll::Ready(event);
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The next event, if there is one.
    pub fn try_next(&self) -> Option<Event> {
        lock(&self.state).events.pop_front()
    }

    fn push(&self, event: Event) {
        let waiting = {
            let mut state = lock(&self.state);
            state.events.push_back(event);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[async_trait]
impl Deliver for MemoryHub {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        for delivery in batch {
            let members = match &delivery.audience {
                Audience::Members(id) => {
                    let all = PageLimit::new(u32::MAX, u32::MAX).expect("at least 1");
                    self.directory.member_ids(*id, None, all).await?
                }
                _ => Vec::new(),
            };
            let ends = matches!(delivery.event, Event::EndSession(_));
            lock(&self.sessions).retain(|session| {
                let meant = self.is_for(&delivery, &members, &session.record);
                if meant {
                    session.push(delivery.event.clone());
                }
                !(meant && ends)
            });
        }
        Ok(())
    }
}
