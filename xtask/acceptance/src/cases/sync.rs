//! `GET /sync`: a client's copy, kept by cursor, equals what the lists say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::user::User;
use crate::world::World;

cases! { "sync";
    "GET /sync: data {conversations[], memberships[], friends[], cursor, hasMore}" => sync_has_its_fields,
    "no cursor: everything, in pages" => everything_comes_without_a_cursor,
    "what changed for me since the cursor" => only_changes_come_after_the_cursor,
    "a change is in the next sync: friends, groups, messages, reading" => every_change_reaches_the_copy,
    "leaving, removal and unfriending are changes" => endings_reach_the_copy,
    "pages of any size lose nothing" => small_pages_lose_nothing,
    "changes made while a client pages through are not lost" => changes_while_paging_are_not_lost,
    "a cursor that is none is 400; a limit below 1 is 400" => bad_cursors_are_400,
    "a cursor stays good: the same one again gives at least the same" => a_cursor_can_be_used_again,
}

/// What a client keeps.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Copy {
    /// Conversation to lastSeq and readSeq.
    conversations: BTreeMap<String, (i64, i64)>,
    groups: BTreeSet<String>,
    friends: BTreeSet<String>,
    cursor: Option<String>,
}

impl Copy {
    /// Applies one page; says whether there is more.
    fn apply(&mut self, page: &Value) -> Result<bool> {
        for entry in page.list("conversations")? {
            let seqs = (entry.int("lastSeq")?, entry.int("readSeq")?);
            self.conversations.insert(entry.text("conversationId")?.to_owned(), seqs);
        }
        for entry in page.list("memberships")? {
            let group = entry.text("groupId")?.to_owned();
            if gone(entry, "member") {
                self.groups.remove(&group);
                if let Some(id) = entry["conversationId"].as_str() {
                    self.conversations.remove(id);
                }
            } else {
                self.groups.insert(group);
            }
        }
        for entry in page.list("friends")? {
            let friend = entry.text("userId")?.to_owned();
            if gone(entry, "friend") {
                self.friends.remove(&friend)
            } else {
                self.friends.insert(friend)
            };
        }
        let cursor = page.at("cursor")?;
        self.cursor = Some(cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned));
        page.flag("hasMore")
    }

    /// Syncs to the end; gives how many entries came.
    pub(super) async fn catch_up(&mut self, user: &User, limit: usize) -> Result<usize> {
        let mut entries = 0;
        for _ in 0..1000 {
            let cursor = self.cursor.as_ref().map(|c| format!("&cursor={c}")).unwrap_or_default();
            let reply = user.get(&format!("/sync?limit={limit}{cursor}")).await?;
            let page = reply.ok(200)?;
            for part in ["conversations", "memberships", "friends"] {
                entries += page.list(part)?.len();
            }
            if !self.apply(page)? {
                return Ok(entries);
            }
        }
        anyhow::bail!("sync never ends")
    }

    /// What the lists say of the same; world is left out, since other cases write there.
    async fn of_lists(user: &User) -> Result<Self> {
        let mut copy = Self::default();
        let list = user.get("/conversations").await?;
        for entry in list.ok(200)?.list("")? {
            let seqs = (entry.int("lastSeq")?, entry.int("readSeq")?);
            copy.conversations.insert(entry.text("conversationId")?.to_owned(), seqs);
            if entry.text("type")? == "group" {
                copy.groups.insert(entry.text("target.groupId")?.to_owned());
            }
        }
        copy.friends = user.get("/friends").await?.ok(200)?.each("userId")?.into_iter().collect();
        Ok(copy)
    }

    async fn equals_lists(&self, user: &User) -> Outcome {
        self.equals_lists_but(user, &BTreeSet::new()).await
    }

    /// The same but for conversations and groups, by id, that the user has hidden from the list.
    pub(super) async fn equals_lists_but(&self, user: &User, hidden: &BTreeSet<String>) -> Outcome {
        let mut lists = Self::of_lists(user).await?;
        let mut own = self.conversations.clone();
        for id in hidden.iter().map(String::as_str).chain(["world"]) {
            lists.conversations.remove(id);
            own.remove(id);
        }
        same!(own, lists.conversations, "the copy's conversations (lastSeq, readSeq) to be as in the list");
        let groups: BTreeSet<String> = self.groups.difference(hidden).cloned().collect();
        same!(groups, lists.groups, "the copy's groups");
        same!(self.friends, lists.friends, "the copy's friends");
        Ok(())
    }
}

/// An entry that says that something ended.
fn gone(entry: &Value, flag: &str) -> bool {
    entry[flag] == false || entry.get("role").is_some_and(Value::is_null) || entry["removed"] == true
}

async fn sync_has_its_fields(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    alice.group(&[&bob]).await?;
    let reply = alice.get("/sync").await?;
    let data = reply.ok(200)?;
    same!(data.list("conversations")?.len(), 3, "world, the chat and the group");
    same!(data.list("memberships")?.len(), 1, "the group's membership");
    same!(data.list("friends")?.each_id()?, vec![bob.id], "the friend");
    ensure!(data.at("cursor")?.is_string(), "the cursor is a string{}", reply.shown());
    data.flag("hasMore")?;
    Ok(())
}

trait EachId {
    fn each_id(&self) -> Result<Vec<String>>;
}

impl EachId for Vec<Value> {
    fn each_id(&self) -> Result<Vec<String>> {
        self.iter().map(|entry| Ok(entry.text("userId")?.to_owned())).collect()
    }
}

