//! Friendships.

use async_trait::async_trait;
use gochat_core::model::UserId;
use gochat_core::ports::{Befriend, Befriended, FriendStore, Removed, Result};
use rusqlite::params;
use rustc_hash::FxHashMap;

use super::SqliteStore;
use super::conversations::single;
use super::error::Done;
use super::rows::{self, int, user_id};
use super::statements::{Prepare, statements};
use super::tx::Tx;

statements! {
    ARE = "SELECT 1 FROM friendships WHERE user = ?1 AND friend = ?2 AND gone = 0";
    MARK = "INSERT INTO friendships (user, friend, gone, changed, since) VALUES (?1, ?2, ?3, ?4, ?5) \
            ON CONFLICT (user, friend) DO UPDATE SET gone = excluded.gone, changed = excluded.changed, \
            since = CASE WHEN excluded.gone THEN since ELSE excluded.since END";
    OF = "SELECT f.user, f.friend FROM rarray(?1) k CROSS JOIN friendships f ON f.user = k.value \
          WHERE f.gone = 0 ORDER BY f.user, f.friend";
}

#[async_trait]
impl FriendStore for SqliteStore {
    async fn befriend(&self, new: &Befriend) -> Result<Befriended> {
        let new = *new;
        self.write("friends.befriend", 5, move |tx| {
            let opened = single(tx, new.users, new.conversation, new.at)?;
            let [a, b] = new.users;
            let new_friends = !are(tx, a, b)?;
            if new_friends {
                mark(tx, a, b, false, new.at.as_millis())?;
            }
            Ok(Befriended { conversation: opened.id, new_friends, new_conversation: opened.new })
        })
        .await
    }

    async fn unfriend(&self, a: UserId, b: UserId) -> Result<Removed> {
        self.write("friends.unfriend", 2, move |tx| {
            if !are(tx, a, b)? {
                return Ok(Removed::Absent);
            }
            mark(tx, a, b, true, 0)?;
            Ok(Removed::Gone)
        })
        .await
    }

    async fn friends(&self, users: &[UserId]) -> Result<Vec<Vec<UserId>>> {
        let users = users.to_vec();
        self.read("friends.friends", move |conn| {
            let mut stmt = conn.stmt(OF)?;
            // A user asked for twice would find everybody twice.
            let mut wanted: Vec<_> = users.iter().map(|user| user.get()).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let mut rows = stmt.query([rows::table(wanted)])?;
            let mut found: FxHashMap<UserId, Vec<UserId>> = FxHashMap::default();
            while let Some(row) = rows.next()? {
                found.entry(user_id(row, 0)?).or_default().push(user_id(row, 1)?);
            }
            Ok(users.iter().map(|user| found.get(user).cloned().unwrap_or_default()).collect())
        })
        .await
    }
}

fn are(tx: &Tx<'_>, a: UserId, b: UserId) -> Done<bool> {
    Ok(tx.conn.stmt(ARE)?.exists(params![int(a.get()), int(b.get())])?)
}

fn mark(tx: &mut Tx<'_>, a: UserId, b: UserId, gone: bool, at: i64) -> Done<()> {
    for (one, other) in [(a, b), (b, a)] {
        let changed = tx.tick()?;
        tx.conn.stmt(MARK)?.execute(params![int(one.get()), int(other.get()), gone, changed, at])?;
    }
    Ok(())
}
