//! Logins and their refresh tokens.

use std::collections::HashMap;

use async_trait::async_trait;
use gochat_core::model::{LoginId, Timestamp, UserId};
use gochat_core::ports::{LoginStore, NewLogin, Result, Rotate, Rotation, StoreError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use super::MySqlStore;
use super::error::{Done, Fail, is_unique};
use super::rows::{self, distinct, int, login_id, number, user_id};
use super::statements::{LIST_MAX, padded, statements};
use super::tx::{Tx, read, transact};

statements! {
    INSERT = ["INSERT INTO logins (id, user, created_at, expires_at) VALUES (?, ?, ?, ?)"];
    INSERT_TOKEN = ["INSERT INTO refresh_tokens (digest, login, expires_at) VALUES (?, ?, ?)"];
    // Each new login clears away two that are over, so that the table stays as large as what lives; others may be at it.
    EXPIRED = ["SELECT id FROM logins FORCE INDEX (logins_by_expiry) WHERE expires_at < ? ORDER BY expires_at LIMIT 2 \
                FOR UPDATE SKIP LOCKED"];
    DELETE = ["DELETE FROM logins WHERE id = ?"];
    DELETE_TOKENS = ["DELETE FROM refresh_tokens WHERE login = ? AND expires_at < ?"];
    TOKEN = ["SELECT t.login, t.expires_at, t.used_at, l.user FROM refresh_tokens t STRAIGHT_JOIN logins l \
              ON l.id = t.login WHERE t.digest = ? AND l.ended_at IS NULL FOR UPDATE"];
    USE = ["UPDATE refresh_tokens SET used_at = ? WHERE digest = ?"];
    EXTEND = ["UPDATE logins SET expires_at = GREATEST(expires_at, ?) WHERE id = ?"];
    END = ["UPDATE logins FORCE INDEX (PRIMARY) SET ended_at = ? WHERE id IN ({}) AND ended_at IS NULL"] each ("?", ",");
    LIVING = ["SELECT id FROM logins FORCE INDEX (logins_by_user) WHERE user = ? AND ended_at IS NULL FOR UPDATE"];
    ACTIVE = ["SELECT id, ended_at IS NULL FROM logins FORCE INDEX (PRIMARY) WHERE id IN ({})"] each ("?", ",");
}

#[async_trait]
impl LoginStore for MySqlStore {
    async fn create(&self, login: &NewLogin) -> Result<()> {
        transact!(self, "logins.create", |tx| create(tx, login))
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation> {
        transact!(self, "logins.rotate", |tx| exchange(tx, rotate))
    }

    async fn end(&self, logins: &[LoginId], at: Timestamp) -> Result<()> {
        transact!(self, "logins.end", |tx| end(tx, logins, at))
    }

    async fn end_others(&self, user: UserId, keep: Option<LoginId>, at: Timestamp) -> Result<Vec<LoginId>> {
        transact!(self, "logins.end_others", |tx| async {
            let found: Vec<Row> = tx.exec(LIVING.one(), (int(user.get()),)).await?;
            let mut ended = found.iter().map(|row| login_id(row, 0)).collect::<Done<Vec<_>>>()?;
            ended.retain(|login| Some(*login) != keep);
            end(tx, &ended, at).await?;
            Ok(ended)
        })
    }

    async fn active(&self, logins: &[LoginId]) -> Result<Vec<bool>> {
        let found = read!(self, "logins.active", |conn| active(conn, logins))?;
        Ok(logins.iter().map(|login| found.get(login).copied().unwrap_or(false)).collect())
    }
}

async fn active(conn: &mut Conn, logins: &[LoginId]) -> Done<HashMap<LoginId, bool>> {
    let mut found = HashMap::new();
    for part in distinct(logins.iter().copied()).chunks(LIST_MAX) {
        let values = rows::list(part.iter().map(|login| login.get()));
        let rows: Vec<Row> = conn.exec(ACTIVE.of(padded(part.len())), Params::Positional(values)).await?;
        for row in &rows {
            found.insert(login_id(row, 0)?, rows::get(row, 1)?);
        }
    }
    Ok(found)
}

async fn create(tx: &mut Tx<'_>, login: &NewLogin) -> Done<()> {
    let (id, ends) = (int(login.id.get()), login.expires_at.as_millis());
    let taken = |e| {
        if is_unique(&e) { Fail::Answer(StoreError::conflict("logins.create")) } else { Fail::Sql(e) }
    };
    let row = (id, int(login.user.get()), login.at.as_millis(), ends);
    tx.exec_drop(INSERT.one(), row).await.map_err(taken)?;
    tx.exec_drop(INSERT_TOKEN.one(), (&login.refresh[..], id, ends)).await.map_err(taken)?;
    let expired: Vec<i64> = tx.exec(EXPIRED.one(), (login.at.as_millis(),)).await?;
    for login in expired {
        tx.exec_drop(DELETE_TOKENS.one(), (login, i64::MAX)).await?;
        tx.exec_drop(DELETE.one(), (login,)).await?;
    }
    Ok(())
}

async fn exchange(tx: &mut Tx<'_>, wanted: &Rotate) -> Done<Rotation> {
    let current = &wanted.current[..];
    let row: Option<Row> = tx.exec_first(TOKEN.one(), (current,)).await?;
    let Some(row) = row else { return Ok(Rotation::Unknown) };
    let (login, user) = (login_id(&row, 0)?, user_id(&row, 3)?);
    let now = wanted.at.as_millis();
    if rows::time(&row, 1)?.as_millis() <= now {
        return Ok(Rotation::Unknown);
    }
    if !rows::is_null(&row, 2) {
        let used = rows::time(&row, 2)?;
        if wanted.at.since(used) <= wanted.grace {
            return Ok(Rotation::Again { login, user, at: used });
        }
        end(tx, &[login], wanted.at).await?;
        return Ok(Rotation::Reused { login, user });
    }
    let (id, until) = (int(number(&row, 0)?), wanted.expires_at.as_millis());
    tx.exec_drop(USE.one(), (now, current)).await?;
    tx.exec_drop(INSERT_TOKEN.one(), (&wanted.next[..], id, until)).await?;
    tx.exec_drop(EXTEND.one(), (until, id)).await?;
    // A used token is remembered as long as it would have lived, to know it when it is shown again.
    tx.exec_drop(DELETE_TOKENS.one(), (id, now)).await?;
    Ok(Rotation::Done { login, user })
}

async fn end(tx: &mut Tx<'_>, logins: &[LoginId], at: Timestamp) -> Done<()> {
    for part in distinct(logins.iter().copied()).chunks(LIST_MAX) {
        let mut values = vec![Value::Int(at.as_millis())];
        values.extend(rows::list(part.iter().map(|login| login.get())));
        tx.exec_drop(END.of(padded(part.len())), Params::Positional(values)).await?;
    }
    Ok(())
}
