//! Random walks: people befriend, group, send, read, recall, leave, and a small model says what lists must show.
//!
//! A failure names its seed; `GOCHAT_SEED` walks the same way again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::json;

use super::sync::Copy;
use crate::Outcome;
use crate::client::Socket;
use crate::json::Json;
use crate::user::User;
use crate::world::World;

cases! { "walk";
    "whatever people do, lists, unread counts, history and sync agree with a model (first walk)" => a_random_walk_agrees,
    "whatever people do, lists, unread counts, history and sync agree with a model (second walk)" => another_random_walk_agrees,
}

const PEOPLE: usize = 5;
const STEPS: usize = 160;

/// What the model knows of a conversation.
#[derive(Debug, Default)]
struct Room {
    id: String,
    /// None for a single chat.
    group: Option<String>,
    owner: usize,
    members: BTreeSet<usize>,
    messages: Vec<Message>,
    joined: BTreeMap<usize, i64>,
    read: BTreeMap<usize, i64>,
    hidden: BTreeSet<usize>,
}

#[derive(Debug)]
struct Message {
    id: String,
    sender: usize,
    text: String,
}

/// A small generator, so that a seed walks the same way everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // SplitMix64, by Sebastiano Vigna (public domain).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

pub(crate) struct Walk {
    people: Vec<User>,
    sockets: Vec<Socket>,
    copies: Vec<Copy>,
    friends: BTreeSet<(usize, usize)>,
    rooms: Vec<Room>,
    dice: Dice,
    seed: u64,
    step: usize,
}

async fn a_random_walk_agrees(t: World) -> Outcome {
    walk(t).await
}

async fn another_random_walk_agrees(t: World) -> Outcome {
    walk(t).await
}

async fn walk(t: World) -> Outcome {
    let mut walk = Walk::start(&t).await?;
    for _ in 0..STEPS / 8 {
        walk.steps(8).await?;
    }
    Ok(())
}

impl Walk {
    /// Fresh people who know nobody yet.
    pub(crate) async fn start(t: &World) -> Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let seed = match std::env::var("GOCHAT_SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => u64::from_le_bytes(bytes),
        };
        let people = t.users(PEOPLE).await?;
        let mut sockets = Vec::new();
        for user in &people {
            sockets.push(user.connect().await?);
        }
        let copies = people.iter().map(|_| Copy::default()).collect();
        let (friends, rooms) = (BTreeSet::new(), Vec::new());
        Ok(Self { people, sockets, copies, friends, rooms, dice: Dice(seed), seed, step: 0 })
    }

    /// The same people at a server that was started again.
    pub(crate) async fn reconnect(&mut self, t: &World) -> Result<()> {
        for (user, socket) in self.people.iter_mut().zip(&mut self.sockets) {
            *user = user.at(t);
            *socket = user.connect().await?;
        }
        Ok(())
    }

    /// Goes on for some steps, and checks.
    pub(crate) async fn steps(&mut self, count: usize) -> Outcome {
        let mut did = String::new();
        for _ in 0..count {
            self.step += 1;
            did = self
                .act()
                .await
                .with_context(|| format!("step {} of GOCHAT_SEED={}", self.step, self.seed))?;
        }
        let (step, seed) = (self.step, self.seed);
        self.check().await.with_context(|| format!("after step {step} ({did}) of GOCHAT_SEED={seed}"))
    }
}

impl Walk {
    /// Does one thing that is allowed.
    async fn act(&mut self) -> Result<String> {
        let who = self.dice.below(PEOPLE);
        let other = (who + 1 + self.dice.below(PEOPLE - 1)) % PEOPLE;
        let mine: Vec<usize> =
            (0..self.rooms.len()).filter(|n| self.rooms[*n].members.contains(&who)).collect();
        let kind = self.dice.below(20);
        if mine.is_empty() || kind < 2 {
            return if kind == 0 { self.befriend(who, other).await } else { self.group(who).await };
        }
        let room = mine[self.dice.below(mine.len())];
        match kind {
            2..=9 => self.send(who, room).await,
            10..=12 => self.read(who, room).await,
            13 => self.recall(who, room).await,
            14 => self.unfriend(who, other).await,
            15 => self.hide(who, room).await,
            16 => self.add(who, other, room).await,
            17 => self.remove(who, room).await,
            18 => self.leave(who, room).await,
            _ => self.transfer(who, room).await,
        }
    }

