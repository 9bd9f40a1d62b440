//! Friendships.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Note, UserId};
use gochat_core::ports::{Befriend, Befriended, FriendStore, Removed, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};

use super::MySqlStore;
use super::conversations::single;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, distinct, int, user_id};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::{Tx, read, transact};

statements! {
    // The lower one's row stands for both, and is the first to be locked.
    STATE = ["SELECT gone FROM friendships WHERE user = ? AND friend = ? FOR UPDATE"];
    INSERT = ["INSERT INTO friendships (user, friend, gone, changed, since) VALUES (?, ?, 1, 0, 0), (?, ?, 1, 0, 0)"];
    OTHER = ["SELECT gone FROM friendships WHERE user = ? AND friend = ? FOR UPDATE"];
    BEGIN = ["UPDATE friendships SET gone = 0, changed = ?, since = ? WHERE user = ? AND friend = ?"];
    END = ["UPDATE friendships SET gone = 1, changed = ? WHERE user = ? AND friend = ?"];
    OF = ["SELECT f.user, f.friend FROM friendships f FORCE INDEX (PRIMARY) WHERE f.user IN ({}) AND f.gone = 0 \
           ORDER BY f.user, f.friend"] each ("?", ",");
}

#[async_trait]
impl FriendStore for MySqlStore {
    async fn befriend(&self, new: &Befriend) -> Result<Befriended> {
        transact!(self, "friends.befriend", |tx| async {
            let made = befriend(tx, new).await?;
            if made.new_friends {
                self.leave(tx).await?;
            }
            Ok(made)
        })
    }

    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed> {
        transact!(self, "friends.unfriend", |tx| async {
            let removed = unfriend(tx, a, b).await?;
            if removed == Removed::Gone {
                self.leave(tx).await?;
            }
            Ok(removed)
        })
    }

    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>> {
        let found = read!(self, "friends.friends", |conn| of(conn, users))?;
        Ok(users.iter().map(|user| found.get(user).cloned().unwrap_or_default()).collect())
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn FriendStore>> {
        Some(self.with_note(note))
    }
}

async fn of(conn: &mut Conn, users: &[UserId]) -> Done<HashMap<UserId, Vec<UserId>>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for part in distinct(users.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|user| user.get()));
        let rows: Vec<Row> = conn.exec(OF.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            found.entry(user_id(row, 0)?).or_default().push(user_id(row, 1)?);
        }
    }
    Ok(found)
}

fn pair(a: UserId, b: UserId) -> (i64, i64) {
    let (a, b) = (int(a.get()), int(b.get()));
    (a.min(b), a.max(b))
}

/// Locks both rows; whether they are friends, if there are rows.
async fn lock(tx: &mut Tx<'_>, low: i64, high: i64) -> Done<Option<bool>> {
    let row: Option<Row> = tx.exec_first(STATE.one(), (low, high)).await?;
    let Some(row) = row else { return Ok(None) };
    tx.exec_drop(OTHER.one(), (high, low)).await?;
    Ok(Some(!rows::get::<bool>(&row, 0)?))
}

async fn befriend(tx: &mut Tx<'_>, new: &Befriend) -> Done<Befriended> {
    let (low, high) = pair(new.users[0], new.users[1]);
    let state = lock(tx, low, high).await?;
    if state.is_none() {
        match tx.exec_drop(INSERT.one(), (low, high, high, low)).await {
            Ok(()) => {}
            Err(e) if is_unique(&e) => return Err(Fail::Again),
            Err(e) => return Err(Fail::Sql(e)),
        }
    }
    let new_friends = state != Some(true);
    let opened = single(tx, new.users, new.conversation, new.at).await?;
    if new_friends {
        let mut numbers = ticks::take(tx).await?;
        for (one, other) in [(low, high), (high, low)] {
            let changed = numbers.next()?;
            tx.exec_drop(BEGIN.one(), (changed, new.at.as_millis(), one, other)).await?;
        }
    }
    Ok(Befriended { conversation: opened.id, new_friends, new_conversation: opened.new })
}

async fn unfriend(tx: &mut Tx<'_>, a: UserId, b: UserId) -> Done<Removed> {
    let (low, high) = pair(a, b);
    if lock(tx, low, high).await? != Some(true) {
        return Ok(Removed::Absent);
    }
    let mut numbers = ticks::take(tx).await?;
    for (one, other) in [(low, high), (high, low)] {
        let changed = numbers.next()?;
        tx.exec_drop(END.one(), (changed, one, other)).await?;
    }
    Ok(Removed::Gone)
}
