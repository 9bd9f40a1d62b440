//! Moving old contents into archives: im-task says when, im-repo does it.

use async_trait::async_trait;
use gochat_core::model::Timestamp;
use gochat_core::ports::Result;
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::archive_service_client::ArchiveServiceClient;
use gochat_proto::pb::repo::v1::archive_service_server::ArchiveService;
use tonic::{Request, Response, Status};

use super::{RepoClient, Served, call, write};
use crate::archive::{Archiver, Next, Portion, Step};

#[async_trait]
impl ArchiveService for Served<dyn Archiver> {
    async fn archive_next(
        &self,
        request: Request<pb::ArchiveNextRequest>,
    ) -> std::result::Result<Response<pb::ArchiveNextResponse>, Status> {
        let pb::ArchiveNextRequest { before_ms, least, most, bytes } = request.into_inner();
        let portion = Portion { before: Timestamp::from_millis(before_ms), least, most, bytes };
        let Step { messages, bytes, next } =
            self.port.archive_next(portion).await.map_err(|e| self.failed(e))?;
        let (done, busy) = (next == Next::Done, next == Next::Busy);
        Ok(Response::new(pb::ArchiveNextResponse { messages, bytes, done, busy }))
    }
}

#[async_trait]
impl Archiver for RepoClient {
    async fn archive_next(&self, portion: Portion) -> Result<Step> {
        let operation = write("archive.next");
        let Portion { before, least, most, bytes } = portion;
        let request = || pb::ArchiveNextRequest { before_ms: before.as_millis(), least, most, bytes };
        let answer = call!(self, operation, ArchiveServiceClient.archive_next, request())?;
        let next = match (answer.done, answer.busy) {
            (_, true) => Next::Busy,
            (true, _) => Next::Done,
            _ => Next::More,
        };
        Ok(Step { messages: answer.messages, bytes: answer.bytes, next })
    }
}