    async fn befriend(&mut self, who: usize, other: usize) -> Result<String> {
        let id = self.people[who].befriend(&self.people[other]).await?;
        self.friends.insert((who.min(other), who.max(other)));
        match self.rooms.iter_mut().find(|room| room.id == id) {
            // Whether befriending again shows a hidden conversation is nobody's promise: shown by a message it is.
            Some(room) if !room.hidden.is_empty() => {
                let hidden = std::mem::take(&mut room.hidden);
                for user in hidden {
                    let number =
                        self.rooms.iter().position(|room| room.id == id).context("the room just found")?;
                    self.send(user, number).await?;
                }
            }
            Some(_) => {}
            None => self.rooms.push(Room { id, members: [who, other].into(), ..Room::default() }),
        }
        Ok("befriend".into())
    }

    async fn unfriend(&mut self, who: usize, other: usize) -> Result<String> {
        if self.friends.remove(&(who.min(other), who.max(other))) {
            let path = format!("/friends/{}", self.people[other].id);
            self.people[who].delete(&path).await?.ok(200)?;
        }
        Ok("unfriend".into())
    }

    async fn group(&mut self, who: usize) -> Result<String> {
        let mut members: BTreeSet<usize> = (0..PEOPLE).filter(|_| self.dice.below(2) == 0).collect();
        members.remove(&who);
        let users: Vec<&User> = members.iter().map(|n| &self.people[*n]).collect();
        let made = self.people[who].group(&users).await?;
        members.insert(who);
        self.rooms.push(Room {
            id: made.conversation,
            group: Some(made.id),
            owner: who,
            members,
            ..Room::default()
        });
        Ok("group".into())
    }

    async fn send(&mut self, who: usize, room: usize) -> Result<String> {
        let text = format!("step {}", self.step);
        let id = if self.dice.below(2) == 0 {
            let sent = self.people[who].say(&self.rooms[room].id, &text).await?;
            sent.text("messageId")?.to_owned()
        } else {
            self.sockets[who].say(&self.rooms[room].id, &text).await?.message_id
        };
        let room = &mut self.rooms[room];
        room.messages.push(Message { id, sender: who, text });
        room.hidden.clear();
        Ok("send".into())
    }

    async fn read(&mut self, who: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        let last = room.messages.len() as i64;
        let seq = self.dice.below(room.messages.len() + 3) as i64;
        let path = format!("/conversations/{}/read", room.id);
        self.people[who].put(&path, json!({"seq": seq})).await?.ok(200)?;
        let known = room.read.entry(who).or_insert(0);
        *known = (*known).max(seq.min(last));
        Ok(format!("read {seq} of {last}"))
    }

    async fn recall(&mut self, who: usize, room: usize) -> Result<String> {
        let own = self.rooms[room].messages.iter_mut().rev().find(|message| message.sender == who);
        if let Some(message) = own {
            self.people[who].delete(&format!("/messages/{}", message.id)).await?.ok(200)?;
            message.text.clear();
        }
        Ok("recall".into())
    }

    async fn hide(&mut self, who: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        self.people[who].delete(&format!("/conversations/{}", room.id)).await?.ok(200)?;
        room.hidden.insert(who);
        Ok("hide".into())
    }

    async fn add(&mut self, who: usize, other: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        let Some(group) = &room.group else { return Ok("add: no group".into()) };
        let body = json!({"members": [self.people[other].id]});
        self.people[who].post(&format!("/groups/{group}/members"), body).await?.fine()?;
        if room.members.insert(other) {
            room.joined.insert(other, room.messages.len() as i64);
            room.hidden.remove(&other);
        }
        Ok("add".into())
    }

    async fn remove(&mut self, who: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        let victim = room.members.iter().copied().find(|n| *n != who);
        let (Some(group), Some(victim), true) = (&room.group, victim, room.owner == who) else {
            return Ok("remove: not mine".into());
        };
        self.people[who]
            .delete(&format!("/groups/{group}/members/{}", self.people[victim].id))
            .await?
            .ok(200)?;
        room.members.remove(&victim);
        Ok("remove".into())
    }

    async fn leave(&mut self, who: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        let Some(group) = &room.group else { return Ok("leave: no group".into()) };
        let reply =
            self.people[who].delete(&format!("/groups/{group}/members/{}", self.people[who].id)).await?;
        if room.owner == who && room.members.len() > 1 {
            reply.fails(409, "CONFLICT")?;
        } else {
            reply.ok(200)?;
            room.members.remove(&who);
        }
        Ok("leave".into())
    }

