//! Groups and their members. Each change locks the group's row first, so that one group changes in one order.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Conversation, ConversationId, ConversationKind, Group, Member, MembersVersion, Note, PageLimit, Role,
    Seq, Timestamp, UserId,
};
use gochat_core::ports::{
    AddMembersWrite, ErrorKind, GroupPatch, GroupStore, MemberPatch, NewGroup, Result, Retry, StoreError,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};

use super::MySqlStore;
use super::conversations::{arrived, join};
use super::error::{Done, Fail, is_unique};
use super::rows::{
    self, conversation_columns, distinct, int, member_columns, number, role_number, seq, user_id, version,
};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::{Tx, read, transact};

statements! {
    LOCK = ["SELECT last_seq, members_version, member_count FROM conversations WHERE id = ? AND kind = 3 \
             AND dissolved_at IS NULL FOR UPDATE"];
    INSERT = ["INSERT INTO conversations (id, kind, last_seq, last_at, changed, members_version, created_at, \
               name, avatar, description, owner, member_count) VALUES (?, 3, 0, ?, 0, 1, ?, ?, ?, ?, ?, ?)"];
    UPDATE = ["UPDATE conversations SET name = COALESCE(?, name), avatar = COALESCE(?, avatar), \
               description = COALESCE(?, description), changed = ? WHERE id = ?"];
    GET = ["SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = ?"];
    BUMP = ["UPDATE conversations SET members_version = members_version + 1, changed = ?, \
             member_count = member_count + ? WHERE id = ?"];
    PRESENT = ["SELECT user FROM conversation_members FORCE INDEX (PRIMARY) WHERE conversation = ? AND user IN ({})"]
        each ("?", ",");
    RETURNED = ["DELETE FROM departures WHERE conversation = ? AND user IN ({})"] each ("?", ",");
    REMOVE = ["DELETE FROM conversation_members WHERE conversation = ? AND user = ?"];
    DEPART = ["INSERT INTO departures (user, conversation, changed) VALUES (?, ?, 0) ON DUPLICATE KEY UPDATE changed = 0"];
    ALL_DEPART = ["INSERT INTO departures (user, conversation, changed) SELECT m.user, m.conversation, 0 \
                   FROM conversation_members m WHERE m.conversation = ? ON DUPLICATE KEY UPDATE changed = 0"];
    // Only those that the statements before have touched: every other has a number.
    DEPARTED = ["UPDATE departures FORCE INDEX (departures_by_conversation) SET changed = ? \
                 WHERE conversation = ? AND changed = 0"];
    CHANGE = ["UPDATE conversation_members SET role = COALESCE(?, role), muted_until = IF(?, ?, muted_until) \
               WHERE conversation = ? AND user = ?"];
    MEMBER = ["SELECT ", member_columns!(), " FROM conversation_members m WHERE m.conversation = ? AND m.user = ?"];
    OWN = ["UPDATE conversations SET owner = ? WHERE id = ?"];
    REMOVE_ALL = ["DELETE FROM conversation_members WHERE conversation = ?"];
    DISSOLVE = ["UPDATE conversations SET dissolved_at = ?, changed = ?, member_count = 0 WHERE id = ?"];
    PAGE = ["SELECT ", member_columns!(), " FROM conversation_members m WHERE m.conversation = ? AND m.user > ? \
             ORDER BY m.user LIMIT ?"];
}

#[async_trait]
impl GroupStore for MySqlStore {
    async fn create(&self, new: &NewGroup) -> Result<Conversation> {
        transact!(self, "groups.create", |tx| async {
            let made = create(tx, new).await?;
            self.leave(tx).await?;
            Ok(made)
        })
    }

    async fn update(&self, group: ConversationId, patch: &GroupPatch) -> Result<Conversation> {
        transact!(self, "groups.update", |tx| async {
            locked(tx, group, "groups.update").await?;
            let changed = ticks::take(tx).await?.next()?;
            let [name, avatar, description] =
                [&patch.name, &patch.avatar, &patch.description].map(|field| field.as_deref());
            tx.exec_drop(UPDATE.one(), (name, avatar, description, changed, int(group.get()))).await?;
            self.leave(tx).await?;
            let row: Option<Row> = tx.exec_first(GET.one(), (int(group.get()),)).await?;
            rows::conversation(&row.ok_or_else(|| missing("groups.update"))?)
        })
    }

