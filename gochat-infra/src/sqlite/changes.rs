//! What changed for a user since a cursor.
//!
//! Four sources, each in order of change numbers and cut to a page; the page is the first of them all together. Numbers grow
//! in the order of commits and one user sees none twice, so a page may end after any entry and nothing slips in behind it.

use gochat_core::model::{ConversationEntry, ConversationId, PageLimit, UserId};
use gochat_core::ports::{Changes, Presence, SyncCursor};
use rusqlite::{Connection, Row, params};

use super::conversations::{entry, entry_columns, with_newest};
use super::error::Done;
use super::rows::{
    conversation_columns, conversation_id, int, member_columns, message_columns, number, user_id,
};
use super::statements::{Prepare, Sql, statements};

// Each begins with the change's number. A user's rows are what it walks over; an index of all conversations by change would
// be written to with every message.
statements! {
    CONVERSATIONS = "SELECT l.at, ", entry_columns!(), " FROM ( \
                       SELECT m.conversation AS id, max(m.changed, c.changed) AS at \
                       FROM members m INDEXED BY members_by_user CROSS JOIN conversations c ON c.id = m.conversation \
                       WHERE m.user = ?1 AND (m.changed > ?2 OR c.changed > ?2) \
                       AND (m.hidden_seq IS NULL OR m.hidden_seq < c.last_seq) ORDER BY at LIMIT ?3) l \
                     CROSS JOIN members m ON m.conversation = l.id AND m.user = ?1 \
                     CROSS JOIN conversations c ON c.id = l.id", with_newest!(), "ORDER BY l.at";
    JOINED = "SELECT m.joined, m.conversation FROM members m INDEXED BY members_by_user \
              CROSS JOIN conversations c ON c.id = m.conversation \
              WHERE m.user = ?1 AND m.joined > ?2 AND c.kind = 3 ORDER BY m.joined LIMIT ?3";
    LEFT = "SELECT changed, conversation FROM departures WHERE user = ?1 AND changed > ?2 ORDER BY changed LIMIT ?3";
    FRIENDS = "SELECT changed, friend, gone FROM friendships WHERE user = ?1 AND changed > ?2 AND gone <= ?4 \
               ORDER BY changed LIMIT ?3";
}

enum Change {
    Conversation(Box<ConversationEntry>),
    Membership(ConversationId, Presence),
    Friend(UserId, Presence),
}

pub(super) fn changes(
    conn: &Connection,
    user: UserId,
    cursor: SyncCursor,
    limit: PageLimit,
) -> Done<Changes> {
    let limit = limit.get() as usize;
    let range = (int(user.get()), int(cursor.0), limit as i64 + 1);
    // Who starts anew has nothing that could be gone.
    let gone = cursor != SyncCursor::START;
    let mut found = Vec::new();
    let (user, after, most) = range;
    collect(conn, CONVERSATIONS, params![user, after, most], &mut found, |row| {
        Ok(Change::Conversation(Box::new(entry(row, 1)?)))
    })?;
    collect(conn, JOINED, params![user, after, most], &mut found, |row| {
        Ok(Change::Membership(conversation_id(row, 1)?, Presence::Here))
    })?;
    if gone {
        collect(conn, LEFT, params![user, after, most], &mut found, |row| {
            Ok(Change::Membership(conversation_id(row, 1)?, Presence::Gone))
        })?;
    }
    collect(conn, FRIENDS, params![user, after, most, gone], &mut found, |row| {
        let presence = if row.get(2)? { Presence::Gone } else { Presence::Here };
        Ok(Change::Friend(user_id(row, 1)?, presence))
    })?;
    Ok(page(found, cursor, limit))
}

fn collect(
    conn: &Connection,
    sql: Sql,
    params: impl rusqlite::Params,
    found: &mut Vec<(u64, Change)>,
    read: impl Fn(&Row<'_>) -> Done<Change>,
) -> Done<()> {
    let mut stmt = conn.stmt(sql)?;
    let mut rows = stmt.query(params)?;
    while let Some(row) = rows.next()? {
        found.push((number(row, 0)?, read(row)?));
    }
    Ok(())
}

fn page(mut found: Vec<(u64, Change)>, cursor: SyncCursor, limit: usize) -> Changes {
    found.sort_unstable_by_key(|(at, _)| *at);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().map_or(cursor, |(at, _)| SyncCursor(*at));
    let mut page = Changes { cursor, has_more, ..Changes::default() };
    for (_, change) in found {
        match change {
            Change::Conversation(entry) => page.conversations.push(*entry),
            Change::Membership(id, presence) => page.memberships.push((id, presence)),
            Change::Friend(user, presence) => page.friends.push((user, presence)),
        }
    }
    page
}
