//! Groups and their members.

use async_trait::async_trait;
use gochat_core::model::{
    AccessKind, Conversation, ConversationId, ConversationKind, Group, Member, MembersVersion, PageLimit,
    Role, Seq, Timestamp, UserId,
};
use gochat_core::ports::{
    AddMembersWrite, ErrorKind, GroupPatch, GroupStore, MemberPatch, NewGroup, Result, Retry, StoreError,
};
use rusqlite::params;
use rustc_hash::FxHashSet;

use super::SqliteStore;
use super::conversations::join;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, conversation_columns, int, member_columns, role_number, user_id};
use super::statements::{Prepare, statements};
use super::tx::{Effect, Head, Tx};

statements! {
    INSERT = "INSERT INTO conversations (id, slot, kind, last_seq, last_at, changed, members_version, created_at, \
              name, avatar, description, owner, member_count) VALUES (?1, ?2, 3, 0, ?3, ?4, 1, ?3, ?5, ?6, ?7, ?8, ?9)";
    UPDATE = "UPDATE conversations SET name = coalesce(?2, name), avatar = coalesce(?3, avatar), \
              description = coalesce(?4, description), changed = ?5 WHERE id = ?1";
    GET = "SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = ?1 AND c.dissolved_at IS NULL";
    BUMP = "UPDATE conversations SET members_version = ?2, changed = ?3, member_count = member_count + ?4 WHERE id = ?1";
    COUNT = "SELECT member_count FROM conversations WHERE id = ?1";
    PRESENT = "SELECT m.user FROM rarray(?2) k CROSS JOIN members m ON m.conversation = ?1 AND m.user = k.value";
    RETURNED = "DELETE FROM departures WHERE user = ?1 AND conversation = ?2";
    REMOVE = "DELETE FROM members WHERE conversation = ?1 AND user = ?2";
    DEPART = "INSERT INTO departures (user, conversation, changed) VALUES (?1, ?2, ?3) \
              ON CONFLICT (user, conversation) DO UPDATE SET changed = excluded.changed";
    CHANGE = "UPDATE members AS m SET role = coalesce(?3, role), \
              muted_until = CASE WHEN ?4 THEN ?5 ELSE muted_until END WHERE m.conversation = ?1 AND m.user = ?2";
    MEMBER = "SELECT ", member_columns!(), " FROM members m WHERE m.conversation = ?1 AND m.user = ?2";
    OWN = "UPDATE conversations SET owner = ?2 WHERE id = ?1";
    ALL_DEPART = "INSERT INTO departures (user, conversation, changed) \
                  SELECT user, conversation, ?2 FROM members WHERE conversation = ?1 \
                  ON CONFLICT (user, conversation) DO UPDATE SET changed = excluded.changed";
    REMOVE_ALL = "DELETE FROM members WHERE conversation = ?1";
    DISSOLVE = "UPDATE conversations SET dissolved_at = ?2, changed = ?3, member_count = 0 WHERE id = ?1";
    PAGE = "SELECT ", member_columns!(), " FROM members m WHERE m.conversation = ?1 AND m.user > ?2 \
            ORDER BY m.user LIMIT ?3";
}

#[async_trait]
impl GroupStore for SqliteStore {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        let new = new.clone();
        self.write("groups.create", new.members.len() + 2, move |tx| create(tx, &new)).await
    }

    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        let patch = patch.clone();
        self.write("groups.update", 1, move |tx| {
            is_group(tx, group, "groups.update")?;
            let changed = tx.tick()?;
            let [name, avatar, description] =
                [&patch.name, &patch.avatar, &patch.description].map(|field| field.as_deref());
            let id = int(group.get());
            tx.conn.stmt(UPDATE)?.execute(params![id, name, avatar, description, changed])?;
            tx.conn.stmt(GET)?.query_one([id], |row| Ok(rows::conversation(row, 0)))?
        })
        .await
    }

    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()> {
        self.write("groups.dissolve", 1, move |tx| {
            expected(tx, group, expect, "groups.dissolve")?;
            let (id, changed) = (int(group.get()), tx.tick()?);
            tx.conn.stmt(ALL_DEPART)?.execute(params![id, changed])?;
            tx.conn.stmt(REMOVE_ALL)?.execute([id])?;
            tx.conn.stmt(DISSOLVE)?.execute(params![id, at.as_millis(), changed])?;
            tx.dissolved(group);
            tx.effect(Effect::Members(group));
            Ok(())
        })
        .await
    }

    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        let add = add.clone();
        self.write("groups.add", add.users.len() + 1, move |tx| admit(tx, group, &add)).await
    }

    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        _at: Timestamp,
    ) -> Result<()> {
        self.write("groups.remove", 2, move |tx| {
            let head = expected(tx, group, expect, "groups.remove")?;
            let (id, number) = (int(group.get()), int(user.get()));
            if tx.conn.stmt(REMOVE)?.execute(params![id, number])? == 0 {
                return Err(StoreError::not_found("groups.remove").into());
            }
            let changed = tx.tick()?;
            tx.conn.stmt(DEPART)?.execute(params![number, id, changed])?;
            bump(tx, group, head, -1)
        })
        .await
    }

    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        let patch = *patch;
        self.write("groups.change_member", 2, move |tx| {
            let head = expected(tx, group, expect, "groups.change_member")?;
            let muted = patch.muted_until.flatten().map(Timestamp::as_millis);
            set(tx, group, user, patch.role, patch.muted_until.is_some(), muted, "groups.change_member")?;
            bump(tx, group, head, 0)?;
            let key = params![int(group.get()), int(user.get())];
            tx.conn.stmt(MEMBER)?.query_one(key, |row| Ok(rows::member(row, 0)))?
        })
        .await
    }

    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        self.write("groups.transfer", 3, move |tx| {
            let head = expected(tx, group, expect, "groups.transfer")?;
            let id = int(group.get());
            // Both are looked up before anything is written.
            for user in [from, to] {
                if !tx.conn.stmt(MEMBER)?.exists(params![id, int(user.get())])? {
                    return Err(StoreError::not_found("groups.transfer").into());
                }
            }
            set(tx, group, from, Some(Role::Admin), false, None, "groups.transfer")?;
            set(tx, group, to, Some(Role::Owner), false, None, "groups.transfer")?;
            tx.conn.stmt(OWN)?.execute(params![id, int(to.get())])?;
            bump(tx, group, head, 0)
        })
        .await
    }

    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        self.read("groups.members", move |conn| {
            let after = after.map_or(0, |user| int(user.get()));
            let mut stmt = conn.stmt(PAGE)?;
            let mut rows = stmt.query(params![int(group.get()), after, limit.get()])?;
            let mut members = Vec::new();
            while let Some(row) = rows.next()? {
                members.push(rows::member(row, 0)?);
            }
            Ok(members)
        })
        .await
    }
}

