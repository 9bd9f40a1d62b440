//! Notes of changes: those that writes carry along, and the outbox.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{Note, NoteId, Timestamp};
use gochat_core::ports::{Claim, Outbox, Result};
use gochat_proto::pb::repo::v1 as pb;
use gochat_proto::pb::repo::v1::outbox_service_client::OutboxServiceClient;
use gochat_proto::pb::repo::v1::outbox_service_server::OutboxService;
use tonic::{Request, Response, Status};

use super::convert::{all, limit, pbs};
use super::{RepoClient, Served, call, write};
use crate::wire::{self, Malformed, Wire};

type Answer<T> = std::result::Result<Response<T>, Status>;

/// The port, or one whose next write leaves the note that came along.
pub(super) fn noted<P: ?Sized>(
    port: &Arc<P>,
    note: Option<pb::Note>,
    noted: impl FnOnce(&P, &Note) -> Option<Arc<P>>,
) -> std::result::Result<Arc<P>, Malformed> {
    let note: Option<Note> = wire::optional(note)?;
    Ok(note.and_then(|note| noted(port, &note)).unwrap_or_else(|| Arc::clone(port)))
}

impl RepoClient {
    /// A handle on the same channel, whose next write carries this.
    pub(super) fn with_note(&self, note: &Note) -> Arc<Self> {
        Arc::new(Self { channel: self.channel.clone(), note: Some(note.clone()) })
    }

    pub(super) fn note(&self) -> Option<pb::Note> {
        self.note.as_ref().map(Wire::to_pb)
    }
}

#[async_trait]
impl OutboxService for Served<dyn Outbox> {
    async fn claim_notes(&self, request: Request<pb::ClaimNotesRequest>) -> Answer<pb::ClaimNotesResponse> {
        let pb = request.into_inner();
        let claim = Claim {
            made_until: Timestamp::from_millis(pb.made_until_ms),
            now: Timestamp::from_millis(pb.now_ms),
            until: Timestamp::from_millis(pb.until_ms),
            limit: limit(pb.limit)?,
        };
        let notes = self.port.claim(&claim).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::ClaimNotesResponse { notes: pbs(&notes) }))
    }

    async fn remove_notes(
        &self,
        request: Request<pb::RemoveNotesRequest>,
    ) -> Answer<pb::RemoveNotesResponse> {
        let notes: Vec<NoteId> = wire::ids(&request.into_inner().note_ids, "note_ids")?;
        self.port.done(&notes).await.map_err(|e| self.failed(e))?;
        Ok(Response::new(pb::RemoveNotesResponse {}))
    }
}

#[async_trait]
impl Outbox for RepoClient {
    async fn claim(&self, claim: &Claim) -> Result<Vec<Note>> {
        // Not made twice: what an answer that was lost has claimed comes again when the claim ends.
        let operation = write("outbox.claim");
        let request = || pb::ClaimNotesRequest {
            made_until_ms: claim.made_until.as_millis(),
            now_ms: claim.now.as_millis(),
            until_ms: claim.until.as_millis(),
            limit: claim.limit.get(),
        };
        let answer = call!(self, operation, OutboxServiceClient.claim_notes, request())?;
        operation.read(all(answer.notes, Wire::from_pb))
    }

    async fn done(&self, notes: &[NoteId]) -> Result<()> {
        let operation = write("outbox.done");
        let request = || pb::RemoveNotesRequest { note_ids: wire::numbers(notes) };
        let _: pb::RemoveNotesResponse = call!(self, operation, OutboxServiceClient.remove_notes, request())?;
        Ok(())
    }
}
