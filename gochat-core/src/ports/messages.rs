//! The message log, the counters that number it, and the memory of what was sent before.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, Note, PageLimit, Receipt, SendCommand, Seq,
    Timestamp, UserId,
};

/// Durable message log: one dense sequence for each conversation. It has the last word on order and repeats.
#[async_trait]
pub trait MessageStore: Debug + Send + Sync + 'static {
    /// Appends a batch in one transaction and says for each message what became of it, by position.
    ///
    /// Within the transaction the batch's conversations are held; the messages of each are taken in the order given:
    /// - known `(conversation, sender, client_msg_id)`: [`Appended::Repeated`] with the stored message; writes nothing. This
    ///   is decided first, for repeats within the batch too.
    /// - members changed since the sender was authorised: [`Appended::MembersChanged`].
    /// - the sequence is not the head's next one: [`Appended::OutOfSequence`] for it and all that follow it there, repeats
    ///   excepted.
    /// - else it is inserted, the head moves, and the sender's read pointer with it: [`Appended::Stored`].
    ///
    /// Durable and visible to every later call, in any process, before it returns. A failure may be ambiguous; the same
    /// batch can be given again.
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>>;

    /// The messages with these keys, by position.
    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>>;

    /// The messages with these ids, by position.
    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>>;

    /// Messages of a conversation, ascending and without holes, at most `limit`: those right above an exclusive lower
    /// cursor, or those right below an exclusive upper one.
    async fn page(
        &self,
        conversation: ConversationId,
        from: PageFrom,
        limit: PageLimit,
    ) -> Result<Vec<Message>>;

    /// The newest sequence of each conversation, by position; `None` where there is no such conversation.
    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>>;

    /// Leaves a tombstone: the content, attachment and mentions go, for good. A message recalled before keeps its first
    /// tombstone.
    ///
    /// # Errors
    /// `NotFound`.
    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome>;

    /// This store, whose next recall leaves `note` in its own transaction if it changes anything; `None` where none are kept.
    fn noted(&self, note: &Note) -> Option<Arc<dyn MessageStore>> {
        let _ = note;
        None
    }
}

/// What became of one message of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, with the id and sequence that it came with.
    Stored,
    /// It was stored before, as this.
    Repeated(Box<Message>),
    /// Number it again, from after this head.
    OutOfSequence {
        /// The head of the conversation.
        head: Seq,
    },
    /// Ask for the sender's rights again, past all caches. Also where the conversation is gone.
    MembersChanged,
}

/// Where a page of messages begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFrom {
    /// Right above this sequence.
    After(Seq),
    /// Right below this sequence.
    Before(Seq),
}

/// What a recall did.
#[derive(Debug, Clone)]
pub struct RecallOutcome {
    /// The message as it stands now.
    pub message: Message,
    /// Whether it was this call that recalled it.
    pub first: bool,
}

/// Hands out sequence numbers. A proposal only: the store takes nothing but the head's next one, so a counter that is lost
/// or has run ahead costs a round, never order.
#[async_trait]
pub trait Sequencer: Debug + Send + Sync + 'static {
    /// Takes `n` consecutive numbers (1 or more) of each conversation and answers the first of each, by position; `None`
    /// where nothing is known of the conversation and [`restore`](Self::restore) must come first.
    async fn reserve(&self, wanted: &[(ConversationId, u32)]) -> Result<Vec<Option<Seq>>>;

    /// Sets counters to these heads, also backwards: the next number is the one after.
    async fn restore(&self, heads: &[(ConversationId, Seq)]) -> Result<()>;
}

/// Remembers what was sent and delivered lately. The fast path of recognising repeats, never the truth: it may forget at
/// any time, and a failure of it is no reason to fail a send.
#[async_trait]
pub trait Dedup: Debug + Send + Sync + 'static {
    /// The receipts of those that are remembered, by position.
    async fn seen(&self, keys: &[MessageKey]) -> Result<Vec<Option<Receipt>>>;

    /// Remembers messages that are stored and delivered.
    async fn remember(&self, sent: &[(MessageKey, Receipt)]) -> Result<()>;
}

/// Takes sends from gateways and feeds them to the pipeline, in order for each conversation and sender.
#[async_trait]
pub trait Upstream: Debug + Send + Sync + 'static {
    /// Hands over sends. Waits while the queue is full.
    ///
    /// - [`Submitted::Accepted`]: they are durable and will be processed, whatever crashes.
    /// - [`Submitted::Queued`]: they are not durable yet; the receipt will tell.
    ///
    /// # Errors
    /// `Overloaded`, `Unavailable`, `Timeout` or `Closed`; the client may send again with the same ids.
    async fn submit(&self, sends: Vec<SendCommand>) -> Result<Submitted>;
}

/// How far a submitted send has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// Durable in the upstream log.
    Accepted,
    /// In memory, on its way.
    Queued,
}
