//! Who is in which conversation, answered from memory wherever it can be.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Access, AccessKind, ConversationId, Member, MembersVersion, Membership, PageLimit, UserId,
};
use gochat_core::ports::{Directory, Freshness, Result};
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::SqliteStore;
use super::caches::{Caches, MemberSet, PLAIN};
use super::error::{Done, Fail};
use super::rows::{self, conversation_id, int, member_columns, muted_until, role, user_id};
use super::statements::{Prepare, statements};
use super::users;

statements! {
    CONVERSATIONS = "SELECT c.id, c.kind, c.members_version, c.member_count FROM rarray(?1) k \
                     CROSS JOIN conversations c ON c.id = k.value WHERE c.dissolved_at IS NULL";
    MEMBERS = "SELECT m.conversation, m.user, m.role, m.muted_until FROM rarray(?1) k \
               CROSS JOIN members m ON m.conversation = k.value";
    ONE = "SELECT role, muted_until FROM members WHERE conversation = ?1 AND user = ?2";
    PAGE = "SELECT user FROM members WHERE conversation = ?1 AND user > ?2 ORDER BY user LIMIT ?3";
    THESE = "SELECT ", member_columns!(), " FROM rarray(?2) k \
             CROSS JOIN members m ON m.conversation = ?1 AND m.user = k.value";
    SMALL = "SELECT m.user, m.conversation FROM rarray(?1) k \
             CROSS JOIN members m INDEXED BY members_by_user ON m.user = k.value \
             CROSS JOIN conversations c ON c.id = m.conversation WHERE c.kind = 3 AND c.member_count <= ?2";
}

/// Larger groups are asked of the file each time: 8 bytes a member would push all others out of memory.
const CACHED_MAX: u64 = 200_000;

/// Who asks for one member's rights in a larger group reads that one and not all; the delivery to all, which costs as many
/// steps anyhow, reads all and keeps them.
const WHOLE_MAX: u64 = 2_000;

/// The world channel's version never changes: who joins it takes nothing from anybody.
const WORLD_VERSION: MembersVersion = MembersVersion::new(1);

#[async_trait]
impl Directory for SqliteStore {
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        let caches = &self.inner.caches;
        if freshness == Freshness::Cached {
            let known = |(id, user): &(ConversationId, UserId)| {
                if id.is_world() {
                    caches.user(*user).map(|_| Some(world(Some(PLAIN))))
                } else {
                    caches.members(*id).map(|set| Some(set.access(*user, members_max)))
                }
            };
            if let Some(all) = asked.iter().map(known).collect() {
                return Ok(all);
            }
        }
        let (asked, caches) = (asked.to_vec(), caches.clone());
        self.read("directory.access", move |conn| access(conn, &caches, &asked, members_max, freshness)).await
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        let limit = limit.get() as usize;
        let caches = &self.inner.caches;
        if let Some(set) = caches.members(conversation) {
            return Ok(set.page(after, limit));
        }
        let caches = caches.clone();
        self.read("directory.member_ids", move |conn| {
            // The other pages will be asked for next.
            let wanted = FxHashMap::from_iter([(conversation, None)]);
            if let Some(Known::Set(set)) = load(conn, &caches, &wanted, CACHED_MAX)?.remove(&conversation) {
                return Ok(set.page(after, limit));
            }
            let after = after.map_or(0, |user| int(user.get()));
            let mut stmt = conn.stmt(PAGE)?;
            let mut rows = stmt.query(params![int(conversation.get()), after, int(limit as u64)])?;
            let mut ids = Vec::new();
            while let Some(row) = rows.next()? {
                ids.push(user_id(row, 0)?);
            }
            Ok(ids)
        })
        .await
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        let users = users.to_vec();
        self.read("directory.members", move |conn| {
            let mut stmt = conn.stmt(THESE)?;
            let wanted = rows::table(users.iter().map(|user| user.get()));
            let mut rows = stmt.query(params![int(conversation.get()), wanted])?;
            let mut found = FxHashMap::default();
            while let Some(row) = rows.next()? {
                let member = rows::member(row, 0)?;
                found.insert(member.user, member);
            }
            Ok(users.iter().map(|user| found.get(user).cloned()).collect())
        })
        .await
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        let users = users.to_vec();
        self.read("directory.small_groups", move |conn| {
            let distinct: FxHashSet<_> = users.iter().map(|user| user.get()).collect();
            let mut stmt = conn.stmt(SMALL)?;
            let mut rows = stmt.query(params![rows::table(distinct), members_max])?;
            let mut found: FxHashMap<UserId, Vec<ConversationId>> = FxHashMap::default();
            while let Some(row) = rows.next()? {
                found.entry(user_id(row, 0)?).or_default().push(conversation_id(row, 1)?);
            }
            Ok(users.iter().map(|user| found.get(user).cloned().unwrap_or_default()).collect())
        })
        .await
    }
}

