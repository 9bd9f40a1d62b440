//! From a batch of deliveries to bytes in sockets.
//!
//! A batch is put together by conversation, so that a session in one of them gets one slice for all its new messages. A
//! session that waits for receipts in the batch is taken out of that: it gets messages and receipts in the batch's order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use gochat_core::error::Code;
use gochat_core::model::{
    Access, Audience, ConversationId, Delivery, EndReason, Event, Origin, PageLimit, ReplyTo, SessionId,
    UserId,
};
use gochat_core::ports::{Deliver, Directory, ErrorKind, Freshness, Result, Retry, StoreError};
use rustc_hash::FxHashMap;

use super::group::{Group, Item, conversation_of};
use super::session::Session;
use super::{CloseReason, Hub, Link, shard_of};

/// Members looked up at a time for large conversations.
const MEMBER_PAGE: u32 = 1_000;
/// Up to so many sessions it is cheaper to ask of each whether it is a member than to look up every member of a large
/// conversation: a question costs about 40 ns, a member 9.
const FEW_SESSIONS: usize = 4_000;
/// Sockets written to before other tasks of this thread get their turn.
const FLUSH_SLICE: usize = 256;

/// What a session that sent something in this batch gets, by place in the batch.
#[derive(Default)]
struct Personal {
    pieces: Vec<(usize, Piece)>,
}

enum Piece {
    /// Event `item` of group `group`.
    Grouped { group: usize, item: usize },
    /// The receipt at this place of the batch.
    Receipt,
}

struct Batch<'a> {
    deliveries: &'a [Delivery],
    groups: Vec<Group<'a>>,
    newest: FxHashMap<ConversationId, usize>,
    personal: FxHashMap<SessionId, Personal>,
    out: Out,
}

/// What was queued.
#[derive(Default)]
struct Out {
    /// The batch is one group: nothing more will come for a session, so it is written to as it is found.
    at_once: bool,
    /// Sessions with something queued, to be written to at the end.
    dirty: Vec<Arc<Session>>,
    frames: usize,
    bytes: usize,
}

#[async_trait]
impl Deliver for Hub {
    async fn deliver(&self, deliveries: Vec<Delivery>) -> Result<()> {
        let mut batch = Batch {
            deliveries: &deliveries,
            groups: Vec::new(),
            newest: FxHashMap::default(),
            personal: FxHashMap::default(),
            out: Out::default(),
        };
        let ends = self.sort(&mut batch);
        batch.out.at_once = batch.groups.len() == 1;
        for i in 0..batch.groups.len() {
            self.spread(&mut batch, i).await?;
        }
        self.receipts(&mut batch);
        let metrics = &self.inner.metrics;
        metrics.deliveries.inc_by(batch.out.frames as u64);
        metrics.frames_out.inc_by(batch.out.frames as u64);
        metrics.bytes_out.inc_by(batch.out.bytes as u64);
        for (n, session) in batch.out.dirty.iter().enumerate() {
            session.flush();
            if n % FLUSH_SLICE == FLUSH_SLICE - 1 {
                tokio::task::yield_now().await;
            }
        }
        for (audience, reason) in ends {
            self.end(audience, reason);
        }
        Ok(())
    }
}

