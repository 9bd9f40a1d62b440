//! Accounts.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{PageLimit, PasswordHash, User, UserId, UsernameKey, fold};
use gochat_core::ports::{NewUser, Result, StoreError, UserPatch, UserStore};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::MySqlStore;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, distinct, int, user_columns};
use super::statements::{LIST_MAX, padded, statements};
use super::ticks;
use super::tx::{Tx, read, transact};

statements! {
    INSERT = ["INSERT INTO users (id, name, name_key, nickname, nickname_key, avatar, guest, created_at, password, \
               external, external_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UNHEX(SHA2(?, 256)))"];
    // The head is read without a lock: a message that is being stored counts as read or not, as it falls.
    ENTER = ["INSERT INTO conversation_members (conversation, user, role, joined_seq, read_seq, changed, joined) \
              SELECT c.id, ?, 1, c.last_seq, c.last_seq, ?, ? FROM conversations c WHERE c.id = 1"];
    BY_IDS = ["SELECT ", user_columns!(), " FROM users u FORCE INDEX (PRIMARY) WHERE u.id IN ({})"] each ("?", ",");
    BY_NAME = ["SELECT ", user_columns!(), " FROM users u WHERE u.name_key = ?"];
    BY_EXTERNAL = ["SELECT ", user_columns!(), " FROM users u WHERE u.external_digest = UNHEX(SHA2(?, 256))"];
    PASSWORD = ["SELECT password FROM users WHERE id = ?"];
    UPDATE = ["UPDATE users SET nickname = IF(?, ?, nickname), nickname_key = IF(?, ?, nickname_key), \
               avatar = COALESCE(?, avatar), password = COALESCE(?, password) WHERE id = ?"];
    // Two ranges of two indexes; a user found by both comes once.
    SEARCH = ["SELECT ", user_columns!(), " FROM ( \
                (SELECT n.id FROM users n FORCE INDEX (users_by_name) WHERE n.guest = 0 AND n.name_key >= ? \
                 AND n.name_key < ? AND n.id <> ? ORDER BY n.name_key LIMIT ?) \
                UNION \
                (SELECT n.id FROM users n FORCE INDEX (users_by_nickname) WHERE n.guest = 0 AND n.nickname_key >= ? \
                 AND n.nickname_key < ? AND n.id <> ? ORDER BY n.name_key LIMIT ?) \
               ) f STRAIGHT_JOIN users u ON u.id = f.id ORDER BY u.name_key LIMIT ?"];
}

#[async_trait]
impl UserStore for MySqlStore {
    async fn create(&self, new: &NewUser) -> Result<()> {
        transact!(self, "users.create", |tx| create(tx, new))
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let found = read!(self, "users.by_ids", |conn| load(conn, ids))?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        read!(self, "users.by_name", |conn| one(conn, BY_NAME.one(), key.as_str().as_bytes()))
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        read!(self, "users.by_external", |conn| one(conn, BY_EXTERNAL.one(), external.as_bytes()))
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        read!(self, "users.password", |conn| async {
            let row: Option<Row> = conn.exec_first(PASSWORD.one(), (int(user.get()),)).await?;
            let hash = row.map(|row| rows::get::<Option<String>>(&row, 0)).transpose()?.flatten();
            Ok(hash.map(|hash| PasswordHash::new(&hash)))
        })
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        transact!(self, "users.update", |tx| update(tx, user, patch))
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        read!(self, "users.search", |conn| search(conn, prefix, viewer, limit))
    }
}

async fn load(conn: &mut impl Queryable, ids: &[UserId]) -> Done<HashMap<UserId, Arc<User>>> {
    let mut found = HashMap::new();
    for part in distinct(ids.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|id| id.get()));
        let sql = BY_IDS.of(padded(part.len()));
        for row in conn.exec::<Row, _, _>(sql, Params::Positional(values)).await? {
            let user = rows::user(&row)?;
            found.insert(user.id, user);
        }
    }
    Ok(found)
}

async fn one(conn: &mut Conn, sql: &'static str, by: &[u8]) -> Done<Option<Arc<User>>> {
    let row: Option<Row> = conn.exec_first(sql, (by,)).await?;
    row.map(|row| rows::user(&row)).transpose()
}

async fn search(conn: &mut Conn, prefix: &str, viewer: UserId, limit: PageLimit) -> Done<Vec<Arc<User>>> {
    let from = fold(prefix).into_bytes();
    // No text that begins with `from` is above this: 0xFF is in no UTF-8.
    let to = [&from[..], &[0xff]].concat();
    let (viewer, limit) = (int(viewer.get()), limit.get());
    let range = [Value::Bytes(from), Value::Bytes(to), viewer.into(), limit.into()];
    let values = [&range[..], &range[..], &[limit.into()]].concat();
    let rows: Vec<Row> = conn.exec(SEARCH.one(), Params::Positional(values)).await?;
    rows.iter().map(rows::user).collect()
}

async fn create(tx: &mut Tx<'_>, new: &NewUser) -> Done<()> {
    let user = &new.user;
    let values: Vec<Value> = vec![
        int(user.id.get()).into(),
        user.name.as_str().into(),
        user.name.key().as_str().as_bytes().into(),
        user.nickname.as_deref().into(),
        user.nickname.as_deref().map(|name| fold(name).into_bytes()).into(),
        (&*user.avatar).into(),
        user.guest.into(),
        user.created_at.as_millis().into(),
        new.password.as_ref().map(PasswordHash::reveal).into(),
        new.external.as_deref().map(str::as_bytes).into(),
        new.external.as_deref().map(str::as_bytes).into(),
    ];
    match tx.exec_drop(INSERT.one(), Params::Positional(values)).await {
        Ok(()) => {}
        Err(e) if is_unique(&e) => return Err(StoreError::conflict("users.create").into()),
        Err(e) => return Err(Fail::Sql(e)),
    }
    // Before the row is there, since nobody can have asked for the changes of a user who is new.
    let mut numbers = ticks::take(tx).await?;
    let (joined, changed) = (numbers.next()?, numbers.next()?);
    tx.exec_drop(ENTER.one(), (int(user.id.get()), changed, joined)).await?;
    Ok(())
}

async fn update(tx: &mut Tx<'_>, user: UserId, patch: &UserPatch) -> Done<Arc<User>> {
    let names = patch.nickname.is_some();
    let nickname = patch.nickname.as_ref().and_then(|nickname| nickname.as_deref());
    let values: Vec<Value> = vec![
        names.into(),
        nickname.into(),
        names.into(),
        nickname.map(|name| fold(name).into_bytes()).into(),
        patch.avatar.as_deref().into(),
        patch.password.as_ref().map(PasswordHash::reveal).into(),
        int(user.get()).into(),
    ];
    tx.exec_drop(UPDATE.one(), Params::Positional(values)).await?;
    let found = load(tx, &[user]).await?.remove(&user);
    found.ok_or(Fail::Answer(StoreError::not_found("users.update")))
}
