//! Filling a history from what the clients hold.

use std::time::Instant;

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{Count, History, Probe, Seen, Sent, Session};
use crate::client::{Socket, Stored};
use crate::json::Json;
use crate::user::User;

impl Seen {
    /// From a `message` object.
    pub fn of(message: &Value) -> Result<Self> {
        Ok(Self {
            id: message.text("messageId")?.to_owned(),
            conversation: message.text("conversationId")?.to_owned(),
            seq: message.int("seq")?,
            sender: message.text("senderId")?.to_owned(),
            client_id: message.text("clientMsgId")?.to_owned(),
            content: message.text("content")?.to_owned(),
        })
    }
}

impl Sent {
    /// A send over a session (or none), and what it was told.
    pub fn new(
        user: &User,
        session: Option<usize>,
        conversation: &str,
        content: &str,
        client_id: &str,
    ) -> Self {
        Self {
            sender: user.id.clone(),
            session,
            conversation: conversation.to_owned(),
            client_id: client_id.to_owned(),
            content: content.to_owned(),
            told: Vec::new(),
            accepted: false,
        }
    }

    /// Notes an answer that says stored.
    pub fn told(mut self, stored: &Stored) -> Self {
        self.told.push((stored.message_id.clone(), stored.seq));
        self
    }
}

impl Session {
    /// What a socket saw of these conversations; times count from `start`.
    pub fn of(user: &User, socket: &Socket, conversations: &[&str], start: Instant) -> Result<Self> {
        let mut session = Self { user: user.id.clone(), ..Self::default() };
        for (frame, at) in socket.seen.iter().zip(&socket.seen_at) {
            let at = u64::try_from(at.saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX);
            if frame["type"] == "new-message" {
                let seen = Seen::of(frame.at("data.message")?)?;
                if conversations.contains(&seen.conversation.as_str()) {
                    session.live.push((at, seen));
                }
            } else if frame["type"] == "sync-result" {
                for message in frame.list("data.messages")? {
                    session.synced.push(Seen::of(message)?);
                }
            }
        }
        Ok(session)
    }

    /// Claims to have everything above `seq` of a conversation.
    pub fn complete(mut self, conversation: &str, seq: i64) -> Self {
        self.complete_from.insert(conversation.to_owned(), seq);
        self
    }
}

impl History {
    /// Says who is in a conversation.
    pub fn is_in(&mut self, conversation: &str, users: &[&User]) {
        self.members.entry(conversation.to_owned()).or_default().extend(users.iter().map(|u| u.id.clone()));
    }

    /// Reads the end state as `user` sees it: the history of a conversation and its unread count.
    pub async fn read_end(&mut self, user: &User, conversation: &str, joined: i64) -> Result<()> {
        self.read_ends(&[user], conversation, joined).await
    }

    /// The same for several, who read at once.
    pub async fn read_ends(&mut self, users: &[&User], conversation: &str, joined: i64) -> Result<()> {
        let read = users.iter().map(|user| async move {
            let history = user.whole_history(conversation).await?;
            let messages: Vec<Seen> = history.iter().map(Seen::of).collect::<Result<_>>()?;
            let unread = user.unread(conversation).await?;
            let (user, conversation) = (user.id.clone(), conversation.to_owned());
            Ok::<_, anyhow::Error>((messages, Count { user, conversation, unread, read: 0, joined }))
        });
        for (messages, count) in try_join_all(read).await? {
            self.stored.insert((count.user.clone(), count.conversation.clone()), messages);
            self.counts.push(count);
        }
        Ok(())
    }

    /// Reads the newest sequence that history gives now.
    pub async fn probe(user: &User, conversation: &str, start: Instant) -> Result<Probe> {
        let began = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let reply = user.get(&format!("/conversations/{conversation}/messages?page=1&size=1")).await?;
        let Some(list) = reply.ok(200)?.as_array() else { bail!("no array{}", reply.shown()) };
        let last_seq = list.last().map_or(Ok(0), |message| message.int("seq"))?;
        Ok(Probe { began, conversation: conversation.to_owned(), last_seq })
    }
}
