//! What changed for a user since a cursor.
//!
//! Four sources, merged in order of change numbers; one user sees no number twice, so a page may end after any entry. Why
//! nothing slips in behind a cursor stands in [`ticks`]: these are its locking reads. Each statement
//! lets go of its locks when it ends, so a writer waits for one statement, never for a reader.

use gochat_core::model::{ConversationId, PageLimit, UserId};
use gochat_core::ports::{Changes, Presence, SyncCursor};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};

use super::conversations::entries;
use super::error::Done;
use super::rows::{self, conversation_id, int, number, user_id};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;

statements! {
    MINE = ["SELECT conversation, changed, joined, hidden_seq FROM conversation_members \
             FORCE INDEX (members_by_user) WHERE user = ? LOCK IN SHARE MODE"];
    // In order of ids, as writers lock them.
    THEIRS = ["SELECT id, changed, last_seq, kind FROM conversations FORCE INDEX (PRIMARY) WHERE id IN ({}) \
               ORDER BY id LOCK IN SHARE MODE"] each ("?", ",");
    LEFT = ["SELECT conversation, changed FROM departures FORCE INDEX (PRIMARY) WHERE user = ? LOCK IN SHARE MODE"];
    FRIENDS = ["SELECT friend, changed, gone FROM friendships FORCE INDEX (PRIMARY) WHERE user = ? \
                LOCK IN SHARE MODE"];
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Conversation(ConversationId),
    Membership(ConversationId, Presence),
    Friend(UserId, Presence),
}

/// The changes above the cursor and below the bound.
struct Found {
    after: u64,
    bound: u64,
    changes: Vec<(u64, Change)>,
}

impl Found {
    fn add(&mut self, number: u64, change: Change) {
        if number > self.after && number < self.bound {
            self.changes.push((number, change));
        }
    }
}

/// A user's place in a conversation.
struct Place {
    conversation: ConversationId,
    changed: u64,
    joined: u64,
    hidden: Option<u64>,
}

pub(super) async fn changes(
    conn: &mut Conn,
    user: UserId,
    cursor: SyncCursor,
    limit: PageLimit,
) -> Done<Changes> {
    let bound = ticks::bound(conn).await?;
    let mut found = Found { after: cursor.0, bound, changes: Vec::new() };
    conversations(conn, user, &mut found).await?;
    // Who starts anew has nothing that could be gone.
    let gone = cursor != SyncCursor::START;
    let id = (int(user.get()),);
    if gone {
        let rows: Vec<Row> = conn.exec(LEFT.one(), id).await?;
        for row in &rows {
            found.add(number(row, 1)?, Change::Membership(conversation_id(row, 0)?, Presence::Gone));
        }
    }
    let rows: Vec<Row> = conn.exec(FRIENDS.one(), id).await?;
    for row in &rows {
        let presence = if rows::get(row, 2)? { Presence::Gone } else { Presence::Here };
        if gone || presence == Presence::Here {
            found.add(number(row, 1)?, Change::Friend(user_id(row, 0)?, presence));
        }
    }
    page(conn, user, cursor, found.changes, limit.get() as usize).await
}

async fn conversations(conn: &mut Conn, user: UserId, found: &mut Found) -> Done<()> {
    let mut places = Vec::new();
    let rows: Vec<Row> = conn.exec(MINE.one(), (int(user.get()),)).await?;
    for row in &rows {
        places.push(Place {
            conversation: conversation_id(row, 0)?,
            changed: number(row, 1)?,
            joined: number(row, 2)?,
            hidden: rows::get(row, 3)?,
        });
    }
    places.sort_unstable_by_key(|place| place.conversation);
    for part in places.chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|place| place.conversation.get()));
        let rows: Vec<Row> = conn.exec(THEIRS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let id = conversation_id(row, 0)?;
            let Ok(at) = part.binary_search_by_key(&id, |place| place.conversation) else { continue };
            let place = &part[at];
            let (changed, head, kind): (u64, u64, i64) =
                (number(row, 1)?, number(row, 2)?, rows::get(row, 3)?);
            if kind == 3 {
                found.add(place.joined, Change::Membership(id, Presence::Here));
            }
            if place.hidden.is_none_or(|hidden| hidden < head) {
                // Of two changes the later one above the bound hides none: the earlier one is a reason to show it too.
                let newest = [changed, place.changed].into_iter().filter(|n| *n < found.bound).max();
                found.add(newest.unwrap_or(0), Change::Conversation(id));
            }
        }
    }
    Ok(())
}

async fn page(
    conn: &mut Conn,
    user: UserId,
    cursor: SyncCursor,
    mut found: Vec<(u64, Change)>,
    limit: usize,
) -> Done<Changes> {
    found.sort_unstable_by_key(|(at, _)| *at);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().map_or(cursor, |(at, _)| SyncCursor(*at));
    let conversation = |(_, change): &(u64, Change)| match change {
        Change::Conversation(id) => Some(*id),
        _ => None,
    };
    let ids: Vec<_> = found.iter().filter_map(conversation).collect();
    // As they are now, which may be newer than what was seen above; who has left since finds none, and hears of that later.
    let mut entries = entries(conn, user, &ids).await?;
    let mut page = Changes { cursor, has_more, ..Changes::default() };
    for (_, change) in found {
        match change {
            Change::Conversation(id) => page.conversations.extend(entries.remove(&id)),
            Change::Membership(id, presence) => page.memberships.push((id, presence)),
            Change::Friend(user, presence) => page.friends.push((user, presence)),
        }
    }
    Ok(page)
}
