//! Notifications of new messages, for members who are not there to see them.
//!
//! Told is who is a member, did not write it, is no guest, has no session on any gateway, has not muted the conversation,
//! and has not read it. Nobody is told of the world channel. In groups above [`PushRules::members_max`] only those are told
//! who are mentioned: that is what bounds the work for one message.
//!
//! Notifications collapse: of messages that are handled together only the newest of a conversation makes one, and after a
//! notification nothing is told of the same conversation for [`PushRules::collapse`]. That time is measured in the times of
//! the messages, so a repetition decides as the first time did. What falls into it is not told later on its own: the user
//! has a notification on the screen, and the next one counts all that is unread. What was told is remembered in memory; a
//! process that forgets it tells somebody twice at worst.

mod told;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::try_join_all;

use self::told::Told;
use crate::model::{ConversationId, MessageView, UserId};
use crate::ports::{
    ConversationStore, Directory, Freshness, MessageStore, Notification, PushSender, Result, Sessions,
    StoreError, UserStore,
};

/// Candidates that are looked at together; a conversation is never split.
const WORK: usize = 1_000;
/// Users asked about in one call.
const ASKED: usize = 500;
/// Calls at a time, where one is needed for each user.
const AT_ONCE: usize = 16;

/// What notifications stand on.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the port of that name")]
pub struct PushPorts {
    pub sender: Arc<dyn PushSender>,
    pub users: Arc<dyn UserStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub directory: Arc<dyn Directory>,
    pub messages: Arc<dyn MessageStore>,
    pub sessions: Arc<dyn Sessions>,
}

/// What an operator may set of notifications.
#[derive(Debug, Clone)]
pub struct PushRules {
    /// In larger conversations only those are told who are mentioned. Members.
    pub members_max: u32,
    /// Least time between two notifications of one user and conversation.
    pub collapse: std::time::Duration,
    /// Whether the content goes along.
    pub content: bool,
    /// Most notifications handed over at once.
    pub batch: usize,
    /// Most users and conversations of which it is remembered that they were told.
    pub remembered: usize,
}

/// Tells those who are not there.
#[derive(Debug)]
pub struct Push {
    ports: PushPorts,
    rules: PushRules,
    told: Told,
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
pub enum PushFailed {
    /// The sender did not take notifications, in all its tries.
    #[error("notifications not taken")]
    Sender {
        /// The first message, by its place in the batch, of which somebody was not told.
        index: usize,
        /// How it failed.
        source: StoreError,
    },
    /// It is not known who should be told; all can be given again.
    #[error("nobody knows who should be told")]
    Store(#[from] StoreError),
}

/// Somebody who may have to be told.
#[derive(Debug)]
struct Candidate {
    user: UserId,
    index: usize,
    mentioned: bool,
}

impl Push {
    /// Over ports.
    #[must_use]
    pub fn new(ports: PushPorts, rules: PushRules) -> Self {
        let told = Told::new(rules.collapse, rules.remembered);
        Self { ports, rules, told }
    }