async fn everything_comes_without_a_cursor(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let ann = t.user().await?;
    alice.befriend(&ann).await?;
    let group = alice.group(&[&bob, &ann]).await?;
    bob.say_many(&chat, "m", 3).await?;
    ann.say(&group.conversation, "hello").await?;
    let mut copy = Copy::default();
    copy.catch_up(&alice, 100).await?;
    ensure!(copy.conversations.contains_key("world"), "world is among the conversations");
    copy.equals_lists(&alice).await
}

async fn only_changes_come_after_the_cursor(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    for _ in 0..5 {
        alice.group(&[&bob]).await?;
    }
    let mut copy = Copy::default();
    copy.catch_up(&alice, 100).await?;
    bob.say(&chat, "the one change").await?;
    let cursor = copy.cursor.clone().unwrap_or_default();
    let reply = alice.get(&format!("/sync?cursor={cursor}")).await?;
    let changed = reply.ok(200)?.at("conversations")?.each("conversationId")?;
    ensure!(changed.contains(&chat), "the changed conversation is there{}", reply.shown());
    ensure!(
        changed.iter().filter(|id| **id != "world").count() <= 2,
        "unchanged ones stay away{}",
        reply.shown()
    );
    copy.apply(reply.ok(200)?)?;
    copy.equals_lists(&alice).await
}

async fn every_change_reaches_the_copy(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut copy = Copy::default();
    copy.catch_up(&alice, 100).await?;
    let ann = t.user().await?;
    ann.befriend(&alice).await?;
    copy.catch_up(&alice, 100).await?;
    copy.equals_lists(&alice).await?;
    let group = ann.group(&[&alice]).await?;
    copy.catch_up(&alice, 100).await?;
    copy.equals_lists(&alice).await?;
    bob.say_many(&chat, "m", 3).await?;
    copy.catch_up(&alice, 100).await?;
    copy.equals_lists(&alice).await?;
    alice.put(&format!("/conversations/{chat}/read"), json!({"seq": 2})).await?.ok(200)?;
    copy.catch_up(&alice, 100).await?;
    copy.equals_lists(&alice).await?;
    alice.say(&group.conversation, "mine").await?;
    let stranger = t.user().await?;
    stranger.chat_with(&alice).await?;
    copy.catch_up(&alice, 100).await?;
    copy.equals_lists(&alice).await
}

async fn endings_reach_the_copy(t: World) -> Outcome {
    let (alice, bob, _chat) = t.two_friends().await?;
    let (left, removed) = (bob.group(&[&alice]).await?, bob.group(&[&alice]).await?);
    let dissolved = bob.group(&[&alice]).await?;
    let mut copy = Copy::default();
    copy.catch_up(&alice, 100).await?;
    same!(copy.groups.len(), 3, "three groups at first");
    alice.delete(&format!("/groups/{}/members/{}", left.id, alice.id)).await?.ok(200)?;
    bob.delete(&format!("/groups/{}/members/{}", removed.id, alice.id)).await?.ok(200)?;
    bob.delete(&format!("/groups/{}", dissolved.id)).await?.ok(200)?;
    bob.delete(&format!("/friends/{}", alice.id)).await?.ok(200)?;
    copy.catch_up(&alice, 100).await?;
    same!(copy.groups.len(), 0, "no groups afterwards");
    same!(copy.friends.len(), 0, "no friends afterwards");
    for group in [&left, &removed, &dissolved] {
        ensure!(
            !alice.listed().await?.contains(&group.conversation),
            "a group I'm not in is not in the list"
        );
    }
    Ok(())
}

async fn small_pages_lose_nothing(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    for other in t.users(4).await? {
        other.befriend(&alice).await?;
        other.group(&[&alice, &bob]).await?;
    }
    for limit in [1, 2, 3] {
        let mut copy = Copy::default();
        copy.catch_up(&alice, limit).await?;
        copy.equals_lists(&alice).await?;
    }
    Ok(())
}

async fn changes_while_paging_are_not_lost(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut groups = Vec::new();
    for _ in 0..6 {
        groups.push(bob.group(&[&alice]).await?);
    }
    let change = async {
        for round in 0..8 {
            for group in &groups {
                bob.say(&group.conversation, &format!("round {round}")).await?;
            }
            bob.say(&chat, "x").await?;
        }
        bob.group(&[&alice]).await
    };
    let mut copy = Copy::default();
    let page = async {
        for _ in 0..10 {
            copy.catch_up(&alice, 2).await?;
        }
        Ok(())
    };
    tokio::try_join!(change, page)?;
    copy.catch_up(&alice, 2).await?;
    copy.equals_lists(&alice).await
}

async fn bad_cursors_are_400(t: World) -> Outcome {
    let alice = t.user().await?;
    for query in ["cursor=nonsense", "limit=0", "limit=-1", "limit=x"] {
        alice.get(&format!("/sync?{query}")).await?.fails(400, "VALIDATION")?;
    }
    alice.get("/sync?limit=100000").await?.ok(200)?;
    Ok(())
}

async fn a_cursor_can_be_used_again(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut copy = Copy::default();
    copy.catch_up(&alice, 100).await?;
    let cursor = copy.cursor.clone().unwrap_or_default();
    bob.say(&chat, "x").await?;
    for _ in 0..2 {
        let reply = alice.get(&format!("/sync?cursor={cursor}")).await?;
        reply.ok(200)?.at("conversations")?.find("conversationId", &chat)?;
    }
    Ok(())
}