impl Hub {
    /// Puts deliveries into groups, notes receipts, answers waiting calls, and returns which sessions are to end.
    fn sort<'a>(&self, batch: &mut Batch<'a>) -> Vec<(&'a Audience, EndReason)> {
        let mut ends = Vec::new();
        for (position, delivery) in batch.deliveries.iter().enumerate() {
            match (&delivery.event, &delivery.audience) {
                (Event::EndSession(reason), audience) => ends.push((audience, *reason)),
                (event, Audience::Origin(origin)) => self.note_receipt(batch, position, event, origin),
                (event, audience) => {
                    let conversation = conversation_of(event);
                    let open = conversation.and_then(|c| batch.newest.get(&c)).copied();
                    let group = match open.filter(|i| batch.groups[*i].takes(audience)) {
                        Some(i) => i,
                        None => {
                            batch.groups.push(Group::new(audience));
                            batch.groups.len() - 1
                        }
                    };
                    if let Some(conversation) = conversation {
                        batch.newest.insert(conversation, group);
                    } else {
                        // What is no message keeps its place among the messages before and after it.
                        batch.newest.clear();
                    }
                    batch.groups[group].events.push(Item::new(position, event, delivery.except));
                }
            }
        }
        ends
    }

    fn note_receipt(&self, batch: &mut Batch<'_>, position: usize, event: &Event, origin: &Origin) {
        if origin.gateway != self.inner.gateway {
            return;
        }
        match origin.reply {
            ReplyTo::Session(session) => {
                batch.personal.entry(session).or_default().pieces.push((position, Piece::Receipt));
            }
            ReplyTo::Request(request) => {
                let answer = match event {
                    Event::Stored(receipt) => Ok(receipt.clone()),
                    Event::Refused { code, .. } => Err(*code),
                    _ => Err(Code::Internal),
                };
                self.inner.waiters.answer(request, answer);
            }
            ReplyTo::Nobody => {}
        }
    }

    /// Queues a group to every session of its audience.
    async fn spread(&self, batch: &mut Batch<'_>, group: usize) -> Result<()> {
        match batch.groups[group].audience {
            Audience::Users(users) => {
                let users = Arc::clone(users);
                self.spread_users(batch, group, &users).await;
            }
            Audience::Members(conversation) => self.spread_members(batch, group, *conversation).await?,
            Audience::Everyone => {
                // Not at once: whoever connects would wait for the writes to a whole shard.
                batch.out.at_once = false;
                for shard in &self.inner.sessions {
                    for session in shard.read().values() {
                        self.queue(batch, group, session);
                    }
                }
            }
            Audience::Login(user, login) => {
                self.spread_where(batch, group, *user, |s| s.info().login == *login);
            }
            Audience::Session(user, id) => {
                self.spread_where(batch, group, *user, |s| s.info().session == *id)
            }
            _ => {}
        }
        Ok(())
    }

    async fn spread_users(&self, batch: &mut Batch<'_>, group: usize, users: &[UserId]) {
        for slice in users.chunks(FLUSH_SLICE) {
            for user in slice {
                self.spread_where(batch, group, *user, |_| true);
            }
            if batch.out.at_once && slice.len() == FLUSH_SLICE {
                tokio::task::yield_now().await;
            }
        }
    }

    fn spread_where(
        &self,
        batch: &mut Batch<'_>,
        group: usize,
        user: UserId,
        which: impl Fn(&Session) -> bool,
    ) {
        let shard = self.inner.users[shard_of(user.get())].read();
        let Some(sessions) = shard.get(&user) else { return };
        for session in sessions.iter().filter(|s| which(s)) {
            self.queue(batch, group, session);
        }
    }

    async fn spread_members(
        &self,
        batch: &mut Batch<'_>,
        group: usize,
        conversation: ConversationId,
    ) -> Result<()> {
        const OPERATION: &str = "hub.members";
        let wired = self.inner.directory.get();
        let directory = wired.ok_or_else(|| StoreError::new(ErrorKind::Internal, Retry::Never, OPERATION))?;
        let limit = PageLimit::new(MEMBER_PAGE, MEMBER_PAGE).expect("a page has more than no members");
        let mut after = None;
        loop {
            let page = directory.member_ids(conversation, after, limit).await?;
            let many = after.is_none() && page.len() >= MEMBER_PAGE as usize;
            if many && self.inner.count.load(Ordering::Relaxed) <= FEW_SESSIONS {
                let here = self.members_here(&**directory, conversation).await?;
                self.spread_users(batch, group, &here).await;
                return Ok(());
            }
            self.spread_users(batch, group, &page).await;
            match page.last() {
                Some(last) if page.len() >= MEMBER_PAGE as usize => after = Some(*last),
                _ => return Ok(()),
            }
        }
    }

    /// Who of those connected here is a member: the short way round when the members are many and the sessions few.
    async fn members_here(
        &self,
        directory: &dyn Directory,
        conversation: ConversationId,
    ) -> Result<Vec<UserId>> {
        let mut asked = Vec::with_capacity(self.inner.count.load(Ordering::Relaxed));
        for shard in &self.inner.users {
            asked.extend(shard.read().keys().map(|user| (conversation, *user)));
        }
        let access = directory.access(&asked, 0, Freshness::Cached).await?;
        let is_member = |access: &Option<Access>| access.as_ref().is_some_and(|a| a.member.is_some());
        Ok(asked.into_iter().zip(access).filter(|(_, a)| is_member(a)).map(|((_, user), _)| user).collect())
    }

    /// Queues a group to one session.
    fn queue(&self, batch: &mut Batch<'_>, index: usize, session: &Arc<Session>) {
        let info = session.info();
        let group = &mut batch.groups[index];
        if let Link::Events(_) = session.link() {
            group.events.iter().filter(|i| i.is_for(info)).for_each(|i| session.push_event(i.event));
            return;
        }
        if let Some(personal) = batch.personal.get_mut(&info.session) {
            for (item, it) in group.events.iter().enumerate().filter(|(_, it)| it.is_for(info)) {
                personal.pieces.push((it.position, Piece::Grouped { group: index, item }));
            }
            return;
        }
        let encoder = &*self.inner.encoder;
        let mut count = group.events.len();
        let frames = if group.is_for(info) {
            group.all(encoder)
        } else {
            let mut own = Vec::new();
            for item in 0..group.events.len() {
                if group.events[item].is_for(info) {
                    own.extend_from_slice(group.one(item, encoder));
                } else {
                    count -= 1;
                }
            }
            own.into()
        };
        self.push(&mut batch.out, session, &frames, count);
    }

    fn push(&self, out: &mut Out, session: &Arc<Session>, frames: &Bytes, count: usize) {
        if frames.is_empty() {
            return;
        }
        out.frames += count;
        out.bytes += frames.len();
        let limits = &self.inner.limits;
        let pushed = if out.at_once {
            session.write_or_queue(frames, limits)
        } else {
            session.push_batched(frames.clone(), limits)
        };
        match pushed {
            Ok(true) => out.dirty.push(Arc::clone(session)),
            Ok(false) => {}
            Err(_) => self.close(session, CloseReason::TooSlow),
        }
    }

    /// Gives each sending session its receipts among the messages it gets, in the batch's order. What the receipts say of
    /// a conversation is said once, behind the last of them: it is absolute.
    fn receipts(&self, batch: &mut Batch<'_>) {
        let encoder = &*self.inner.encoder;
        for (id, mut personal) in std::mem::take(&mut batch.personal) {
            let Some(session) = self.session(id) else { continue };
            personal.pieces.sort_by_key(|(position, _)| *position);
            let mut last: FxHashMap<ConversationId, usize> = FxHashMap::default();
            for (position, piece) in &personal.pieces {
                if let (Piece::Receipt, Event::Stored(r)) = (piece, &batch.deliveries[*position].event) {
                    last.insert(r.view.message.conversation, *position);
                }
            }
            let pieces = personal.pieces.len();
            let mut own = Vec::with_capacity(pieces * 384);
            for (position, piece) in personal.pieces {
                match piece {
                    Piece::Grouped { group, item } => {
                        own.extend_from_slice(batch.groups[group].one(item, encoder));
                    }
                    Piece::Receipt => {
                        let Delivery { event, audience, .. } = &batch.deliveries[position];
                        if let Audience::Origin(origin) = audience {
                            encoder.receipt(event, origin, session.info(), &mut own);
                        }
                        if let Event::Stored(r) = event
                            && last.get(&r.view.message.conversation) == Some(&position)
                        {
                            encoder.sent(&r.view, &mut own);
                        }
                    }
                }
            }
            self.push(&mut batch.out, &session, &own.into(), pieces);
        }
    }

    fn end(&self, audience: &Audience, reason: EndReason) {
        let reason = match reason {
            EndReason::Replaced => CloseReason::Replaced,
            _ => CloseReason::LoginEnded,
        };
        let user = match *audience {
            Audience::Login(user, _) | Audience::Session(user, _) => user,
            _ => return,
        };
        let which = |s: &Session| match *audience {
            Audience::Login(_, login) => s.info().login == login,
            Audience::Session(_, id) => s.info().session == id,
            _ => false,
        };
        let found: Vec<_> = {
            let shard = self.inner.users[shard_of(user.get())].read();
            shard.get(&user).into_iter().flatten().filter(|s| which(s)).map(Arc::clone).collect()
        };
        for session in found {
            self.close(&session, reason);
        }
    }
}
