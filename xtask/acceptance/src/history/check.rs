//! The rules, one function each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{History, Seen, Violation};

/// One history of a conversation, by sequence, which all members' are compared to.
type Truth<'a> = BTreeMap<&'a str, BTreeMap<i64, &'a Seen>>;

impl History {
    /// Every promise that this run breaks.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let truth = self.histories(&mut found);
        self.acknowledged(&mut found);
        self.senders(&truth, &mut found);
        self.sessions(&truth, &mut found);
        self.early(&mut found);
        self.counts(&truth, &mut found);
        found
    }

    /// Dense, nothing twice, one order for all; theirs.
    fn histories(&self, found: &mut Vec<Violation>) -> Truth<'_> {
        let mut truth: Truth<'_> = BTreeMap::new();
        for ((user, conversation), messages) in &self.stored {
            let place = format!("{conversation} of {user}");
            if !self.is_member(user, conversation) && !messages.is_empty() {
                found.push(Violation::Foreign(format!("history of {place}, who is no member")));
            }
            let mut ids = HashSet::new();
            for (index, message) in messages.iter().enumerate() {
                if message.conversation != *conversation {
                    found.push(Violation::Foreign(format!("{message:?} in {place}")));
                }
                if !ids.insert(&message.id) {
                    found.push(Violation::Doubled(format!("{} twice in {place}", message.id)));
                }
                if message.seq != index as i64 + 1 {
                    found.push(Violation::Gap(format!(
                        "seq {} at place {} of {place}",
                        message.seq,
                        index + 1
                    )));
                }
                let known = truth.entry(conversation).or_default().entry(message.seq).or_insert(message);
                if known.id != message.id {
                    found.push(Violation::Disorder(format!(
                        "seq {} is {} and {} in {place}",
                        message.seq, known.id, message.id
                    )));
                } else if *known != message {
                    found.push(Violation::Changed(format!("{known:?} differs from {message:?} in {place}")));
                }
            }
        }
        truth
    }

    /// What was acknowledged is in each member's history, with the ids that were told.
    fn acknowledged(&self, found: &mut Vec<Violation>) {
        let mut index: HashMap<(&str, &str), HashMap<&str, &Seen>> = HashMap::new();
        for ((user, conversation), messages) in &self.stored {
            let by_id = messages.iter().map(|m| (m.id.as_str(), m)).collect();
            index.insert((user, conversation), by_id);
        }
        for sent in &self.sent {
            let Some((id, seq)) = sent.told.first() else {
                self.accepted(sent, found);
                continue;
            };
            if sent.told.iter().any(|told| told != &sent.told[0]) {
                found.push(Violation::Doubled(format!(
                    "{} was told different ids: {:?}",
                    sent.client_id, sent.told
                )));
            }
            for user in self.members.get(&sent.conversation).into_iter().flatten() {
                let Some(history) = index.get(&(user.as_str(), sent.conversation.as_str())) else { continue };
                match history.get(id.as_str()) {
                    None => found.push(Violation::Lost(format!("{sent:?} is not in the history of {user}"))),
                    Some(seen) if seen.seq != *seq => {
                        found.push(Violation::Changed(format!(
                            "{} was told seq {seq}, {user} has {}",
                            sent.client_id, seen.seq
                        )));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// What was accepted, and of which no more was told, is in each member's history all the same.
    fn accepted(&self, sent: &super::Sent, found: &mut Vec<Violation>) {
        if !sent.accepted {
            return;
        }
        for user in self.members.get(&sent.conversation).into_iter().flatten() {
            let Some(messages) = self.stored.get(&(user.clone(), sent.conversation.clone())) else {
                continue;
            };
            if !messages.iter().any(|m| m.sender == sent.sender && m.client_id == sent.client_id) {
                found.push(Violation::Lost(format!("accepted {sent:?} is not in the history of {user}")));
            }
        }
    }

    /// Each message was sent by whom it names, as it says, and once.
    fn senders(&self, truth: &Truth<'_>, found: &mut Vec<Violation>) {
        let mut sends: HashMap<(&str, &str, &str), &super::Sent> = HashMap::new();
        for sent in &self.sent {
            sends.insert((&sent.conversation, &sent.sender, &sent.client_id), sent);
        }
        let mut used = HashSet::new();
        for seen in truth.values().flat_map(BTreeMap::values) {
            let key = (seen.conversation.as_str(), seen.sender.as_str(), seen.client_id.as_str());
            if !used.insert(key) {
                found.push(Violation::Doubled(format!("two messages of {key:?}")));
            }
            match sends.get(&key) {
                None => found.push(Violation::Invented(format!("{seen:?}"))),
                Some(sent) if sent.content != seen.content => {
                    found.push(Violation::Changed(format!(
                        "sent {:?}, stored {:?}",
                        sent.content, seen.content
                    )));
                }
                Some(_) => {}
            }
        }
    }

    /// Live deliveries: theirs, as stored, in order, not echoed; with sync nothing is missing.
    fn sessions(&self, truth: &Truth<'_>, found: &mut Vec<Violation>) {
        for (number, session) in self.sessions.iter().enumerate() {
            let own: HashSet<(&str, &str)> = self
                .sent
                .iter()
                .filter(|sent| sent.session == Some(number))
                .map(|sent| (sent.conversation.as_str(), sent.client_id.as_str()))
                .collect();
            let mut last: HashMap<&str, i64> = HashMap::new();
            let mut first_time = HashSet::new();
            for (_, seen) in &session.live {
                if own.contains(&(seen.conversation.as_str(), seen.client_id.as_str()))
                    && seen.sender == session.user
                {
                    found.push(Violation::Echoed(format!("session {number} of {}: {seen:?}", session.user)));
                }
                // At least once: a copy may come again, but what is new comes in order.
                let old = session.old_until.get(&seen.conversation).is_some_and(|head| seen.seq <= *head);
                if first_time.insert(&seen.id) && !old {
                    let last = last.entry(&seen.conversation).or_insert(0);
                    if seen.seq <= *last {
                        found.push(Violation::Disorder(format!(
                            "session {number}: seq {} after {last}",
                            seen.seq
                        )));
                    }
                    *last = seen.seq;
                }
            }
            for seen in session.live.iter().map(|(_, seen)| seen).chain(&session.synced) {
                self.as_stored(number, seen, truth, found);
            }
            self.complete(number, &own, truth, found);
        }
    }

    fn as_stored(&self, number: usize, seen: &Seen, truth: &Truth<'_>, found: &mut Vec<Violation>) {
        let user = &self.sessions[number].user;
        if !self.is_member(user, &seen.conversation) {
            found.push(Violation::Foreign(format!("{user} saw {seen:?}")));
            return;
        }
        let Some(history) = truth.get(seen.conversation.as_str()) else { return };
        match history.get(&seen.seq) {
            None => found.push(Violation::Lost(format!("{user} saw {seen:?}, which is in no history"))),
            Some(stored) if stored.id != seen.id => {
                found.push(Violation::Disorder(format!(
                    "{user} saw {} at seq {}, history has {}",
                    seen.id, seen.seq, stored.id
                )));
            }
            Some(stored) if *stored != seen => {
                found.push(Violation::Changed(format!("{user} saw {seen:?}, stored is {stored:?}")));
            }
            Some(_) => {}
        }
    }

    fn complete(
        &self,
        number: usize,
        own: &HashSet<(&str, &str)>,
        truth: &Truth<'_>,
        found: &mut Vec<Violation>,
    ) {
        let session = &self.sessions[number];
        for (conversation, from) in &session.complete_from {
            let mut has: BTreeSet<i64> = session
                .live
                .iter()
                .map(|(_, seen)| seen)
                .chain(&session.synced)
                .filter(|seen| seen.conversation == *conversation)
                .map(|seen| seen.seq)
                .collect();
            let Some(history) = truth.get(conversation.as_str()) else { continue };
            for (seq, seen) in history {
                if seen.sender == session.user
                    && own.contains(&(conversation.as_str(), seen.client_id.as_str()))
                {
                    has.insert(*seq);
                }
            }
            let missing: Vec<i64> =
                history.keys().filter(|seq| **seq > *from && !has.contains(seq)).copied().collect();
            if !missing.is_empty() {
                found.push(Violation::Missed(format!(
                    "session {number} of {} lacks {missing:?} of {conversation}",
                    session.user
                )));
            }
        }
    }

    /// A read of history that began after a message was seen has it.
    fn early(&self, found: &mut Vec<Violation>) {
        for probe in &self.probes {
            for session in &self.sessions {
                let ahead = session.live.iter().find(|(at, seen)| {
                    *at < probe.began && seen.conversation == probe.conversation && seen.seq > probe.last_seq
                });
                if let Some((at, seen)) = ahead {
                    found.push(Violation::Early(format!(
                        "{seen:?} was seen at {at}, a read begun later gave {probe:?}"
                    )));
                }
            }
        }
    }

    /// `lastSeq - max(readSeq, own last send, lastSeq at joining)`.
    fn counts(&self, truth: &Truth<'_>, found: &mut Vec<Violation>) {
        for count in &self.counts {
            let Some(history) = truth.get(count.conversation.as_str()) else { continue };
            let last = history.keys().next_back().copied().unwrap_or(0);
            let own = history
                .values()
                .filter(|seen| seen.sender == count.user)
                .map(|seen| seen.seq)
                .max()
                .unwrap_or(0);
            let expected = (last - count.read.max(own).max(count.joined)).max(0);
            if count.unread != expected {
                found.push(Violation::Miscounted(format!("{count:?}, expected {expected}")));
            }
        }
    }

    fn is_member(&self, user: &str, conversation: &str) -> bool {
        self.members.get(conversation).is_some_and(|members| members.contains(user))
    }
}