    /// Tells of new messages, those of one conversation in ascending order. May be given messages again, also in other
    /// batches: who was told of one is not told of it, or of an older one, again.
    ///
    /// # Errors
    /// See [`PushFailed`]. Some may have been told.
    pub async fn notify(&self, batch: &[MessageView]) -> std::result::Result<(), PushFailed> {
        let mut groups: Vec<(ConversationId, Vec<usize>)> = Vec::new();
        let mut places = HashMap::new();
        for index in self.present(batch).await? {
            let conversation = batch[index].message.conversation;
            let place = *places.entry(conversation).or_insert_with(|| {
                groups.push((conversation, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(index);
        }
        if groups.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = groups.iter().map(|(id, of)| (*id, batch[of[0]].message.sender)).collect();
        let found = self.ports.directory.access(&asked, self.rules.members_max, Freshness::Cached).await?;
        let mut work = Vec::new();
        for ((conversation, of), access) in groups.iter().zip(found) {
            // Gone: nobody can read it.
            let Some(access) = access else { continue };
            match &access.members {
                Some(members) => self.candidates(batch, of, members, &mut work),
                None => {
                    let addressed = self.addressed(*conversation, batch, of).await?;
                    self.candidates(batch, of, &addressed, &mut work);
                }
            }
            if work.len() >= WORK {
                self.tell(batch, std::mem::take(&mut work)).await?;
            }
        }
        self.tell(batch, work).await
    }

    /// The places of those that somebody may be told of: not what was recalled meanwhile.
    async fn present(&self, batch: &[MessageView]) -> Result<Vec<usize>> {
        let places: Vec<_> =
            (0..batch.len()).filter(|i| !batch[*i].message.conversation.is_world()).collect();
        if places.is_empty() {
            return Ok(places);
        }
        let ids: Vec<_> = places.iter().map(|i| batch[*i].message.id).collect();
        let stored = self.ports.messages.by_ids(&ids).await?;
        // One that is not found was stored a moment ago, and a replica does not have it yet.
        let recalled =
            |i: usize| stored.get(i).and_then(Option::as_ref).is_some_and(|m| m.recalled.is_some());
        Ok(places.into_iter().enumerate().filter(|(i, _)| !recalled(*i)).map(|(_, place)| place).collect())
    }

    /// The members of a large conversation who are mentioned.
    async fn addressed(
        &self,
        conversation: ConversationId,
        batch: &[MessageView],
        of: &[usize],
    ) -> Result<Vec<UserId>> {
        let mut seen = HashSet::new();
        let mentions = of.iter().flat_map(|i| &batch[*i].message.body.mentions);
        let mentioned: Vec<_> = mentions.copied().filter(|user| seen.insert(*user)).collect();
        let mut members = Vec::new();
        for users in mentioned.chunks(ASKED) {
            let found = self.ports.directory.members(conversation, users).await?;
            members.extend(found.into_iter().flatten().map(|member| member.user));
        }
        Ok(members)
    }

    /// Adds those of `users` who may have to be told of messages (`of`) of one conversation, each of the newest that is not
    /// their own.
    fn candidates(&self, batch: &[MessageView], of: &[usize], users: &[UserId], work: &mut Vec<Candidate>) {
        let mentioned: HashSet<_> = of.iter().flat_map(|i| &batch[*i].message.body.mentions).collect();
        for user in users {
            let newest = of.iter().rev().copied().find(|i| batch[*i].message.sender != *user);
            let Some(index) = newest else { continue };
            if self.told.may(*user, &batch[index].message) {
                work.push(Candidate { user: *user, index, mentioned: mentioned.contains(user) });
            }
        }
    }

    async fn tell(
        &self,
        batch: &[MessageView],
        mut work: Vec<Candidate>,
    ) -> std::result::Result<(), PushFailed> {
        self.retain_away(&mut work).await?;
        let mut notifications = self.notifications(batch, &work).await?;
        // In the order of the messages, so that a failure is due to the first that was not told of.
        notifications.sort_by_key(|(index, _)| *index);
        for part in notifications.chunks(self.rules.batch.max(1)) {
            let told: Vec<_> = part.iter().map(|(_, notification)| notification.clone()).collect();
            let sent = self.ports.sender.send(&told).await;
            sent.map_err(|source| PushFailed::Sender { index: part[0].0, source })?;
            self.told.remember(&told);
        }
        Ok(())
    }

    /// Leaves accounts, not guests, that have no session.
    async fn retain_away(&self, work: &mut Vec<Candidate>) -> Result<()> {
        let distinct = |work: &[Candidate]| {
            let mut seen = HashSet::new();
            work.iter().map(|c| c.user).filter(|user| seen.insert(*user)).collect::<Vec<_>>()
        };
        let mut away = HashSet::new();
        for users in distinct(work).chunks(ASKED) {
            let online = self.ports.sessions.online(users).await?;
            away.extend(users.iter().zip(online).filter(|(_, online)| !online).map(|(user, _)| *user));
        }
        work.retain(|c| away.contains(&c.user));
        let mut accounts = HashSet::new();
        for users in distinct(work).chunks(ASKED) {
            let found = self.ports.users.by_ids(users).await?;
            accounts.extend(found.into_iter().flatten().filter(|user| !user.guest).map(|user| user.id));
        }
        work.retain(|c| accounts.contains(&c.user));
        Ok(())
    }

    /// What each is told, by the place of the message; nothing where they have muted the conversation, or read it.
    async fn notifications(
        &self,
        batch: &[MessageView],
        work: &[Candidate],
    ) -> Result<Vec<(usize, Notification)>> {
        let mut users: HashMap<UserId, Vec<&Candidate>> = HashMap::new();
        for candidate in work {
            users.entry(candidate.user).or_default().push(candidate);
        }
        let users: Vec<_> = users.into_iter().collect();
        let mut all = Vec::new();
        for some in users.chunks(AT_ONCE) {
            let asked = some.iter().map(|(user, theirs)| async move {
                let ids: Vec<_> = theirs.iter().map(|c| batch[c.index].message.conversation).collect();
                self.ports.conversations.entries(*user, &ids).await
            });
            for ((_, theirs), entries) in some.iter().zip(try_join_all(asked).await?) {
                let both = theirs.iter().zip(entries);
                all.extend(both.filter_map(|(candidate, entry)| self.notification(batch, candidate, entry?)));
            }
        }
        Ok(all)
    }

    fn notification(
        &self,
        batch: &[MessageView],
        candidate: &Candidate,
        entry: crate::model::ConversationEntry,
    ) -> Option<(usize, Notification)> {
        let view = &batch[candidate.index];
        let message = &*view.message;
        // From the message itself, since a replica may not know of it yet.
        let unread = message.seq.since(entry.me.read_seq.max(entry.me.joined_seq));
        if entry.muted || unread == 0 {
            return None;
        }
        let notification = Notification {
            user: candidate.user,
            conversation: message.conversation,
            message: message.id,
            seq: message.seq,
            sender: message.sender,
            sender_name: view.sender.as_ref().map_or("", |sender| sender.shown_name()).into(),
            kind: message.body.kind,
            mentioned: candidate.mentioned,
            unread: unread.max(entry.unread()),
            at: message.sent_at,
            content: self.rules.content.then(|| Arc::clone(&message.body.content)),
        };
        Some((candidate.index, notification))
    }
}