fn world(member: Option<Membership>) -> Access {
    Access { kind: AccessKind::World, member, version: WORLD_VERSION, members: None }
}

/// What was read of a conversation.
enum Known {
    /// Everybody is in it.
    World,
    Set(Arc<MemberSet>),
    /// Too many members to hold.
    Large(MembersVersion),
}

fn access(
    conn: &Connection,
    caches: &Caches,
    asked: &[(ConversationId, UserId)],
    members_max: u32,
    freshness: Freshness,
) -> Done<Vec<Option<Access>>> {
    let mut known = FxHashMap::default();
    let mut wanted = FxHashMap::default();
    for (id, _) in asked {
        match caches.members(*id) {
            Some(set) if freshness == Freshness::Cached => {
                known.insert(*id, Known::Set(set));
            }
            held => {
                wanted.insert(*id, held);
            }
        }
    }
    let most = WHOLE_MAX.max(members_max.into()).min(CACHED_MAX);
    known.extend(load(conn, caches, &wanted, most)?);
    let everybody: Vec<_> = asked.iter().filter(|(id, _)| id.is_world()).map(|(_, user)| *user).collect();
    let everybody = users::load(conn, caches, &everybody)?;
    let answer = |(id, user): &(ConversationId, UserId)| {
        Ok(match known.get(id) {
            None => None,
            Some(Known::World) => Some(world(everybody.contains_key(user).then_some(PLAIN))),
            Some(Known::Set(set)) => Some(set.access(*user, members_max)),
            Some(Known::Large(version)) => Some(Access {
                kind: AccessKind::Group,
                member: one(conn, *id, *user)?,
                version: *version,
                members: None,
            }),
        })
    };
    asked.iter().map(answer).collect()
}

fn one(conn: &Connection, id: ConversationId, user: UserId) -> Done<Option<Membership>> {
    let mut stmt = conn.stmt(ONE)?;
    let mut rows = stmt.query(params![int(id.get()), int(user.get())])?;
    let row = rows.next()?;
    row.map(|row| Ok(Membership { role: role(row, 0)?, muted_until: muted_until(row, 1)? })).transpose()
}

/// Reads conversations with all their members, up to `most`, and remembers them. A set that is held and has the version of
/// now is as good as read.
fn load(
    conn: &Connection,
    caches: &Caches,
    wanted: &FxHashMap<ConversationId, Option<Arc<MemberSet>>>,
    most: u64,
) -> Done<FxHashMap<ConversationId, Known>> {
    let mut known = FxHashMap::default();
    if wanted.is_empty() {
        return Ok(known);
    }
    let before = caches.before_members();
    let mut sets = FxHashMap::default();
    let mut stmt = conn.stmt(CONVERSATIONS)?;
    let mut rows = stmt.query([rows::table(wanted.keys().map(|id| id.get()))])?;
    while let Some(row) = rows.next()? {
        let (id, version) = (conversation_id(row, 0)?, MembersVersion::new(rows::number(row, 2)?));
        if let Some(set) = wanted.get(&id).cloned().flatten().filter(|set| set.version == version) {
            known.insert(id, Known::Set(set));
            continue;
        }
        let kind = match row.get(1)? {
            1 => {
                known.insert(id, Known::World);
                continue;
            }
            2 => AccessKind::Single,
            3 => AccessKind::Group,
            other => return Err(Fail::Corrupt(format!("the kind of conversation {id} is {other}"))),
        };
        if kind == AccessKind::Group && rows::number(row, 3)? > most {
            known.insert(id, Known::Large(version));
        } else {
            sets.insert(id, (kind, version, Vec::new(), Vec::new()));
        }
    }
    if sets.is_empty() {
        return Ok(known);
    }
    let mut stmt = conn.stmt(MEMBERS)?;
    let mut rows = stmt.query([rows::table(sets.keys().map(|id| id.get()))])?;
    while let Some(row) = rows.next()? {
        let (id, user) = (conversation_id(row, 0)?, user_id(row, 1)?);
        let Some((_, _, ids, special)) = sets.get_mut(&id) else { continue };
        ids.push(user);
        let standing = Membership { role: role(row, 2)?, muted_until: muted_until(row, 3)? };
        if standing != PLAIN {
            special.push((user, standing));
        }
    }
    for (id, (kind, version, mut ids, mut special)) in sets {
        // In order already, as the key of the table is; but nothing in SQL promises it.
        ids.sort_unstable();
        special.sort_unstable_by_key(|(user, _)| *user);
        let set = Arc::new(MemberSet { kind, version, ids: ids.into(), special: special.into() });
        caches.put_members(before, id, set.clone());
        known.insert(id, Known::Set(set));
    }
    Ok(known)
}
