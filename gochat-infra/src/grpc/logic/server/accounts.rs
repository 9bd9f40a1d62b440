//! Accounts and logins.

use gochat_core::service::{Registration, Secret};
use gochat_proto::pb::logic::v1::accounts_service_server::AccountsService;
use gochat_proto::pb::logic::v1::*;
use tonic::{Request, async_trait};

use super::{Answer, Server};
use crate::wire::Wire as _;

#[async_trait]
impl AccountsService for Server {
    async fn register(&self, request: Request<RegisterRequest>) -> Answer<RegisterResponse> {
        let RegisterRequest { username, password, avatar } = request.into_inner();
        let mut new = Registration::default();
        (new.username, new.password, new.avatar) = (username, Secret(password), avatar);
        let user = self.services.accounts.register(new).await;
        self.answer("accounts.register", user, |user| RegisterResponse { user: Some(user.to_pb()) })
    }

    async fn login(&self, request: Request<LoginRequest>) -> Answer<LoginResponse> {
        let LoginRequest { username, password } = request.into_inner();
        let grant = self.services.accounts.login(&username, &password).await;
        self.answer("accounts.login", grant, |grant| LoginResponse { grant: Some(grant.to_pb()) })
    }

    async fn enter_as_guest(&self, request: Request<EnterAsGuestRequest>) -> Answer<EnterAsGuestResponse> {
        let EnterAsGuestRequest { name } = request.into_inner();
        let grant = self.services.accounts.guest(&name).await;
        self.answer("accounts.guest", grant, |grant| EnterAsGuestResponse { grant: Some(grant.to_pb()) })
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Answer<RefreshResponse> {
        let RefreshRequest { refresh_token } = request.into_inner();
        let grant = self.services.accounts.refresh(&refresh_token).await;
        self.answer("accounts.refresh", grant, |grant| RefreshResponse { grant: Some(grant.to_pb()) })
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Answer<LogoutResponse> {
        let LogoutRequest { access_token } = request.into_inner();
        let done = self.services.accounts.logout(&access_token).await;
        self.answer("accounts.logout", done, |()| LogoutResponse {})
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer<AuthenticateResponse> {
        let AuthenticateRequest { access_token } = request.into_inner();
        let caller = self.services.accounts.authenticate(&access_token).await;
        self.answer("accounts.authenticate", caller, |caller| AuthenticateResponse {
            caller: Some(caller.to_pb()),
        })
    }

    async fn adopt(&self, request: Request<AdoptRequest>) -> Answer<AdoptResponse> {
        let AdoptRequest { external_id, name } = request.into_inner();
        let grant = self.services.accounts.adopt(&external_id, &name).await;
        self.answer("accounts.adopt", grant, |grant| AdoptResponse { grant: Some(grant.to_pb()) })
    }
}
