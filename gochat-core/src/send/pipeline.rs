//! The pipeline itself: one batch through all steps.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join3;
use slog::{Logger, debug, warn};

use super::authorise::{among_friends, authorise};
use super::batch::Batch;
use super::plan::{Outcome, plan};
use super::validate::validate;
use crate::error::Code;
use crate::model::{
    Access, AccessKind, ConversationId, Message, MessageKey, NewMessage, Receipt, SendCommand, Seq,
    Timestamp, User, UserId,
};
use crate::ports::{Appended, ErrorKind, Freshness, Ports, Result, Retry, StoreError};
use crate::settings::{Settings, WritePolicy};

/// Takes batches of sends to their end. Any number may run; one conversation's sends should come through one of them at a
/// time, which costs rounds when broken, never order.
#[derive(Debug, Clone)]
pub struct Pipeline {
    ports: Ports,
    settings: Arc<Settings>,
    log: Logger,
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Stored by this call.
    pub stored: usize,
    /// Recognised as sent before.
    pub repeated: usize,
    /// Refused; the sender was told why.
    pub refused: usize,
    /// Times that the store was asked to append; 1 unless other writers interfered.
    pub rounds: u32,
}

/// What a user may do in a conversation.
type Answer = ((ConversationId, UserId), Option<Access>);

fn key(command: &SendCommand) -> MessageKey {
    MessageKey {
        conversation: command.conversation,
        sender: command.sender,
        client_msg_id: command.client_msg_id.clone(),
    }
}

