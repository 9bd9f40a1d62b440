//! Who is in which conversation, asked of the primary each time. A cache is a decorator of this port.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Access, AccessKind, ConversationId, Member, MembersVersion, Membership, PageLimit, UserId,
};
use gochat_core::ports::{Directory, Freshness, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::MySqlStore;
use super::error::{Done, Fail};
use super::rows::{
    self, conversation_id, distinct, int, member_columns, muted_until, number, role, user_id, version,
};
use super::statements::{LIST_MAX, padded, statements};
use super::tx::read;

statements! {
    CONVERSATIONS = ["SELECT id, kind, members_version, member_count FROM conversations FORCE INDEX (PRIMARY) \
                      WHERE id IN ({}) AND dissolved_at IS NULL"] each ("?", ",");
    MEMBERS = ["SELECT conversation, user, role, muted_until FROM conversation_members FORCE INDEX (PRIMARY) \
                WHERE conversation IN ({}) ORDER BY conversation, user"] each ("?", ",");
    SOME = ["SELECT conversation, user, role, muted_until FROM conversation_members FORCE INDEX (PRIMARY) WHERE {}"]
        each ("(conversation = ? AND user = ?)", " OR ");
    PAGE = ["SELECT user FROM conversation_members WHERE conversation = ? AND user > ? ORDER BY user LIMIT ?"];
    THESE = ["SELECT ", member_columns!(), " FROM conversation_members m FORCE INDEX (PRIMARY) \
              WHERE m.conversation = ? AND m.user IN ({})"] each ("?", ",");
    SMALL = ["SELECT m.user, m.conversation FROM conversation_members m FORCE INDEX (members_by_user) \
              STRAIGHT_JOIN conversations c ON c.id = m.conversation WHERE m.user IN ({}) AND c.kind = 3 \
              AND c.member_count <= ?"] each ("?", ",");
}

#[async_trait]
impl Directory for MySqlStore {
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        _freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        read!(self, "directory.access", |conn| access(conn, asked, members_max))
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        read!(self, "directory.member_ids", |conn| async {
            let after = after.map_or(0, |user| int(user.get()));
            let page = (int(conversation.get()), after, limit.get());
            let rows: Vec<Row> = conn.exec(PAGE.one(), page).await?;
            rows.iter().map(|row| user_id(row, 0)).collect()
        })
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        let found = read!(self, "directory.members", |conn| members(conn, conversation, users))?;
        Ok(users.iter().map(|user| found.get(user).cloned()).collect())
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        let found = read!(self, "directory.small_groups", |conn| small_groups(conn, users, members_max))?;
        Ok(users.iter().map(|user| found.get(user).cloned().unwrap_or_default()).collect())
    }
}

async fn members(
    conn: &mut Conn,
    conversation: ConversationId,
    users: &[UserId],
) -> Done<HashMap<UserId, Member>> {
    let mut found = HashMap::new();
    for part in distinct(users.iter().copied()).chunks(LIST_MAX) {
        let mut values = vec![Value::Int(int(conversation.get()))];
        values.extend(rows::list(part.iter().map(|user| user.get())));
        let rows: Vec<Row> = conn.exec(THESE.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let member = rows::member(row, 0)?;
            found.insert(member.user, member);
        }
    }
    Ok(found)
}

async fn small_groups(
    conn: &mut Conn,
    users: &[UserId],
    members_max: u32,
) -> Done<HashMap<UserId, Vec<ConversationId>>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for part in distinct(users.iter().copied()).chunks(LIST_MAX) {
        let mut values = rows::list(part.iter().map(|user| user.get()));
        values.push(members_max.into());
        let rows: Vec<Row> = conn.exec(SMALL.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            found.entry(user_id(row, 0)?).or_default().push(conversation_id(row, 1)?);
        }
    }
    Ok(found)
}

/// What was read of a conversation.
struct Known {
    kind: AccessKind,
    version: MembersVersion,
    /// All members, if they are to be named.
    named: Option<Vec<UserId>>,
}

async fn access(
    conn: &mut Conn,
    asked: &[(ConversationId, UserId)],
    members_max: u32,
) -> Done<Vec<Option<Access>>> {
    // Versions first: members that change after are newer than their version says, and an append by it is refused.
    let mut known = load(conn, asked, members_max).await?;
    let small: Vec<_> = known.iter().filter(|(_, k)| k.named.is_some()).map(|(id, _)| *id).collect();
    let mut standings = HashMap::new();
    for part in distinct(small).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> = conn.exec(MEMBERS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let ((id, user), standing) = standing(row)?;
            standings.insert((id, user), standing);
            if let Some(named) = known.get_mut(&id).and_then(|k| k.named.as_mut()) {
                named.push(user);
            }
        }
    }
    let alone = asked.iter().filter(|(id, _)| known.get(id).is_some_and(|k| k.named.is_none()));
    for part in distinct(alone.copied()).chunks(LIST_MAX) {
        let mut part = part.to_vec();
        part.resize(padded(part.len()), part[part.len() - 1]);
        let values = part.iter().flat_map(|(id, user)| [id.get(), user.get()].map(|n| Value::Int(int(n))));
        let values = Params::Positional(values.collect());
        for row in &conn.exec::<Row, _, _>(SOME.of(part.len()), values).await? {
            let (key, standing) = standing(row)?;
            standings.insert(key, standing);
        }
    }
    let named: HashMap<_, Option<Arc<[UserId]>>> = known
        .iter_mut()
        .map(|(id, k)| {
            let named = k.named.take().filter(|named| named.len() <= members_max as usize);
            (*id, named.map(Into::into))
        })
        .collect();
    let answer = |key: &(ConversationId, UserId)| {
        known.get(&key.0).map(|k| Access {
            kind: k.kind,
            member: standings.get(key).copied(),
            version: k.version,
            members: named.get(&key.0).cloned().flatten(),
        })
    };
    Ok(asked.iter().map(answer).collect())
}

async fn load(
    conn: &mut Conn,
    asked: &[(ConversationId, UserId)],
    members_max: u32,
) -> Done<HashMap<ConversationId, Known>> {
    let mut known = HashMap::new();
    let ids: BTreeSet<_> = asked.iter().map(|(id, _)| *id).collect();
    for part in ids.into_iter().collect::<Vec<_>>().chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let rows: Vec<Row> =
            conn.exec(CONVERSATIONS.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            let id = conversation_id(row, 0)?;
            let (kind, count) = match rows::get(row, 1)? {
                1 => (AccessKind::World, u64::MAX),
                2 => (AccessKind::Single, 2),
                3 => (AccessKind::Group, number(row, 3)?),
                other => return Err(Fail::Corrupt(format!("the kind of conversation {id} is {other}"))),
            };
            let named = (count <= u64::from(members_max)).then(Vec::new);
            known.insert(id, Known { kind, version: version(row, 2)?, named });
        }
    }
    Ok(known)
}

fn standing(row: &Row) -> Done<((ConversationId, UserId), Membership)> {
    let standing = Membership { role: role(row, 2)?, muted_until: muted_until(row, 3)? };
    Ok(((conversation_id(row, 0)?, user_id(row, 1)?), standing))
}
