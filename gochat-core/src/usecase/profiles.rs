//! Users as others see them.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, found, login_ended};
use crate::error::Fault;
use crate::model::{Caller, Password, User, UserId, UsernameKey};
use crate::ports::{Ports, UserPatch, Verdict};
use crate::rules::fields::{self, Faults};
use crate::service::{self, ProfileChange};
use crate::{Error, Settings};

/// The service [`Profiles`](service::Profiles) over the ports.
#[derive(Debug)]
pub struct Profiles {
    cx: Context,
}

impl Profiles {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// Whether the caller knows their password.
    async fn knows_password(&self, caller: &Caller, password: &str) -> Result<bool, Error> {
        let Ports { users, hasher, .. } = &self.cx.ports;
        if password.len() > Password::MAX_BYTES || password.contains('\0') {
            return Ok(false);
        }
        let hash = users.password(caller.user).await?;
        Ok(hash.is_some() && hasher.verify(password, hash).await? == Verdict::Matches)
    }
}

#[async_trait]
impl service::Profiles for Profiles {
    async fn by_ids(&self, ids: &[UserId]) -> service::Result<Vec<Option<Arc<User>>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.cx.ports.users.by_ids(ids).await?)
    }

    async fn by_name(&self, name: &str) -> service::Result<Arc<User>> {
        let key = UsernameKey::of(name).ok_or_else(|| Error::UserNotFound(Vec::new()))?;
        let user = self.cx.ports.users.by_name(&key).await?;
        user.ok_or_else(|| Error::UserNotFound(Vec::new()))
    }

    async fn search(
        &self,
        caller: &Caller,
        query: &str,
        limit: Option<u32>,
    ) -> service::Result<Vec<Arc<User>>> {
        let mut faults = Faults::default();
        let fault = if query.trim().is_empty() {
            Fault::Missing
        } else {
            Fault::TooLong { max: fields::NICKNAME_MAX }
        };
        let prefix = faults.take("q", UsernameKey::of(query).ok_or(fault));
        let limit = faults.take("limit", self.cx.limit(limit, self.cx.settings.search_default));
        let (Some(prefix), Some(limit)) = (prefix, limit) else { return Err(faults.into_error()) };
        Ok(self.cx.ports.users.search(prefix.as_str(), caller.user, limit).await?)
    }

    async fn update(&self, caller: &Caller, change: ProfileChange) -> service::Result<Arc<User>> {
        let max = self.cx.settings.avatar_max;
        let mut faults = Faults::default();
        let nickname = faults.take_option("nickname", change.nickname.as_deref().map(fields::nickname));
        let avatar = faults.take_option("avatar", change.avatar.as_deref().map(|a| fields::avatar(a, max)));
        let new = change.password.as_ref().map(|(_, new)| Password::new(&new.0));
        let password = faults.take_option("password", new);
        let (Some(nickname), Some(avatar), Some(password)) = (nickname, avatar, password) else {
            return Err(faults.into_error());
        };
        let Ports { users, hasher, logins, .. } = &self.cx.ports;
        let missing = || Error::UserNotFound(vec![caller.user]);
        let password = match (password, change.password) {
            (Some(new), Some((old, _))) => {
                if !self.knows_password(caller, &old.0).await? {
                    return Err(Error::field("password", Fault::WrongPassword));
                }
                Some(hasher.hash(new).await?)
            }
            _ => None,
        };
        let changes_password = password.is_some();
        let patch = UserPatch { nickname, avatar, password };
        if patch.nickname.is_none() && patch.avatar.is_none() && !changes_password {
            return users.by_ids(&[caller.user]).await?.pop().flatten().ok_or_else(missing);
        }
        let user = found(users.update(caller.user, &patch).await)?.ok_or_else(missing)?;
        if changes_password {
            let ended = logins.end_others(caller.user, Some(caller.login), self.cx.now()).await?;
            self.cx.tell(ended.into_iter().map(|login| login_ended(caller.user, login)).collect()).await;
        }
        Ok(user)
    }
}
