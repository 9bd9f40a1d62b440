//! Accounts and logins.

mod arrivals;
mod grants;

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::{Context, login_ended};
use crate::model::{Caller, LoginGrant, Password, PasswordHash, User, UserId, Username, UsernameKey};
use crate::ports::{ErrorKind, NewUser, Ports, Verdict};
use crate::rules::fields::{self, Faults};
use crate::service::{self, Registration};
use crate::{Error, Settings};

/// The service [`Accounts`](service::Accounts) over the ports.
///
/// A refresh token is 32 random bytes, of which only a digest is stored; its successor is derived from it, so that a
/// repeated exchange (the first answer was lost) gives the same answer.
#[derive(Debug)]
pub struct Accounts {
    cx: Context,
}

impl Accounts {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }

    /// The user of that name and the hash of their password. For a name that nobody has it asks the store for a password
    /// all the same, so that both ways cost the same.
    async fn credentials(&self, username: &str) -> Result<(Option<Arc<User>>, Option<PasswordHash>), Error> {
        let nobody = UserId::new(1).expect("above 0; the generator never gives 1");
        let user = match UsernameKey::of(username) {
            Some(key) => self.cx.ports.users.by_name(&key).await?,
            None => None,
        };
        let hash = self.cx.ports.users.password(user.as_ref().map_or(nobody, |u| u.id)).await?;
        Ok((user, hash))
    }
}

#[async_trait]
impl service::Accounts for Accounts {
    async fn register(&self, new: Registration) -> service::Result<Arc<User>> {
        let mut faults = Faults::default();
        let name = faults.take("username", Username::new(&new.username));
        let password = faults.take("password", Password::new(&new.password.0));
        let avatar = faults.take("avatar", fields::avatar(&new.avatar, self.cx.settings.avatar_max));
        let (Some(name), Some(password), Some(avatar)) = (name, password, avatar) else {
            return Err(faults.into_error());
        };
        let Ports { users, hasher, .. } = &self.cx.ports;
        // The store has the last word; asking first saves the hash, which costs far more than all the rest.
        if users.by_name(&name.key()).await?.is_some() {
            return Err(Error::UsernameTaken);
        }
        let hash = hasher.hash(password).await?;
        let user = User {
            id: self.cx.new_user(),
            name,
            nickname: None,
            avatar,
            guest: false,
            created_at: self.cx.now(),
        };
        match users.create(&NewUser { user: user.clone(), password: Some(hash), external: None }).await {
            Ok(()) => Ok(Arc::new(user)),
            Err(e) if e.kind() == ErrorKind::Conflict => Err(Error::UsernameTaken),
            Err(e) => Err(e.into()),
        }
    }

    async fn login(&self, username: &str, password: &str) -> service::Result<LoginGrant> {
        let (user, hash) = self.credentials(username).await?;
        let Ports { users, hasher, logins, .. } = &self.cx.ports;
        // Hashers read 72 bytes and stop at a NUL: what is longer would match by its beginning.
        let comparable = password.len() <= Password::MAX_BYTES && !password.contains('\0');
        let verdict = if comparable {
            hasher.verify(password, hash.clone()).await?
        } else {
            hasher.verify("", None).await?
        };
        let (Some(user), Verdict::Matches) = (user, verdict) else { return Err(Error::BadCredentials) };
        let grant = self.grant(user).await?;
        // A change of password ends all logins there are; one that was compared before and stored after must not slip by.
        if users.password(grant.user.id).await? != hash {
            logins.end(&[grant.login], self.cx.now()).await?;
            return Err(Error::BadCredentials);
        }
        Ok(grant)
    }

    async fn guest(&self, name: &str) -> service::Result<LoginGrant> {
        let guest = self.new_guest(name).await?;
        self.grant(guest).await
    }

    async fn refresh(&self, refresh_token: &str) -> service::Result<LoginGrant> {
        self.exchange(refresh_token).await
    }

    async fn logout(&self, access_token: &str) -> service::Result<()> {
        // An expired token still says which login it belonged to, and that may live on by its refresh token.
        let Some(claims) = self.cx.ports.tokens.verify(access_token) else { return Ok(()) };
        self.cx.ports.logins.end(&[claims.login], self.cx.now()).await?;
        self.cx.tell(vec![login_ended(claims.user, claims.login)]).await;
        Ok(())
    }

    async fn authenticate(&self, access_token: &str) -> service::Result<Caller> {
        let claims = self.cx.ports.tokens.verify(access_token).ok_or(Error::Unauthenticated)?;
        if self.cx.now() >= claims.expires_at {
            return Err(Error::TokenExpired);
        }
        let active = self.cx.ports.logins.active(&[claims.login]).await?;
        if active.first() != Some(&true) {
            return Err(Error::Unauthenticated);
        }
        Ok(Caller {
            user: claims.user,
            guest: claims.guest,
            login: claims.login,
            expires_at: claims.expires_at,
            session: None,
        })
    }

    async fn adopt(&self, external: &str, name: &str) -> service::Result<LoginGrant> {
        let user = self.adopted(external, name).await?;
        self.grant(user).await
    }
}
