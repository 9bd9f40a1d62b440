//! A seeded mix of everything, against the promises of [`House::check`].

use std::collections::{HashMap, HashSet};

use gochat_core::model::{Audience, ConversationId, Event, MessageBody, SendCommand, UserId};
use gochat_core::testing::Seeded;
use gochat_core::testing::faults::When;

use super::house::{Change, House, WORLD, change, send};

const SEEDS: u64 = 100;
const BATCHES: usize = 25;

struct Mix {
    house: House,
    random: Seeded,
    /// All sends that were taken to their end.
    done: Vec<SendCommand>,
    members: Vec<UserId>,
    muted: Vec<UserId>,
    next: usize,
}

impl Mix {
    async fn new(seed: u64) -> Self {
        let house = House::new().await;
        let members = house.users[..3].to_vec();
        Self { house, random: Seeded::new(seed), done: Vec::new(), members, muted: Vec::new(), next: 0 }
    }

    fn conversation(&mut self) -> ConversationId {
        *self.random.pick(&[self.house.single, self.house.group, self.house.group, WORLD])
    }

    fn batch(&mut self) -> Vec<SendCommand> {
        let size = 1 + self.random.below(12);
        let mut batch: Vec<SendCommand> = Vec::new();
        for _ in 0..size {
            // An old one again, or one of this batch; else a new one.
            let old = match self.random.below(6) {
                0 if !self.done.is_empty() => Some(self.random.pick(&self.done).clone()),
                1 if !batch.is_empty() => Some(self.random.pick(&batch).clone()),
                _ => None,
            };
            batch.push(match old {
                Some(old) => {
                    let again = send(old.conversation, old.sender, old.client_msg_id.as_str());
                    SendCommand { body: old.body, ..again }
                }
                None => self.new_send(),
            });
        }
        batch
    }

    fn new_send(&mut self) -> SendCommand {
        let (conversation, sender) = (self.conversation(), *self.random.pick(&self.house.users));
        // Client ids meet in different conversations and of different senders.
        if self.random.one_in(3) {
            self.next += 1;
        }
        let mut new = send(conversation, sender, &format!("{}", self.next));
        if self.random.one_in(15) {
            new.body = MessageBody::text(" ");
            new.client_msg_id =
                gochat_core::model::ClientMsgId::new(&format!("blank {}", self.next)).expect("good");
        }
        new
    }

    /// A change of the group's members that can be made now.
    fn change(&mut self) -> Option<Change> {
        let owner = self.house.users[0];
        let user = *self.random.pick(&self.house.users[1..]);
        let inside = self.members.contains(&user);
        match self.random.below(4) {
            0 if inside => {
                self.members.retain(|m| *m != user);
                self.muted.retain(|m| *m != user);
                Some(Change::Remove(user))
            }
            1 if inside && user != owner && !self.muted.contains(&user) => {
                self.muted.push(user);
                Some(Change::Mute(user))
            }
            2 if self.muted.contains(&user) => {
                self.muted.retain(|m| *m != user);
                Some(Change::Unmute(user))
            }
            _ if !inside => {
                self.members.push(user);
                Some(Change::Add(user))
            }
            _ => None,
        }
    }

    fn disturb(&mut self) {
        for _ in 0..self.random.below(3) {
            let nth = self.random.below(12);
            let when = *self.random.pick(&[When::Before, When::After]);
            self.house.faults.fail(nth, when);
        }
        match self.random.below(8) {
            0 => self.house.kit.sequencer.forget(),
            1 => self.house.kit.dedup.forget(),
            2 => self.house.crash(),
            _ => {}
        }
    }

    async fn step(&mut self) {
        let batch = self.batch();
        self.house.faults.reset();
        self.disturb();
        if self.random.one_in(4)
            && let Some(what) = self.change()
        {
            let change = change(self.house.kit.memory.clone(), self.house.group, what);
            // Before its rights are asked for, or between asking and storing.
            if self.random.one_in(2) {
                change.await;
            } else {
                self.house.faults.before("messages.append", change);
            }
        }
        if self.random.one_in(5) {
            let off = self.random.below(40) as u64;
            let head = gochat_core::model::Seq::new(off);
            let heads = [(self.house.single, head), (self.house.group, head)];
            self.house.kit.ports.sequencer.restore(&heads).await.expect("set");
        }
        let crash = self.random.one_in(2);
        let act = async || {
            if crash {
                self.house.crash();
            }
        };
        self.house.insist(&batch, act).await;
        // What no append set off happens now, so that the next change starts from it.
        self.house.faults.settle("messages.append").await;
        self.done.extend(batch);
    }
}

#[tokio::test]
async fn whatever_happens() {
    for seed in 0..SEEDS {
        let mut mix = Mix::new(seed).await;
        for _ in 0..BATCHES {
            mix.step().await;
        }
        // Shown when it fails.
        println!("seed {seed}");
        mix.house.check(&mix.done).await;
        in_order(&mix).await;
    }
}

/// Each sender's new messages of one conversation stand there in the order of their first sends; but for those that were
/// refused at first, which stand where they were sent again.
async fn in_order(mix: &Mix) {
    let origins: HashMap<_, _> =
        mix.done.iter().map(|done| (done.origin.session, super::house::key(done))).collect();
    let mut refused = HashSet::new();
    for delivery in mix.house.kit.deliver.seen() {
        if let (Event::Refused { .. }, Audience::Origin(origin)) = (delivery.event, delivery.audience) {
            refused.extend(origins.get(&origin.session).cloned());
        }
    }
    for conversation in [mix.house.single, mix.house.group, WORLD] {
        let stored: HashMap<_, _> =
            mix.house.all(conversation).await.into_iter().map(|m| (m.key(), m.seq)).collect();
        let mut last: HashMap<UserId, gochat_core::model::Seq> = HashMap::new();
        let mut met = refused.clone();
        for done in mix.done.iter().filter(|done| done.conversation == conversation) {
            let key = super::house::key(done);
            let Some(seq) = stored.get(&key).filter(|_| met.insert(key.clone())) else { continue };
            let before = last.insert(done.sender, *seq);
            assert!(before.is_none_or(|before| before < *seq), "{key:?} overtook what was sent before it");
        }
    }
}