    async fn transfer(&mut self, who: usize, room: usize) -> Result<String> {
        let room = &mut self.rooms[room];
        let heir = room.members.iter().copied().find(|n| *n != who);
        let (Some(group), Some(heir), true) = (&room.group, heir, room.owner == who) else {
            return Ok("transfer: not mine".into());
        };
        let body = json!({"userId": self.people[heir].id});
        self.people[who].post(&format!("/groups/{group}/transfer"), body).await?.ok(200)?;
        room.owner = heir;
        Ok("transfer".into())
    }

    /// Everybody's lists are what the model says, and a copy kept by `sync` agrees.
    pub(crate) async fn check(&mut self) -> Outcome {
        for who in 0..PEOPLE {
            self.lists(who).await.with_context(|| format!("person {who}"))?;
        }
        Ok(())
    }

    async fn lists(&mut self, who: usize) -> Outcome {
        let user = &self.people[who];
        let list = user.get("/conversations").await?;
        let list = list.ok(200)?;
        let mine: Vec<&Room> = self.rooms.iter().filter(|room| room.members.contains(&who)).collect();
        let shown: BTreeSet<String> =
            mine.iter().filter(|r| !r.hidden.contains(&who)).map(|r| r.id.clone()).collect();
        let listed: BTreeSet<String> =
            list.each("conversationId")?.into_iter().filter(|id| id != "world").collect();
        same!(listed, shown, "the conversations in the list");
        for room in mine.iter().filter(|room| shown.contains(&room.id)) {
            let entry = list.find("conversationId", &room.id)?;
            let last = room.messages.len() as i64;
            let own = room.messages.iter().rposition(|m| m.sender == who).map_or(0, |n| n as i64 + 1);
            let seen = [room.read.get(&who), room.joined.get(&who)]
                .into_iter()
                .flatten()
                .copied()
                .max()
                .unwrap_or(0);
            same!(entry.int("lastSeq")?, last, "lastSeq of {}", room.id);
            same!(entry.int("unreadCount")?, (last - seen.max(own)).max(0), "unreadCount of {room:?}");
            let text = room.messages.last().map_or("", |message| message.text.as_str());
            same!(entry.text("lastMessage")?, text, "lastMessage of {}", room.id);
            if room.group.is_some() {
                same!(
                    entry.int("target.memberCount")?,
                    room.members.len() as i64,
                    "memberCount of {}",
                    room.id
                );
            }
            let contents = user.contents(&room.id).await?;
            let expected: Vec<&str> =
                room.messages.iter().rev().take(100).rev().map(|m| m.text.as_str()).collect();
            same!(contents, expected, "the history of {}", room.id);
        }
        // Newest activity first: by the last message, where one came since joining. Times are in milliseconds, and
        // two messages of one are in either order.
        let talked = |r: &&&Room| r.messages.len() as i64 > r.joined.get(&who).copied().unwrap_or(0);
        let talked: BTreeSet<&str> = mine.iter().filter(talked).map(|room| room.id.as_str()).collect();
        let mut times = Vec::new();
        for entry in list.list("")? {
            if talked.contains(entry.text("conversationId")?) {
                times.push(entry.text("lastMessageTime")?);
            }
        }
        anyhow::ensure!(times.is_sorted_by(|a, b| a >= b), "the newest activity first, seen {times:?}");
        let friends: BTreeSet<String> =
            user.get("/friends").await?.ok(200)?.each("userId")?.into_iter().collect();
        let expected: BTreeSet<String> = (self.friends.iter())
            .filter_map(|(a, b)| {
                if *a == who {
                    Some(*b)
                } else if *b == who {
                    Some(*a)
                } else {
                    None
                }
            })
            .map(|n| self.people[n].id.clone())
            .collect();
        same!(friends, expected, "the friends");
        let hidden = mine.iter().filter(|room| room.hidden.contains(&who));
        let hidden = hidden.flat_map(|room| [Some(room.id.clone()), room.group.clone()]).flatten().collect();
        let limit = 1 + self.dice.below(20);
        self.copies[who].catch_up(&self.people[who], limit).await?;
        self.copies[who].equals_lists_but(&self.people[who], &hidden).await.context("the copy kept by sync")
    }
}
