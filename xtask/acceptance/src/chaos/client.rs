//! A client as the contract wants one: it reconnects, catches up by sequence, and sends again what was not stored.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::{mpsc, watch};

use crate::client::{Next, Socket};
use crate::history::{Seen, Sent, Session};
use crate::json::Json;
use crate::user::User;
use crate::world::fresh;

/// What all clients do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Send and listen.
    Load,
    /// Send nothing new, until everything is acknowledged.
    Finish,
    /// Everything of everybody is acknowledged: read what there is, and end.
    End,
}

/// Messages under way at most.
const IN_FLIGHT: usize = 3;
/// Without an answer for so long a message is sent again.
const AGAIN: Duration = Duration::from_secs(8);
/// How long the system may take to heal after the last fault.
const HEALING: Duration = Duration::from_secs(120);
/// Codes after which a client tries again.
const PASSING: [&str; 4] = ["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "INTERNAL"];

/// One client and what it has seen.
pub(super) struct Person {
    me: User,
    rooms: Vec<String>,
    pace: Duration,
    start: Instant,
    /// A small generator of its own, so that a run can be told again by its seed.
    dice: u64,
    has: BTreeMap<String, i64>,
    open: Vec<(Sent, Instant)>,
    /// Why the last session did not go on: what is to be known of a client that does not heal.
    why: String,
    /// Told once when all of its messages are acknowledged after [`Phase::Finish`].
    drained: Option<mpsc::Sender<()>>,
    lived: Lived,
}

/// What became of a client.
pub(super) struct Lived {
    pub(super) user: String,
    pub(super) rooms: Vec<String>,
    pub(super) sent: Vec<Sent>,
    pub(super) sessions: Vec<Session>,
    pub(super) holes: usize,
    pub(super) repeats: usize,
}

impl Person {
    pub(super) fn new(
        me: User,
        rooms: Vec<String>,
        pace: Duration,
        seed: u64,
        start: Instant,
        drained: mpsc::Sender<()>,
    ) -> Self {
        let lived = Lived {
            user: me.id.clone(),
            rooms: rooms.clone(),
            sent: Vec::new(),
            sessions: Vec::new(),
            holes: 0,
            repeats: 0,
        };
        let dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self {
            me,
            rooms,
            pace,
            start,
            dice,
            has: BTreeMap::new(),
            open: Vec::new(),
            why: String::new(),
            drained: Some(drained),
            lived,
        }
    }

    fn roll(&mut self, below: u64) -> u64 {
        // Marsaglia's xorshift64.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % below.max(1)
    }

    /// Lives until everything is acknowledged and seen.
    pub(super) async fn live(mut self, phases: watch::Receiver<Phase>) -> Result<Lived> {
        let mut finishing = None;
        loop {
            if *phases.borrow() != Phase::Load {
                let deadline = *finishing.get_or_insert_with(|| Instant::now() + HEALING);
                ensure!(
                    Instant::now() < deadline,
                    "{} has not healed: {} messages open, {} sessions; the last: {}",
                    self.me.name,
                    self.open.len(),
                    self.lived.sessions.len(),
                    self.why
                );
            }
            match self.me.connect().await {
                Ok(socket) => {
                    if self.session(socket, &phases).await? {
                        let open = std::mem::take(&mut self.open);
                        self.lived.sent.extend(open.into_iter().map(|(sent, _)| sent));
                        return Ok(self.lived);
                    }
                }
                Err(e) => self.why = format!("{e:#}"),
            }
            // Jittered, as a client does: all at once would be the next fault.
            let pause = Duration::from_millis(100 + self.roll(900));
            tokio::time::sleep(pause).await;
        }
    }

    /// One session, to its end; whether that was the end of all.
    async fn session(&mut self, mut socket: Socket, phases: &watch::Receiver<Phase>) -> Result<bool> {
        let mut session = Session { user: self.me.id.clone(), ..Session::default() };
        let ended = self.serve(&mut socket, &mut session, phases).await;
        let rooms: Vec<&str> = self.rooms.iter().map(String::as_str).collect();
        let seen = Session::of(&self.me, &socket, &rooms, self.start)?;
        session.live = seen.live;
        self.lived.sessions.push(session);
        ended
    }

    async fn serve(
        &mut self,
        socket: &mut Socket,
        session: &mut Session,
        phases: &watch::Receiver<Phase>,
    ) -> Result<bool> {
        for room in self.rooms.clone() {
            let Some(head) = self.catch_up(&room, session).await? else { return Ok(false) };
            session.old_until.insert(room, head);
        }
        for (sent, at) in &mut self.open {
            // Told apart from a first send: what is stored already may come as a message, too.
            sent.session = None;
            *at = Instant::now();
            self.lived.repeats += 1;
            if let Err(e) = socket.begin(&sent.conversation, &sent.content, &sent.client_id).await {
                self.why = format!("{e:#}");
                return Ok(false);
            }
        }
        let mut next_send = Instant::now() + Duration::from_millis(self.roll(self.pace.as_millis() as u64));
        loop {
            let phase = *phases.borrow();
            if phase != Phase::Load && self.open.is_empty() {
                // Dropping it tells.
                self.drained = None;
            }
            if phase == Phase::End {
                for room in self.rooms.clone() {
                    if self.catch_up(&room, session).await?.is_none() {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            if phase == Phase::Load && Instant::now() >= next_send && self.open.len() < IN_FLIGHT {
                next_send = Instant::now() + self.pace;
                let at = self.roll(self.rooms.len() as u64) as usize;
                let room = self.rooms[at].clone();
                let text = format!("{} {} 字", self.me.name, self.lived.sent.len() + self.open.len());
                let sent = Sent::new(&self.me, Some(self.lived.sessions.len()), &room, &text, &fresh("c"));
                let begun = socket.begin(&room, &text, &sent.client_id).await;
                self.open.push((sent, Instant::now()));
                if let Err(e) = begun {
                    self.why = format!("{e:#}");
                    return Ok(false);
                }
            }
            if let Some((sent, _)) = self.open.iter().find(|(_, at)| at.elapsed() > AGAIN) {
                // The repeat goes over a new connection, as the one at hand may lead nowhere.
                self.why = format!(
                    "{} in {} was not stored, accepted: {}",
                    sent.client_id, sent.conversation, sent.accepted
                );
                return Ok(false);
            }
            match socket.within(Duration::from_millis(50)).await? {
                Next::Frame(frame) => {
                    if !self.frame(&frame, session).await? {
                        return Ok(false);
                    }
                }
                Next::Nothing => {}
                Next::Closed => {
                    self.why = "it was closed".to_owned();
                    return Ok(false);
                }
            }
        }
    }

    /// Takes a frame; whether to go on with this session.
    async fn frame(&mut self, frame: &serde_json::Value, session: &mut Session) -> Result<bool> {
        match frame.text("type")? {
            "new-message" => {
                let seen = Seen::of(frame.at("data.message")?)?;
                let has = self.has.get(&seen.conversation).copied().unwrap_or(0);
                if seen.seq == has + 1 {
                    self.has.insert(seen.conversation, seen.seq);
                } else if seen.seq > has {
                    // A gap means: ask for it.
                    self.lived.holes += 1;
                    return Ok(self.catch_up(&seen.conversation, session).await?.is_some());
                }
            }
            "message-ack" => {
                let id = frame.text("data.clientMsgId")?;
                let Some(at) = self.open.iter().position(|(sent, _)| sent.client_id == id) else {
                    return Ok(true);
                };
                if frame.text("data.status")? == "accepted" {
                    self.open[at].0.accepted = true;
                    return Ok(true);
                }
                let (mut sent, _) = self.open.remove(at);
                sent.told.push((frame.text("data.messageId")?.to_owned(), frame.int("data.seq")?));
                let has = self.has.get(&sent.conversation).copied().unwrap_or(0);
                let (conversation, seq) = (sent.conversation.clone(), frame.int("data.seq")?);
                if seq == has + 1 {
                    // One's own message is not echoed; the ack says all of it.
                    session.synced.push(Seen {
                        id: sent.told[0].0.clone(),
                        conversation: conversation.clone(),
                        seq,
                        sender: self.me.id.clone(),
                        client_id: sent.client_id.clone(),
                        content: sent.content.clone(),
                    });
                    self.has.insert(conversation, seq);
                    self.lived.sent.push(sent);
                } else {
                    self.lived.sent.push(sent);
                    if seq > has {
                        self.lived.holes += 1;
                        return Ok(self.catch_up(&conversation, session).await?.is_some());
                    }
                }
            }
            "error" => {
                let code = frame.text("data.code")?;
                ensure!(PASSING.contains(&code), "{} was refused: {frame}", self.me.name);
                // Sent again over the next session.
                self.why = frame.to_string();
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    /// Reads what is above what it has; the head, or none when the system is not there.
    async fn catch_up(&mut self, room: &str, session: &mut Session) -> Result<Option<i64>> {
        loop {
            let after = self.has.get(room).copied().unwrap_or(0);
            let path = format!("/conversations/{room}/messages?afterSeq={after}&limit=100");
            let reply = match self.me.get(&path).await {
                Ok(reply) => reply,
                Err(e) => {
                    self.why = format!("{e:#}");
                    return Ok(None);
                }
            };
            if reply.status.is_server_error() || reply.status.as_u16() == 429 {
                self.why = format!("{path}: {}", reply.status);
                return Ok(None);
            }
            let page = reply.ok(200).with_context(|| format!("catching up with {room}"))?;
            for message in page.list("")? {
                let seen = Seen::of(message)?;
                if seen.seq != self.has.get(room).copied().unwrap_or(0) + 1 {
                    bail!("history of {room} after {after} has a hole before {}", seen.seq);
                }
                self.has.insert(room.to_owned(), seen.seq);
                session.synced.push(seen);
            }
            if !reply.json.flag("pagination.hasMore")? {
                return Ok(Some(self.has.get(room).copied().unwrap_or(0)));
            }
        }
    }
}
