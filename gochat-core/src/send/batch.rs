//! What is known of a batch on its way through the pipeline.

use std::collections::{HashMap, HashSet};

use super::plan::Outcome;
use crate::model::{Access, ConversationId, SendCommand, Seq, UserId};

/// The state of a batch: one place for each send, by position.
pub(super) struct Batch<'a> {
    pub(super) commands: &'a [SendCommand],
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) access: HashMap<(ConversationId, UserId), Option<Access>>,
    /// Of the senders into single conversations, where only friends write to each other; else empty.
    pub(super) friends: HashMap<UserId, Vec<UserId>>,
    /// Whom repeats go to.
    pub(super) audiences: HashMap<(ConversationId, UserId), Option<Access>>,
}

impl Batch<'_> {
    pub(super) fn open(&self) -> Vec<usize> {
        (0..self.commands.len()).filter(|i| self.outcomes[*i].is_none()).collect()
    }

    pub(super) fn access_of(&self, command: &SendCommand) -> Option<&Access> {
        self.access.get(&(command.conversation, command.sender)).and_then(Option::as_ref)
    }

    /// By whose members a message is delivered.
    pub(super) fn audience_of(&self, command: &SendCommand, outcome: &Outcome) -> Option<&Access> {
        match outcome {
            Outcome::Repeated(_) => {
                self.audiences.get(&(command.conversation, command.sender)).and_then(Option::as_ref)
            }
            _ => self.access_of(command),
        }
    }

    pub(super) fn repeated(&self) -> Vec<usize> {
        let is_repeated = |i: &usize| matches!(self.outcomes[*i], Some(Outcome::Repeated(_)));
        (0..self.commands.len()).filter(is_repeated).collect()
    }

    /// Positions in the order of delivery: that of the batch, but within a conversation that of the sequences. They differ
    /// where a repeat stands behind new messages: it may have been stored by a process that died before it delivered.
    pub(super) fn order(&self, repeated: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.commands.len()).collect();
        let mixed: HashSet<_> = repeated.iter().map(|i| self.commands[*i].conversation).collect();
        let mut places: HashMap<ConversationId, Vec<(Seq, usize)>> = HashMap::new();
        for (i, command) in self.commands.iter().enumerate().filter(|(_, c)| mixed.contains(&c.conversation))
        {
            if let Some(receipt) = self.outcomes[i].as_ref().and_then(Outcome::receipt) {
                places.entry(command.conversation).or_default().push((receipt.seq, i));
            }
        }
        for mut sent in places.into_values() {
            let places: Vec<_> = sent.iter().map(|(_, i)| *i).collect();
            sent.sort_unstable();
            places.into_iter().zip(sent).for_each(|(place, (_, i))| order[place] = i);
        }
        order
    }
}
