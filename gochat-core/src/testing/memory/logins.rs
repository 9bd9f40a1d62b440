//! Logins and refresh tokens.

use std::collections::HashMap;

use async_trait::async_trait;

use super::Memory;
use crate::model::{LoginId, Timestamp, UserId};
use crate::ports::{LoginStore, NewLogin, Result, Rotate, Rotation, StoreError};

#[derive(Debug, Default)]
pub(super) struct Logins {
    logins: HashMap<LoginId, Login>,
    tokens: HashMap<[u8; 32], Token>,
}

#[derive(Debug)]
struct Login {
    user: UserId,
    ended: bool,
}

#[derive(Debug)]
struct Token {
    login: LoginId,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
}

#[async_trait]
impl LoginStore for Memory {
    async fn create(&self, login: &NewLogin) -> Result<()> {
        let logins = &mut self.lock().logins;
        if logins.logins.contains_key(&login.id) || logins.tokens.contains_key(&login.refresh) {
            return Err(StoreError::conflict("logins.create"));
        }
        logins.logins.insert(login.id, Login { user: login.user, ended: false });
        let token = Token { login: login.id, expires_at: login.expires_at, used_at: None };
        logins.tokens.insert(login.refresh, token);
        Ok(())
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation> {
        let Logins { logins, tokens } = &mut self.lock().logins;
        let Some(token) = tokens.get_mut(&rotate.current) else {
            return Ok(Rotation::Unknown);
        };
        let login = token.login;
        let Some(row) = logins.get_mut(&login).filter(|row| !row.ended) else {
            return Ok(Rotation::Unknown);
        };
        let user = row.user;
        if token.expires_at <= rotate.at {
            return Ok(Rotation::Unknown);
        }
        match token.used_at {
            None => {
                token.used_at = Some(rotate.at);
                let next = Token { login, expires_at: rotate.expires_at, used_at: None };
                tokens.insert(rotate.next, next);
                Ok(Rotation::Done { login, user })
            }
            Some(at) if rotate.at.since(at) <= rotate.grace => Ok(Rotation::Again { login, user, at }),
            Some(_) => {
                row.ended = true;
                Ok(Rotation::Reused { login, user })
            }
        }
    }

    async fn end(&self, logins: &[LoginId], _at: Timestamp) -> Result<()> {
        let mut state = self.lock();
        for id in logins {
            if let Some(login) = state.logins.logins.get_mut(id) {
                login.ended = true;
            }
        }
        Ok(())
    }

    async fn end_others(&self, user: UserId, keep: Option<LoginId>, _at: Timestamp) -> Result<Vec<LoginId>> {
        let mut state = self.lock();
        let mut ended = Vec::new();
        for (id, login) in &mut state.logins.logins {
            if login.user == user && !login.ended && Some(*id) != keep {
                login.ended = true;
                ended.push(*id);
            }
        }
        Ok(ended)
    }

    async fn active(&self, logins: &[LoginId]) -> Result<Vec<bool>> {
        let state = self.lock();
        Ok(logins.iter().map(|id| state.logins.logins.get(id).is_some_and(|l| !l.ended)).collect())
    }
}