    async fn dissolve(&self, group: ConversationId, expect: MembersVersion, at: Timestamp) -> Result<()> {
        transact!(self, "groups.dissolve", |tx| async {
            expected(tx, group, expect, "groups.dissolve").await?;
            let id = int(group.get());
            tx.exec_drop(ALL_DEPART.one(), (id,)).await?;
            tx.exec_drop(REMOVE_ALL.one(), (id,)).await?;
            let changed = ticks::take(tx).await?.next()?;
            tx.exec_drop(DEPARTED.one(), (changed, id)).await?;
            self.leave(tx).await?;
            Ok(tx.exec_drop(DISSOLVE.one(), (at.as_millis(), changed, id)).await?)
        })
    }

    async fn add(&self, group: ConversationId, add: &AddMembersWrite) -> Result<Vec<UserId>> {
        transact!(self, "groups.add", |tx| async {
            let new = admit(tx, group, add).await?;
            if !new.is_empty() {
                self.leave(tx).await?;
            }
            Ok(new)
        })
    }

    async fn remove(
        &self,
        group: ConversationId,
        user: UserId,
        expect: MembersVersion,
        _at: Timestamp,
    ) -> Result<()> {
        transact!(self, "groups.remove", |tx| async {
            expected(tx, group, expect, "groups.remove").await?;
            let (id, number) = (int(group.get()), int(user.get()));
            tx.exec_drop(REMOVE.one(), (id, number)).await?;
            if tx.affected_rows() == 0 {
                return Err(missing("groups.remove"));
            }
            tx.exec_drop(DEPART.one(), (number, id)).await?;
            let mut numbers = ticks::take(tx).await?;
            tx.exec_drop(DEPARTED.one(), (numbers.next()?, id)).await?;
            self.leave(tx).await?;
            bump(tx, group, numbers.next()?, -1).await
        })
    }

    async fn change_member(
        &self,
        group: ConversationId,
        user: UserId,
        patch: &MemberPatch,
        expect: MembersVersion,
    ) -> Result<Member> {
        transact!(self, "groups.change_member", |tx| async {
            expected(tx, group, expect, "groups.change_member").await?;
            set(tx, group, user, patch, "groups.change_member").await?;
            let changed = ticks::take(tx).await?.next()?;
            self.leave(tx).await?;
            bump(tx, group, changed, 0).await?;
            let key = (int(group.get()), int(user.get()));
            let row: Option<Row> = tx.exec_first(MEMBER.one(), key).await?;
            rows::member(&row.ok_or_else(|| missing("groups.change_member"))?, 0)
        })
    }

    async fn transfer(
        &self,
        group: ConversationId,
        from: UserId,
        to: UserId,
        expect: MembersVersion,
    ) -> Result<()> {
        transact!(self, "groups.transfer", |tx| async {
            expected(tx, group, expect, "groups.transfer").await?;
            for (user, role) in [(from, Role::Admin), (to, Role::Owner)] {
                let patch = MemberPatch { role: Some(role), muted_until: None };
                set(tx, group, user, &patch, "groups.transfer").await?;
            }
            tx.exec_drop(OWN.one(), (int(to.get()), int(group.get()))).await?;
            let changed = ticks::take(tx).await?.next()?;
            self.leave(tx).await?;
            bump(tx, group, changed, 0).await
        })
    }

