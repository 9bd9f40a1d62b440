//! How messages with secrets in them are shown: without.

use std::fmt::{Debug, Formatter, Result};

use super::logic::v1::{
    AuthenticateRequest, LoginGrant, LoginRequest, LogoutRequest, PasswordChange, RefreshRequest,
    RegisterRequest,
};
use super::repo::v1::{PasswordHash, PasswordText, RefreshDigest};

impl Debug for LoginGrant {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("LoginGrant").field("login_id", &self.login_id).finish_non_exhaustive()
    }
}

impl Debug for RegisterRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("RegisterRequest").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Debug for LoginRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("LoginRequest").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Debug for RefreshRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("RefreshRequest").finish_non_exhaustive()
    }
}

impl Debug for LogoutRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("LogoutRequest").finish_non_exhaustive()
    }
}

impl Debug for AuthenticateRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("AuthenticateRequest").finish_non_exhaustive()
    }
}

impl Debug for PasswordChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("PasswordChange").finish_non_exhaustive()
    }
}

impl Debug for PasswordText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("PasswordText").finish_non_exhaustive()
    }
}

impl Debug for PasswordHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("PasswordHash").finish_non_exhaustive()
    }
}

impl Debug for RefreshDigest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("RefreshDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = || "correct horse".to_owned();
        let shown = [
            format!(
                "{:?}",
                LoginGrant { access_token: secret(), refresh_token: secret(), ..Default::default() }
            ),
            format!("{:?}", RegisterRequest { password: secret(), ..Default::default() }),
            format!("{:?}", LoginRequest { password: secret(), ..Default::default() }),
            format!("{:?}", RefreshRequest { refresh_token: secret() }),
            format!("{:?}", LogoutRequest { access_token: secret() }),
            format!("{:?}", AuthenticateRequest { access_token: secret() }),
            format!("{:?}", PasswordChange { old_password: secret(), new_password: secret() }),
            format!("{:?}", PasswordText { text: secret() }),
            format!("{:?}", PasswordHash { hash: secret() }),
            format!("{:?}", RefreshDigest { digest: secret().into_bytes() }),
        ];
        for text in shown {
            assert!(!text.contains("horse") && text.ends_with(".. }"), "{text}");
        }
    }
}
