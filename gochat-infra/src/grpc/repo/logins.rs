//! Logins and their refresh tokens.

use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::{LoginId, Timestamp, UserId};
use gochat_core::ports::{LoginStore, NewLogin, Result, Rotate, Rotation};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::login_service_client::LoginServiceClient;
use gochat_proto::pb::repo::v1::login_service_server::LoginService;
use tonic::{Request, Response, Status};

use super::{RepoClient, Served, call, read, write};
use crate::wire::{self, Malformed};

type Answer<T> = std::result::Result<Response<T>, Status>;

fn digest_pb(digest: &[u8; 32]) -> Option<pb::RefreshDigest> {
    Some(pb::RefreshDigest { digest: digest.to_vec() })
}

fn digest(pb: Option<pb::RefreshDigest>, field: &'static str) -> std::result::Result<[u8; 32], Malformed> {
    wire::part(pb, field)?.digest.try_into().map_err(|_| Malformed { field })
}

fn rotation_pb(rotation: Rotation) -> pb::RotateLoginResponse {
    use pb::RotationOutcome as Outcome;
    let (outcome, login, user, at) = match rotation {
        Rotation::Done { login, user } => (Outcome::Done, Some(login), Some(user), None),
        Rotation::Again { login, user, at } => (Outcome::Again, Some(login), Some(user), Some(at)),
        Rotation::Reused { login, user } => (Outcome::Reused, Some(login), Some(user), None),
        Rotation::Unknown => (Outcome::Unknown, None, None, None),
    };
    pb::RotateLoginResponse {
        outcome: outcome.into(),
        login_id: wire::number(login),
        user_id: wire::number(user),
        at_ms: at.map(Timestamp::as_millis),
    }
}

fn rotation(pb: pb::RotateLoginResponse) -> std::result::Result<Rotation, Malformed> {
    use pb::RotationOutcome as Outcome;
    let login = || wire::id(pb.login_id, "login_id");
    let user = || wire::id(pb.user_id, "user_id");
    Ok(match Outcome::try_from(pb.outcome) {
        Ok(Outcome::Done) => Rotation::Done { login: login()?, user: user()? },
        Ok(Outcome::Again) => {
            let at = Timestamp::from_millis(wire::part(pb.at_ms, "at_ms")?);
            Rotation::Again { login: login()?, user: user()?, at }
        }
        Ok(Outcome::Reused) => Rotation::Reused { login: login()?, user: user()? },
        Ok(Outcome::Unknown) => Rotation::Unknown,
        Ok(Outcome::Unspecified) | Err(_) => return Err(Malformed::new("outcome")),
    })
}

#[async_trait]
impl LoginService for Served<dyn LoginStore> {
    async fn create_login(
        &self,
        request: Request<pb::CreateLoginRequest>,
    ) -> Answer<pb::CreateLoginResponse> {
        let pb = request.into_inner();
        let new = NewLogin {
            id: wire::id(pb.login_id, "login_id")?,
            user: wire::id(pb.user_id, "user_id")?,
            refresh: digest(pb.refresh, "refresh")?,
            at: Timestamp::from_millis(pb.at_ms),
            expires_at: Timestamp::from_millis(pb.expires_at_ms),
        };
        self.port.create(&new).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::CreateLoginResponse {}))
    }

    async fn rotate_login(
        &self,
        request: Request<pb::RotateLoginRequest>,
    ) -> Answer<pb::RotateLoginResponse> {
        let pb = request.into_inner();
        let rotate = Rotate {
            current: digest(pb.current, "current")?,
            next: digest(pb.next, "next")?,
            at: Timestamp::from_millis(pb.at_ms),
            expires_at: Timestamp::from_millis(pb.expires_at_ms),
            grace: Duration::from_millis(pb.grace_ms),
        };
        let rotation = self.port.rotate(&rotate).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(rotation_pb(rotation)))
    }

    async fn end_logins(&self, request: Request<pb::EndLoginsRequest>) -> Answer<pb::EndLoginsResponse> {
        let pb = request.into_inner();
        let logins = wire::ids(&pb.login_ids, "login_ids")?;
        self.port.end(&logins, Timestamp::from_millis(pb.at_ms)).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::EndLoginsResponse {}))
    }

    async fn end_other_logins(
        &self,
        request: Request<pb::EndOtherLoginsRequest>,
    ) -> Answer<pb::EndOtherLoginsResponse> {
        let pb = request.into_inner();
        let user = wire::id(pb.user_id, "user_id")?;
        let keep = wire::optional_id(pb.keep_login_id, "keep_login_id")?;
        let at = Timestamp::from_millis(pb.at_ms);
        let ended = self.port.end_others(user, keep, at).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::EndOtherLoginsResponse { login_ids: wire::numbers(&ended) }))
    }

    async fn check_logins(
        &self,
        request: Request<pb::CheckLoginsRequest>,
    ) -> Answer<pb::CheckLoginsResponse> {
        let logins = wire::ids(&request.into_inner().login_ids, "login_ids")?;
        let active = self.port.active(&logins).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::CheckLoginsResponse { active }))
    }
}

#[async_trait]
impl LoginStore for RepoClient {
    async fn create(&self, login: &NewLogin) -> Result<()> {
        let operation = write("logins.create");
        let request = || pb::CreateLoginRequest {
            login_id: login.id.get(),
            user_id: login.user.get(),
            refresh: digest_pb(&login.refresh),
            at_ms: login.at.as_millis(),
            expires_at_ms: login.expires_at.as_millis(),
        };
        let _: pb::CreateLoginResponse = call!(self, operation, LoginServiceClient.create_login, request())?;
        Ok(())
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation> {
        let operation = write("logins.rotate");
        let request = || pb::RotateLoginRequest {
            current: digest_pb(&rotate.current),
            next: digest_pb(&rotate.next),
            at_ms: rotate.at.as_millis(),
            expires_at_ms: rotate.expires_at.as_millis(),
            grace_ms: u64::try_from(rotate.grace.as_millis()).unwrap_or(u64::MAX),
        };
        let answer = call!(self, operation, LoginServiceClient.rotate_login, request())?;
        operation.read(rotation(answer))
    }

    async fn end(&self, logins: &[LoginId], at: Timestamp) -> Result<()> {
        let operation = write("logins.end");
        let request = || pb::EndLoginsRequest { login_ids: wire::numbers(logins), at_ms: at.as_millis() };
        let _: pb::EndLoginsResponse = call!(self, operation, LoginServiceClient.end_logins, request())?;
        Ok(())
    }

    async fn end_others(&self, user: UserId, keep: Option<LoginId>, at: Timestamp) -> Result<Vec<LoginId>> {
        let operation = write("logins.end_others");
        let request = || pb::EndOtherLoginsRequest {
            user_id: user.get(),
            keep_login_id: wire::number(keep),
            at_ms: at.as_millis(),
        };
        let answer = call!(self, operation, LoginServiceClient.end_other_logins, request())?;
        operation.read(wire::ids(&answer.login_ids, "login_ids"))
    }

    async fn active(&self, logins: &[LoginId]) -> Result<Vec<bool>> {
        let operation = read("logins.active");
        let request = || pb::CheckLoginsRequest { login_ids: wire::numbers(logins) };
        let answer = call!(self, operation, LoginServiceClient.check_logins, request())?;
        operation.by_position(answer.active, logins.len(), Ok)
    }
}
