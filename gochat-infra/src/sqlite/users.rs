//! Accounts.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{ConversationId, PageLimit, PasswordHash, User, UserId, UsernameKey, fold};
use gochat_core::ports::{NewUser, Result, StoreError, UserPatch, UserStore};
use rusqlite::{Connection, OptionalExtension, Params, params};
use rustc_hash::FxHashMap;

use super::SqliteStore;
use super::caches::Caches;
use super::conversations::join;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, int, user_columns};
use super::statements::{Prepare, Sql, statements};
use super::tx::{Effect, Tx};

statements! {
    INSERT = "INSERT INTO users (id, name, name_key, nickname, nickname_key, avatar, guest, created_at, password, \
              external) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    BY_IDS = "SELECT ", user_columns!(), " FROM rarray(?1) k CROSS JOIN users u ON u.id = k.value";
    BY_NAME = "SELECT ", user_columns!(), " FROM users u WHERE u.name_key = ?1";
    BY_EXTERNAL = "SELECT ", user_columns!(), " FROM users u WHERE u.external = ?1";
    PASSWORD = "SELECT password FROM users WHERE id = ?1";
    UPDATE = "UPDATE users SET nickname = CASE WHEN ?2 THEN ?3 ELSE nickname END, \
              nickname_key = CASE WHEN ?2 THEN ?4 ELSE nickname_key END, \
              avatar = coalesce(?5, avatar), password = coalesce(?6, password) WHERE id = ?1";
    // Two ranges of two indexes; a user found by both comes once.
    SEARCH = "SELECT ", user_columns!(), " FROM ( \
                SELECT id FROM (SELECT id FROM users INDEXED BY users_by_name \
                  WHERE guest = 0 AND name_key >= ?1 AND name_key < ?2 AND id <> ?3 ORDER BY name_key LIMIT ?4) \
                UNION \
                SELECT id FROM (SELECT id FROM users INDEXED BY users_by_nickname \
                  WHERE guest = 0 AND nickname_key >= ?1 AND nickname_key < ?2 AND id <> ?3 ORDER BY name_key LIMIT ?4) \
              ) f CROSS JOIN users u ON u.id = f.id ORDER BY u.name_key LIMIT ?4";
}

#[async_trait]
impl UserStore for SqliteStore {
    async fn create(&self, new: &NewUser) -> Result<()> {
        let new = new.clone();
        self.write("users.create", 2, move |tx| create(tx, &new)).await
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let caches = &self.inner.caches;
        let mut users: Vec<_> = ids.iter().map(|id| caches.user(*id)).collect();
        let missing: Vec<_> =
            ids.iter().zip(&users).filter(|(_, u)| u.is_none()).map(|(id, _)| *id).collect();
        if missing.is_empty() {
            return Ok(users);
        }
        let caches = caches.clone();
        let found = self.read("users.by_ids", move |conn| load(conn, &caches, &missing)).await?;
        for (id, user) in ids.iter().zip(&mut users).filter(|(_, user)| user.is_none()) {
            *user = found.get(id).cloned();
        }
        Ok(users)
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        let key = key.clone();
        self.read("users.by_name", move |conn| one(conn, BY_NAME, [key.as_str()])).await
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        let external = external.to_owned();
        self.read("users.by_external", move |conn| one(conn, BY_EXTERNAL, [external])).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        self.read("users.password", move |conn| {
            let hash = conn.stmt(PASSWORD)?.query_row([int(user.get())], |row| row.get(0)).optional()?;
            Ok(hash.flatten().map(|hash: Box<str>| PasswordHash::new(&hash)))
        })
        .await
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        let patch = patch.clone();
        self.write("users.update", 1, move |tx| update(tx, user, &patch)).await
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        let from = fold(prefix);
        // Text is compared byte by byte, and no text that begins with `from` is above this.
        let to = format!("{from}{}", char::MAX);
        self.read("users.search", move |conn| {
            let mut stmt = conn.stmt(SEARCH)?;
            let mut rows = stmt.query(params![from, to, int(viewer.get()), limit.get()])?;
            let mut users = Vec::new();
            while let Some(row) = rows.next()? {
                users.push(rows::user(row, 0)?);
            }
            Ok(users)
        })
        .await
    }
}

/// Reads users, and remembers them.
pub(super) fn load(conn: &Connection, caches: &Caches, ids: &[UserId]) -> Done<FxHashMap<UserId, Arc<User>>> {
    let mut found = FxHashMap::default();
    if ids.is_empty() {
        return Ok(found);
    }
    let before = caches.before_users();
    let mut stmt = conn.stmt(BY_IDS)?;
    let mut rows = stmt.query([rows::table(ids.iter().map(|id| id.get()))])?;
    while let Some(row) = rows.next()? {
        let user = rows::user(row, 0)?;
        caches.put_user(before, user.id, user.clone());
        found.insert(user.id, user);
    }
    Ok(found)
}

fn one(conn: &Connection, sql: Sql, by: impl Params) -> Done<Option<Arc<User>>> {
    let mut stmt = conn.stmt(sql)?;
    let mut rows = stmt.query(by)?;
    rows.next()?.map(|row| rows::user(row, 0)).transpose()
}

fn create(tx: &mut Tx<'_>, new: &NewUser) -> Done<()> {
    let user = &new.user;
    let inserted = tx.conn.stmt(INSERT)?.execute(params![
        int(user.id.get()),
        user.name.as_str(),
        user.name.key().as_str(),
        user.nickname.as_deref(),
        user.nickname.as_deref().map(fold),
        &*user.avatar,
        user.guest,
        user.created_at.as_millis(),
        new.password.as_ref().map(PasswordHash::reveal),
        new.external.as_deref(),
    ]);
    match inserted {
        Ok(_) => join(tx, ConversationId::WORLD, user.id, gochat_core::model::Role::Member),
        Err(e) if is_unique(&e) => Err(StoreError::conflict("users.create").into()),
        Err(e) => Err(Fail::Sql(e)),
    }
}

fn update(tx: &mut Tx<'_>, user: UserId, patch: &UserPatch) -> Done<Arc<User>> {
    let nickname = patch.nickname.as_ref().and_then(|nickname| nickname.as_deref());
    let updated = tx.conn.stmt(UPDATE)?.execute(params![
        int(user.get()),
        patch.nickname.is_some(),
        nickname,
        nickname.map(fold),
        patch.avatar.as_deref(),
        patch.password.as_ref().map(PasswordHash::reveal),
    ])?;
    if updated == 0 {
        return Err(StoreError::not_found("users.update").into());
    }
    tx.effect(Effect::User(user));
    let found = one(tx.conn, BY_IDS, [rows::table([user.get()])])?;
    found.ok_or_else(|| Fail::Corrupt(format!("user {user} vanished")))
}
