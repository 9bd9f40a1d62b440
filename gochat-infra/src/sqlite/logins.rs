//! Logins and their refresh tokens.

use async_trait::async_trait;
use gochat_core::model::{LoginId, Timestamp, UserId};
use gochat_core::ports::{LoginStore, NewLogin, Result, Rotate, Rotation, StoreError};
use rusqlite::{OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::SqliteStore;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, int, number, user_id};
use super::statements::{Prepare, statements};
use super::tx::{Effect, Tx};

statements! {
    INSERT = "INSERT INTO logins (id, user, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)";
    INSERT_TOKEN = "INSERT INTO refresh_tokens (digest, login, expires_at) VALUES (?1, ?2, ?3)";
    // Each new login clears away two that are over, so that the table stays as large as what lives.
    EXPIRED = "SELECT id FROM logins WHERE expires_at < ?1 ORDER BY expires_at LIMIT 2";
    DELETE = "DELETE FROM logins WHERE id = ?1";
    DELETE_TOKENS = "DELETE FROM refresh_tokens WHERE login = ?1 AND expires_at < ?2";
    TOKEN = "SELECT t.login, t.expires_at, t.used_at, l.user FROM refresh_tokens t CROSS JOIN logins l \
             ON l.id = t.login WHERE t.digest = ?1 AND l.ended_at IS NULL";
    USE = "UPDATE refresh_tokens SET used_at = ?2 WHERE digest = ?1";
    EXTEND = "UPDATE logins SET expires_at = max(expires_at, ?2) WHERE id = ?1";
    END = "UPDATE logins SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";
    LIVING = "SELECT id FROM logins INDEXED BY logins_by_user WHERE user = ?1 AND ended_at IS NULL";
    ACTIVE = "SELECT l.id, l.ended_at IS NULL FROM rarray(?1) k CROSS JOIN logins l ON l.id = k.value";
}

#[async_trait]
impl LoginStore for SqliteStore {
    async fn create(&self, login: &NewLogin) -> Result<()> {
        let login = login.clone();
        self.write("logins.create", 2, move |tx| create(tx, &login)).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation> {
        let wanted = rotate.clone();
        self.write("logins.rotate", 2, move |tx| exchange(tx, &wanted)).await
    }

    async fn end(&self, logins: &[LoginId], at: Timestamp) -> Result<()> {
        let logins = logins.to_vec();
        self.write("logins.end", logins.len(), move |tx| {
            logins.iter().try_for_each(|login| end(tx, *login, at))
        })
        .await
    }

    async fn end_others(&self, user: UserId, keep: Option<LoginId>, at: Timestamp) -> Result<Vec<LoginId>> {
        self.write("logins.end_others", 2, move |tx| {
            let mut ended = Vec::new();
            let mut stmt = tx.conn.stmt(LIVING)?;
            let mut rows = stmt.query([int(user.get())])?;
            while let Some(row) = rows.next()? {
                ended.push(login_id(number(row, 0)?)?);
            }
            ended.retain(|login| Some(*login) != keep);
            ended.iter().try_for_each(|login| end(tx, *login, at))?;
            Ok(ended)
        })
        .await
    }

    async fn active(&self, logins: &[LoginId]) -> Result<Vec<bool>> {
        let caches = &self.inner.caches;
        let known: Vec<_> = logins.iter().map(|login| caches.login(*login)).collect();
        if known.iter().all(Option::is_some) {
            return Ok(known.into_iter().flatten().collect());
        }
        let (logins, caches) = (logins.to_vec(), caches.clone());
        self.read("logins.active", move |conn| {
            let before = caches.before_logins();
            let mut found = FxHashMap::default();
            let mut stmt = conn.stmt(ACTIVE)?;
            let mut rows = stmt.query([rows::table(logins.iter().map(|login| login.get()))])?;
            while let Some(row) = rows.next()? {
                let (login, living) = (login_id(number(row, 0)?)?, row.get(1)?);
                caches.put_login(before, login, living);
                found.insert(login, living);
            }
            // Unknown ones are not remembered: whoever makes them up could fill the memory.
            Ok(logins.iter().map(|login| found.get(login).copied().unwrap_or(false)).collect())
        })
        .await
    }
}

fn login_id(n: u64) -> Done<LoginId> {
    LoginId::new(n).ok_or_else(|| Fail::Corrupt(format!("a login's id is {n}")))
}

fn create(tx: &mut Tx<'_>, login: &NewLogin) -> Done<()> {
    let (id, ends) = (int(login.id.get()), login.expires_at.as_millis());
    let digest = login.refresh.as_slice();
    if tx.conn.stmt(TOKEN)?.exists([digest])? {
        return Err(StoreError::conflict("logins.create").into());
    }
    match tx.conn.stmt(INSERT)?.execute(params![id, int(login.user.get()), login.at.as_millis(), ends]) {
        Ok(_) => {}
        Err(e) if is_unique(&e) => return Err(StoreError::conflict("logins.create").into()),
        Err(e) => return Err(Fail::Sql(e)),
    }
    tx.conn.stmt(INSERT_TOKEN)?.execute(params![digest, id, ends])?;
    clear_expired(tx, login.at)
}

fn clear_expired(tx: &mut Tx<'_>, at: Timestamp) -> Done<()> {
    let mut stmt = tx.conn.stmt(EXPIRED)?;
    let expired: Vec<i64> =
        stmt.query_map([at.as_millis()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for login in expired {
        tx.conn.stmt(DELETE_TOKENS)?.execute(params![login, i64::MAX])?;
        tx.conn.stmt(DELETE)?.execute([login])?;
        tx.effect(Effect::Login(login_id(login.cast_unsigned())?));
    }
    Ok(())
}

fn exchange(tx: &mut Tx<'_>, wanted: &Rotate) -> Done<Rotation> {
    let current = wanted.current.as_slice();
    let token = tx
        .conn
        .stmt(TOKEN)?
        .query_row([current], |row| {
            Ok((number(row, 0), row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?, user_id(row, 3)))
        })
        .optional()?;
    let Some((login, ends, used, user)) = token else {
        return Ok(Rotation::Unknown);
    };
    let (login, user) = (login_id(login?)?, user?);
    let now = wanted.at.as_millis();
    if ends <= now {
        return Ok(Rotation::Unknown);
    }
    if let Some(used) = used.map(Timestamp::from_millis) {
        if wanted.at.since(used) <= wanted.grace {
            return Ok(Rotation::Again { login, user, at: used });
        }
        end(tx, login, wanted.at)?;
        return Ok(Rotation::Reused { login, user });
    }
    let (number, until) = (int(login.get()), wanted.expires_at.as_millis());
    tx.conn.stmt(USE)?.execute(params![current, now])?;
    tx.conn.stmt(INSERT_TOKEN)?.execute(params![wanted.next.as_slice(), number, until])?;
    tx.conn.stmt(EXTEND)?.execute(params![number, until])?;
    // A used token is remembered as long as it would have lived, to know it when it is shown again.
    tx.conn.stmt(DELETE_TOKENS)?.execute(params![number, now])?;
    Ok(Rotation::Done { login, user })
}

fn end(tx: &mut Tx<'_>, login: LoginId, at: Timestamp) -> Done<()> {
    tx.conn.stmt(END)?.execute(params![int(login.get()), at.as_millis()])?;
    tx.effect(Effect::Login(login));
    Ok(())
}
