//! Hashing passwords.

use async_trait::async_trait;
use gochat_core::model::{Password, PasswordHash};
use gochat_core::ports::{PasswordHasher, Result, Verdict};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::password_service_client::PasswordServiceClient;
use gochat_proto::pb::repo::v1::password_service_server::PasswordService;
use tonic::{Request, Response, Status};

use super::{RepoClient, Served, call, read};
use crate::wire::{self, Malformed};

type Answer<T> = std::result::Result<Response<T>, Status>;

pub(super) fn hash(pb: pb::PasswordHash) -> PasswordHash {
    PasswordHash::new(&pb.hash)
}

pub(super) fn hash_pb(hash: &PasswordHash) -> pb::PasswordHash {
    pb::PasswordHash { hash: hash.reveal().to_owned() }
}

#[async_trait]
impl PasswordService for Served<dyn PasswordHasher> {
    async fn hash_password(
        &self,
        request: Request<pb::HashPasswordRequest>,
    ) -> Answer<pb::HashPasswordResponse> {
        let text = wire::part(request.into_inner().password, "password")?.text;
        let password = Password::new(&text).map_err(|_| Malformed::new("password"))?;
        let hash = self.port.hash(password).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::HashPasswordResponse { hash: Some(hash_pb(&hash)) }))
    }

    async fn verify_password(
        &self,
        request: Request<pb::VerifyPasswordRequest>,
    ) -> Answer<pb::VerifyPasswordResponse> {
        let pb = request.into_inner();
        let text = wire::part(pb.password, "password")?.text;
        let verdict = self.port.verify(&text, pb.hash.map(hash)).await.map_err(|e| self.failed(e))?;
        let verdict = match verdict {
            Verdict::Matches => pb::Verdict::Matches,
            Verdict::Differs => pb::Verdict::Differs,
        };
        Ok(Response::new(pb::VerifyPasswordResponse { verdict: verdict.into() }))
    }
}

#[async_trait]
impl PasswordHasher for RepoClient {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let operation = read("hasher.hash");
        let request = || pb::HashPasswordRequest { password: Some(text_pb(password.reveal())) };
        let answer = call!(self, operation, PasswordServiceClient.hash_password, request())?;
        operation.read(wire::part(answer.hash, "hash").map(hash))
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        let operation = read("hasher.verify");
        let request = || pb::VerifyPasswordRequest {
            password: Some(text_pb(password)),
            hash: hash.as_ref().map(hash_pb),
        };
        let answer = call!(self, operation, PasswordServiceClient.verify_password, request())?;
        operation.read(match pb::Verdict::try_from(answer.verdict) {
            Ok(pb::Verdict::Matches) => Ok(Verdict::Matches),
            Ok(pb::Verdict::Differs) => Ok(Verdict::Differs),
            Ok(pb::Verdict::Unspecified) | Err(_) => Err(Malformed::new("verdict")),
        })
    }
}

fn text_pb(text: &str) -> pb::PasswordText {
    pb::PasswordText { text: text.to_owned() }
}