    async fn members(
        &self,
        group: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<Member>> {
        read!(self, "groups.members", |conn| async {
            let after = after.map_or(0, |user| int(user.get()));
            let page = (int(group.get()), after, limit.get());
            let rows: Vec<Row> = conn.exec(PAGE.one(), page).await?;
            rows.iter().map(|row| rows::member(row, 0)).collect()
        })
    }

    fn noted(&self, note: &Note) -> Option<Arc<dyn GroupStore>> {
        Some(self.with_note(note))
    }
}

fn missing(operation: &'static str) -> Fail {
    Fail::Answer(StoreError::not_found(operation))
}

/// A group whose row is locked.
struct Locked {
    head: Seq,
    version: MembersVersion,
    count: u64,
}

async fn locked(tx: &mut Tx<'_>, group: ConversationId, operation: &'static str) -> Done<Locked> {
    let row: Option<Row> = tx.exec_first(LOCK.one(), (int(group.get()),)).await?;
    let row = row.ok_or_else(|| missing(operation))?;
    Ok(Locked { head: seq(&row, 0)?, version: version(&row, 1)?, count: number(&row, 2)? })
}

/// The group, if its members are still those that the caller decided by.
async fn expected(
    tx: &mut Tx<'_>,
    group: ConversationId,
    expect: MembersVersion,
    operation: &'static str,
) -> Done<Locked> {
    let found = locked(tx, group, operation).await?;
    if found.version == expect { Ok(found) } else { Err(StoreError::precondition(operation).into()) }
}

async fn create(tx: &mut Tx<'_>, new: &NewGroup) -> Done<Conversation> {
    let (id, at, count) = (int(new.id.get()), new.at.as_millis(), new.members.len() + 1);
    let row = (id, at, at, &*new.name, &*new.avatar, &*new.description, int(new.owner.get()), count as u64);
    match tx.exec_drop(INSERT.one(), row).await {
        Ok(()) => {}
        Err(e) if is_unique(&e) => return Err(StoreError::conflict("groups.create").into()),
        Err(e) => return Err(Fail::Sql(e)),
    }
    let mut users = vec![(new.owner, role_number(Role::Owner))];
    users.extend(new.members.iter().map(|user| (*user, role_number(Role::Member))));
    users.sort_unstable();
    join(tx, new.id, Seq::ZERO, &users).await?;
    let mut numbers = ticks::take(tx).await?;
    let ids: Vec<_> = users.iter().map(|(user, _)| *user).collect();
    arrived(tx, new.id, &ids, numbers.next()?, numbers.next()?).await?;
    let row: Option<Row> = tx.exec_first(GET.one(), (id,)).await?;
    let made = rows::conversation(&row.ok_or_else(|| missing("groups.create"))?)?;
    debug_assert!(matches!(&made.kind, ConversationKind::Group(Group { owner, .. }) if *owner == new.owner));
    Ok(made)
}

async fn admit(tx: &mut Tx<'_>, group: ConversationId, add: &AddMembersWrite) -> Done<Vec<UserId>> {
    let found = expected(tx, group, add.expect, "groups.add").await?;
    let mut new = distinct(add.users.iter().copied());
    let mut present = Vec::new();
    for part in new.chunks(LIST_MAX) {
        let rows: Vec<Row> = tx.exec(PRESENT.of(padded(part.len())), among(group, part)).await?;
        for row in &rows {
            present.push(user_id(row, 0)?);
        }
    }
    present.sort_unstable();
    new.retain(|user| present.binary_search(user).is_err());
    if new.is_empty() {
        return Ok(new);
    }
    if found.count + new.len() as u64 > u64::from(add.max) {
        return Err(StoreError::new(ErrorKind::TooLarge, Retry::Never, "groups.add").into());
    }
    for part in new.chunks(LIST_MAX) {
        tx.exec_drop(RETURNED.of(padded(part.len())), among(group, part)).await?;
    }
    let users: Vec<_> = new.iter().map(|user| (*user, role_number(Role::Member))).collect();
    join(tx, group, found.head, &users).await?;
    let mut numbers = ticks::take(tx).await?;
    arrived(tx, group, &new, numbers.next()?, numbers.next()?).await?;
    bump(tx, group, numbers.next()?, int(new.len() as u64)).await?;
    Ok(new)
}

/// The values for a statement about some users of a group.
fn among(group: ConversationId, users: &[UserId]) -> Params {
    let mut values = vec![Value::Int(int(group.get()))];
    values.extend(rows::list(users.iter().map(|user| user.get())));
    Params::Positional(values)
}

async fn set(
    tx: &mut Tx<'_>,
    group: ConversationId,
    user: UserId,
    patch: &MemberPatch,
    operation: &'static str,
) -> Done<()> {
    let muted = patch.muted_until.flatten().map(Timestamp::as_millis);
    let key = (int(group.get()), int(user.get()));
    let row = (patch.role.map(role_number), patch.muted_until.is_some(), muted, key.0, key.1);
    tx.exec_drop(CHANGE.one(), row).await?;
    if tx.affected_rows() == 0 { Err(missing(operation)) } else { Ok(()) }
}

/// To be called after each change of members or their rights.
async fn bump(tx: &mut Tx<'_>, group: ConversationId, changed: i64, more: i64) -> Done<()> {
    Ok(tx.exec_drop(BUMP.one(), (changed, more, int(group.get()))).await?)
}