impl Pipeline {
    /// Makes a pipeline over the ports.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { ports, settings, log }
    }

    /// Takes a batch to its end: each send is stored, recognised or refused, and everybody concerned is told.
    ///
    /// - Order: within a conversation, messages get their sequences in the order of the batch and are delivered in it.
    /// - Replay: on an error some of the batch may be stored and none of it may be delivered; give the same batch again
    ///   until it succeeds, here or elsewhere. Nothing is stored twice.
    ///
    /// # Errors
    /// Whatever a port that is needed failed with; `Overloaded` when other writers kept interfering.
    pub async fn process(&self, commands: &[SendCommand]) -> Result<Report> {
        let mut report = Report::default();
        let mut batch = Batch {
            commands,
            outcomes: vec![None; commands.len()],
            access: HashMap::with_capacity(commands.len()),
            friends: HashMap::new(),
            audiences: HashMap::new(),
        };
        let now = self.ports.clock.now();
        for (command, outcome) in commands.iter().zip(&mut batch.outcomes) {
            *outcome = validate(&command.body, &self.settings).err().map(|e| Outcome::Refused(e.code()));
        }
        let mut open = batch.open();
        let mut freshness = Freshness::Cached;
        // None needs what another answers, and a lone message waits for the slowest of them instead of for all.
        let (seen, senders, access) =
            join3(self.seen(&batch, &open), self.senders(&batch), self.ask_access(&batch, &open, freshness))
                .await;
        let (senders, access) = (senders?, access?);
        batch.access.extend(access);
        self.recognise(&mut batch, &open, &seen).await?;

        open = batch.open();
        while !open.is_empty() {
            if report.rounds >= self.settings.send_attempts {
                return Err(StoreError::new(ErrorKind::Overloaded, Retry::Safe, "send.process"));
            }
            report.rounds += 1;
            self.authorise(&mut batch, &open, now, freshness).await?;
            freshness = self.append(&mut batch, now).await?;
            open = batch.open();
            batch.access.extend(self.ask_access(&batch, &open, freshness).await?);
        }
        self.reload_audiences(&mut batch).await?;
        self.deliver(&batch, &senders, &mut report).await?;
        Ok(report)
    }

    /// Tells the senders of a batch that nothing became of it, when [`process`](Self::process) has failed for good.
    ///
    /// # Errors
    /// When they can't be told.
    pub async fn refuse(&self, commands: &[SendCommand], code: Code) -> Result<()> {
        let mut deliveries = Vec::with_capacity(commands.len());
        for command in commands {
            plan(command, &Outcome::Refused(code), None, None, &mut deliveries);
        }
        self.ports.deliver.deliver(deliveries).await
    }

    /// What the fast path remembers of open sends, one answer each; nothing when it is away.
    async fn seen(&self, batch: &Batch<'_>, open: &[usize]) -> Vec<Option<Receipt>> {
        if open.is_empty() {
            return Vec::new();
        }
        let keys: Vec<_> = open.iter().map(|i| key(&batch.commands[*i])).collect();
        self.ports.dedup.seen(&keys).await.unwrap_or_else(|e| {
            warn!(self.log, "deduplication is away, the store decides alone"; "error" => %e);
            Vec::new()
        })
    }

    /// Takes what is remembered for repeats. It has been delivered.
    async fn recognise(&self, batch: &mut Batch<'_>, open: &[usize], seen: &[Option<Receipt>]) -> Result<()> {
        let (at, ids): (Vec<_>, Vec<_>) =
            open.iter().zip(seen).filter_map(|(i, receipt)| receipt.map(|r: Receipt| (*i, r.id))).unzip();
        if ids.is_empty() {
            return Ok(());
        }
        // What the store doesn't have was remembered wrongly (a store put back in time): the send goes on as new.
        for (i, message) in at.into_iter().zip(self.ports.messages.by_ids(&ids).await?) {
            batch.outcomes[i] = message
                .filter(|m| m.key() == key(&batch.commands[i]))
                .map(|message| Outcome::Delivered(Arc::new(message)));
        }
        Ok(())
    }

    /// The faces of all senders. Asked before anything is stored, so that a failure here costs nothing.
    async fn senders(&self, batch: &Batch<'_>) -> Result<HashMap<UserId, Arc<User>>> {
        let mut ids: Vec<_> = batch.commands.iter().map(|c| c.sender).collect();
        ids.sort_unstable();
        ids.dedup();
        let users = self.ports.users.by_ids(&ids).await?;
        Ok(users.into_iter().flatten().map(|user| (user.id, user)).collect())
    }

    /// Refuses who may not send, by rights that were asked for as fresh as `freshness` says, unless it is a repeat of what they
    /// sent while they still might.
    async fn authorise(
        &self,
        batch: &mut Batch<'_>,
        open: &[usize],
        now: Timestamp,
        freshness: Freshness,
    ) -> Result<()> {
        self.ask_friends(batch, open).await?;
        let refused = |batch: &Batch<'_>, among: &[usize]| -> Vec<(usize, Code)> {
            let judge = |i: &usize| self.judge(batch, &batch.commands[*i], now).err().map(|code| (*i, code));
            among.iter().filter_map(judge).collect()
        };
        let mut denied = refused(batch, open);
        if denied.is_empty() {
            return Ok(());
        }
        if freshness == Freshness::Cached {
            // A cache that has not heard yet must not refuse somebody who was just let in.
            let again: Vec<_> = denied.iter().map(|(i, _)| *i).collect();
            batch.access.extend(self.ask_access(batch, &again, Freshness::Fresh).await?);
            denied = refused(batch, &again);
        }
        if denied.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = denied.iter().map(|(i, _)| key(&batch.commands[*i])).collect();
        for ((i, code), stored) in denied.into_iter().zip(self.ports.messages.by_keys(&keys).await?) {
            batch.outcomes[i] = Some(match stored {
                Some(message) => Outcome::Repeated(Arc::new(message)),
                None => Outcome::Refused(code),
            });
        }
        Ok(())
    }

    fn judge(
        &self,
        batch: &Batch<'_>,
        command: &SendCommand,
        now: Timestamp,
    ) -> std::result::Result<(), Code> {
        let access = batch.access_of(command);
        authorise(access, now)?;
        match (self.settings.write_policy, access) {
            (WritePolicy::Friends, Some(access)) => {
                let friends = batch.friends.get(&command.sender).map_or(&[][..], Vec::as_slice);
                among_friends(access, command.sender, friends)
            }
            _ => Ok(()),
        }
    }

    /// Who the senders into single conversations have for friends: one question more where the answer matters, none
    /// elsewhere.
    async fn ask_friends(&self, batch: &mut Batch<'_>, of: &[usize]) -> Result<()> {
        if self.settings.write_policy != WritePolicy::Friends {
            return Ok(());
        }
        let single = |c: &&SendCommand| batch.access_of(c).is_some_and(|a| a.kind == AccessKind::Single);
        let mut senders: Vec<_> =
            of.iter().map(|i| &batch.commands[*i]).filter(single).map(|c| c.sender).collect();
        senders.sort_unstable();
        senders.dedup();
        if senders.is_empty() {
            return Ok(());
        }
        let friends = self.ports.friends.friends(&senders).await?;
        batch.friends.extend(senders.into_iter().zip(friends));
        Ok(())
    }

    async fn ask_access(&self, batch: &Batch<'_>, of: &[usize], freshness: Freshness) -> Result<Vec<Answer>> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked: Vec<_> =
            of.iter().map(|i| (batch.commands[*i].conversation, batch.commands[*i].sender)).collect();
        asked.sort_unstable();
        asked.dedup();
        let max = match self.settings.write_policy {
            // The other of two must be named to ask whether they are friends.
            WritePolicy::Friends => self.settings.direct_fanout_max.max(2),
            _ => self.settings.direct_fanout_max,
        };
        let answers = self.ports.directory.access(&asked, max, freshness).await?;
        Ok(asked.into_iter().zip(answers).collect())
    }

    /// A repeat goes to the members of now. What the batch was authorised by may be a cache that is older than the message,
    /// from which somebody was removed before it was stored; the store did not refuse it, since it wrote nothing.
    async fn reload_audiences(&self, batch: &mut Batch<'_>) -> Result<()> {
        let repeated = batch.repeated();
        if !repeated.is_empty() {
            batch.audiences.extend(self.ask_access(batch, &repeated, Freshness::Fresh).await?);
        }
        Ok(())
    }

    /// Numbers and appends what is still open. Answers how fresh rights must be in the next round, if there is one.
    async fn append(&self, batch: &mut Batch<'_>, now: Timestamp) -> Result<Freshness> {
        let open = batch.open();
        if open.is_empty() {
            return Ok(Freshness::Cached);
        }
        let mut next = self.reserve(batch, &open).await?;
        let mut new = Vec::with_capacity(open.len());
        for i in &open {
            let command = &batch.commands[*i];
            let seq = next.get_mut(&command.conversation).map_or(Seq::ZERO, |next| {
                let seq = *next;
                *next = seq.next();
                seq
            });
            let members_version = batch.access_of(command).map(|a| a.version).unwrap_or_default();
            new.push(NewMessage { message: Self::message(command, seq, now), members_version });
        }
        let mut freshness = Freshness::Cached;
        let mut heads: HashMap<ConversationId, Seq> = HashMap::new();
        let mut behind = 0_usize;
        let appended = self.ports.messages.append(&new).await?;
        for ((i, new), appended) in open.into_iter().zip(new).zip(appended) {
            match appended {
                Appended::Stored => batch.outcomes[i] = Some(Outcome::Stored(new.message)),
                Appended::Repeated(message) => {
                    batch.outcomes[i] = Some(Outcome::Repeated(Arc::from(message)))
                }
                Appended::OutOfSequence { head } => {
                    behind += usize::from(new.message.seq <= head);
                    heads.insert(new.message.conversation, head);
                }
                Appended::MembersChanged => freshness = Freshness::Fresh,
            }
        }
        if !heads.is_empty() {
            let heads: Vec<_> = heads.into_iter().collect();
            let conversations = heads.len();
            if behind > 0 {
                warn!(self.log, "sequence counters were behind the store"; "conversations" => conversations);
            } else {
                // Every repeat and every refusal leaves a number unused; so does a batch that failed.
                debug!(self.log, "sequence counters had run ahead of the store"; "conversations" => conversations);
            }
            self.ports.sequencer.restore(&heads).await?;
        }
        Ok(freshness)
    }

    fn message(command: &SendCommand, seq: Seq, now: Timestamp) -> Arc<Message> {
        Arc::new(Message {
            id: command.id,
            conversation: command.conversation,
            seq,
            sender: command.sender,
            client_msg_id: command.client_msg_id.clone(),
            body: command.body.clone(),
            sent_at: now,
            edited_at: None,
            recalled: None,
        })
    }

    /// The next free number of each conversation that has open sends.
    async fn reserve(&self, batch: &Batch<'_>, open: &[usize]) -> Result<HashMap<ConversationId, Seq>> {
        let mut wanted: HashMap<ConversationId, u32> = HashMap::new();
        for i in open {
            *wanted.entry(batch.commands[*i].conversation).or_default() += 1;
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut first = self.ports.sequencer.reserve(&wanted).await?;
        let lost: Vec<usize> = (0..wanted.len()).filter(|i| first[*i].is_none()).collect();
        if !lost.is_empty() {
            let ids: Vec<_> = lost.iter().map(|i| wanted[*i].0).collect();
            let heads = self.ports.messages.heads(&ids).await?;
            let known: Vec<_> = ids.iter().zip(heads).filter_map(|(id, head)| Some((*id, head?))).collect();
            self.ports.sequencer.restore(&known).await?;
            let again: Vec<_> = lost.iter().map(|i| wanted[*i]).collect();
            for (i, seq) in lost.iter().zip(self.ports.sequencer.reserve(&again).await?) {
                first[*i] = seq;
            }
        }
        // A conversation that is gone has no number: 0 is refused by the store, which says what is the matter.
        Ok(wanted.into_iter().zip(first).map(|((id, _), seq)| (id, seq.unwrap_or(Seq::ZERO))).collect())
    }

    async fn deliver(
        &self,
        batch: &Batch<'_>,
        senders: &HashMap<UserId, Arc<User>>,
        report: &mut Report,
    ) -> Result<()> {
        let mut deliveries = Vec::with_capacity(batch.commands.len() * 2);
        let mut sent = Vec::with_capacity(batch.commands.len());
        for i in batch.order(&batch.repeated()) {
            let (command, Some(outcome)) = (&batch.commands[i], &batch.outcomes[i]) else { continue };
            match outcome {
                Outcome::Stored(_) => report.stored += 1,
                Outcome::Repeated(_) | Outcome::Delivered(_) => report.repeated += 1,
                Outcome::Refused(_) => report.refused += 1,
            }
            if let Some(receipt) = outcome.receipt() {
                sent.push((key(command), receipt));
            }
            let access = batch.audience_of(command, outcome);
            plan(command, outcome, access, senders.get(&command.sender), &mut deliveries);
        }
        self.ports.deliver.deliver(deliveries).await?;
        if sent.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.ports.dedup.remember(&sent).await {
            warn!(self.log, "deduplication is away, repeats will be delivered again"; "error" => %e);
        }
        Ok(())
    }
}
