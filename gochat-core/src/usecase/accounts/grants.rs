//! What a login hands out, and how it is renewed.

use std::sync::Arc;

use super::Accounts;
use crate::Error;
use crate::model::{LoginGrant, LoginId, Timestamp, User};
use crate::ports::{Claims, NewLogin, Ports, Rotate, Rotation};
use crate::rules::tokens;
use crate::usecase::context::login_ended;

impl Accounts {
    /// Logs a user in.
    pub(super) async fn grant(&self, user: Arc<User>) -> Result<LoginGrant, Error> {
        let Ports { secrets, tokens: signer, logins, .. } = &self.cx.ports;
        let at = self.cx.now();
        let token = tokens::first(&**secrets);
        let login = NewLogin {
            id: self.cx.new_login(),
            user: user.id,
            refresh: tokens::stored(&**signer, &token),
            at,
            expires_at: at.after(self.cx.settings.refresh_ttl),
        };
        let grant = self.answer(user, login.id, token, at)?;
        logins.create(&login).await?;
        Ok(grant)
    }

    /// Exchanges a refresh token. All of the answer follows from the token and the time of the first exchange.
    pub(super) async fn exchange(&self, token: &str) -> Result<LoginGrant, Error> {
        if !tokens::plausible(token) {
            return Err(Error::Unauthenticated);
        }
        let Ports { users, tokens: signer, logins, .. } = &self.cx.ports;
        let now = self.cx.now();
        let next = tokens::successor(&**signer, token);
        let rotate = Rotate {
            current: tokens::stored(&**signer, token),
            next: tokens::stored(&**signer, &next),
            at: now,
            expires_at: now.after(self.cx.settings.refresh_ttl),
            grace: self.cx.settings.refresh_grace,
        };
        let (login, user, at) = match logins.rotate(&rotate).await? {
            Rotation::Done { login, user } => (login, user, now),
            Rotation::Again { login, user, at } => (login, user, at),
            Rotation::Reused { login, user } => {
                slog::info!(self.cx.log, "a used refresh token was shown again, its login has ended";
                    "user" => user.get(), "login" => login.get());
                self.cx.tell(vec![login_ended(user, login)]).await;
                return Err(Error::Unauthenticated);
            }
            Rotation::Unknown => return Err(Error::Unauthenticated),
        };
        let user = users.by_ids(&[user]).await?.pop().flatten().ok_or(Error::Unauthenticated)?;
        self.answer(user, login, next, at)
    }

    fn answer(
        &self,
        user: Arc<User>,
        login: LoginId,
        refresh_token: String,
        at: Timestamp,
    ) -> Result<LoginGrant, Error> {
        let ttl = self.cx.settings.access_ttl;
        let claims =
            Claims { user: user.id, login, guest: user.guest, issued_at: at, expires_at: at.after(ttl) };
        let access_token = self.cx.ports.tokens.sign(&claims)?;
        Ok(LoginGrant { user, login, access_token, refresh_token, expires_in: ttl })
    }
}
