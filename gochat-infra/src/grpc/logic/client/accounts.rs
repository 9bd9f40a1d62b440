//! Accounts and logins.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Caller, LoginGrant, User};
use gochat_core::service::{Accounts, Registration, Result};
use gochat_proto::pb::logic::v1::accounts_service_client::AccountsServiceClient;
use gochat_proto::pb::logic::v1::*;

use super::{LogicClient, ask};
use crate::grpc::logic::convert::user;
use crate::wire::nested;

#[async_trait]
impl Accounts for LogicClient {
    async fn register(&self, new: Registration) -> Result<Arc<User>> {
        let request =
            RegisterRequest { username: new.username, password: new.password.0, avatar: new.avatar };
        ask!(self, "accounts.register", Write, AccountsServiceClient.register, request, |a| user(a.user))
    }

    async fn login(&self, username: &str, password: &str) -> Result<LoginGrant> {
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned() };
        ask!(self, "accounts.login", Write, AccountsServiceClient.login, request, |a| nested(
            a.grant, "grant"
        ))
    }

    async fn guest(&self, name: &str) -> Result<LoginGrant> {
        let request = EnterAsGuestRequest { name: name.to_owned() };
        ask!(self, "accounts.guest", Write, AccountsServiceClient.enter_as_guest, request, |a| nested(
            a.grant, "grant"
        ))
    }

    async fn refresh(&self, refresh_token: &str) -> Result<LoginGrant> {
        let request = RefreshRequest { refresh_token: refresh_token.to_owned() };
        // Asked again within the grace, it gives the same answer.
        ask!(self, "accounts.refresh", Read, AccountsServiceClient.refresh, request, |a| nested(
            a.grant, "grant"
        ))
    }

    async fn logout(&self, access_token: &str) -> Result<()> {
        let request = LogoutRequest { access_token: access_token.to_owned() };
        // What has ended does not end again.
        ask!(self, "accounts.logout", Read, AccountsServiceClient.logout, request, |_| Ok(()))
    }

    async fn authenticate(&self, access_token: &str) -> Result<Caller> {
        let request = AuthenticateRequest { access_token: access_token.to_owned() };
        ask!(self, "accounts.authenticate", Read, AccountsServiceClient.authenticate, request, |a| nested(
            a.caller, "caller"
        ))
    }

    async fn adopt(&self, external: &str, name: &str) -> Result<LoginGrant> {
        let request = AdoptRequest { external_id: external.to_owned(), name: name.to_owned() };
        ask!(self, "accounts.adopt", Write, AccountsServiceClient.adopt, request, |a| nested(
            a.grant, "grant"
        ))
    }
}