fn create(tx: &mut Tx<'_>, new: &NewGroup) -> Done<Conversation> {
    let (slot, changed) = (tx.slot()?, tx.tick()?);
    let count = new.members.len() + 1;
    let inserted = tx.conn.stmt(INSERT)?.execute(params![
        int(new.id.get()),
        int(slot),
        new.at.as_millis(),
        changed,
        &*new.name,
        &*new.avatar,
        &*new.description,
        int(new.owner.get()),
        int(count as u64),
    ]);
    match inserted {
        Ok(_) => {}
        Err(e) if is_unique(&e) => return Err(StoreError::conflict("groups.create").into()),
        Err(e) => return Err(Fail::Sql(e)),
    }
    join(tx, new.id, new.owner, Role::Owner)?;
    for user in &new.members {
        join(tx, new.id, *user, Role::Member)?;
    }
    let group = Group {
        name: new.name.clone(),
        avatar: new.avatar.clone(),
        description: new.description.clone(),
        owner: new.owner,
        member_count: u32::try_from(count).unwrap_or(u32::MAX),
    };
    Ok(Conversation {
        id: new.id,
        kind: ConversationKind::Group(group),
        last_seq: Seq::ZERO,
        members_version: MembersVersion::new(1),
        created_at: new.at,
    })
}

fn admit(tx: &mut Tx<'_>, group: ConversationId, add: &AddMembersWrite) -> Done<Vec<UserId>> {
    let head = expected(tx, group, add.expect, "groups.add")?;
    let id = int(group.get());
    let mut present = FxHashSet::default();
    {
        let mut stmt = tx.conn.stmt(PRESENT)?;
        let mut rows = stmt.query(params![id, rows::table(add.users.iter().map(|user| user.get()))])?;
        while let Some(row) = rows.next()? {
            present.insert(user_id(row, 0)?);
        }
    }
    let mut new: Vec<_> = add.users.iter().copied().filter(|user| !present.contains(user)).collect();
    new.sort_unstable();
    if new.is_empty() {
        return Ok(new);
    }
    let count: u64 = tx.conn.stmt(COUNT)?.query_one([id], |row| Ok(rows::number(row, 0)))??;
    if count + new.len() as u64 > u64::from(add.max) {
        return Err(StoreError::new(ErrorKind::TooLarge, Retry::Never, "groups.add").into());
    }
    for user in &new {
        tx.conn.stmt(RETURNED)?.execute(params![int(user.get()), id])?;
        join(tx, group, *user, Role::Member)?;
    }
    bump(tx, group, head, int(new.len() as u64))?;
    Ok(new)
}

fn is_group(tx: &mut Tx<'_>, group: ConversationId, operation: &'static str) -> Done<Head> {
    let head = tx.head(group)?.filter(|head| head.kind == AccessKind::Group);
    head.ok_or(Fail::Answer(StoreError::not_found(operation)))
}

/// The group, if its members are still those that the caller decided by.
fn expected(
    tx: &mut Tx<'_>,
    group: ConversationId,
    expect: MembersVersion,
    operation: &'static str,
) -> Done<Head> {
    let head = is_group(tx, group, operation)?;
    if head.version == expect { Ok(head) } else { Err(StoreError::precondition(operation).into()) }
}

fn set(
    tx: &Tx<'_>,
    group: ConversationId,
    user: UserId,
    role: Option<Role>,
    mute: bool,
    muted_until: Option<i64>,
    operation: &'static str,
) -> Done<()> {
    let key = (int(group.get()), int(user.get()));
    let role = role.map(role_number);
    match tx.conn.stmt(CHANGE)?.execute(params![key.0, key.1, role, mute, muted_until])? {
        0 => Err(StoreError::not_found(operation).into()),
        _ => Ok(()),
    }
}

/// To be called after each change of members or their rights.
fn bump(tx: &mut Tx<'_>, group: ConversationId, head: Head, more: i64) -> Done<()> {
    let version = MembersVersion::new(head.version.get() + 1);
    let changed = tx.tick()?;
    tx.conn.stmt(BUMP)?.execute(params![int(group.get()), int(version.get()), changed, more])?;
    tx.moved(group, Head { version, ..head });
    tx.effect(Effect::Members(group));
    Ok(())
}
