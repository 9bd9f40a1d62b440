//! What a connection asks of the services, and submits to the pipeline.

use gochat_core::error::{Code, Error};
use gochat_core::model::{ConversationId, ReadState, SendCommand};
use gochat_core::ports::Submitted;
use gochat_core::service::HistoryQuery;
use gochat_proto::ws::{Frame, MessageAck, Read, SyncDone, SyncResult};
use slog::warn;
use tokio::time::timeout;

use super::codec::text_frame;
use super::encode::{lang_of, problem_frame, raw};
use super::gateway::Gateway;
use super::intake::{Ask, SyncPlace, What};
use crate::hub::Session;
use crate::web::convert::{conv_id, messages};
use crate::web::error::{About, Problem};

impl Gateway {
    /// Hands sends to the pipeline. The connection reads no further meanwhile: a full queue slows its senders down.
    pub(super) async fn submit(&self, session: &Session, sends: Vec<SendCommand>) {
        let told: Vec<_> =
            sends.iter().map(|s| (s.conversation, s.client_msg_id.clone(), s.origin.tag.clone())).collect();
        let code = match timeout(self.config.submit_timeout, self.upstream.submit(sends)).await {
            Ok(Ok(Submitted::Queued)) => return,
            Ok(Ok(Submitted::Accepted)) => None,
            Ok(Err(e)) => {
                warn!(self.log, "sends not taken"; "sends" => told.len(), "error" => %e);
                Some(Error::Port(e).code())
            }
            Err(_) => Some(Code::Unavailable),
        };
        let mut frames = Vec::new();
        for (conversation, client_msg_id, tag) in &told {
            let tag = tag.as_deref();
            if let Some(code) = code {
                let conversation = conversation.to_string();
                let about = About {
                    temp_message_id: Some(client_msg_id.as_str()),
                    conversation_id: Some(&conversation),
                };
                problem_frame(&mut frames, &Problem::new(code), raw(tag), about, lang_of(session.info()));
            } else {
                let ack = MessageAck::accepted(conv_id(*conversation), client_msg_id.as_str());
                text_frame(&mut frames, |out| Frame::answer(raw(tag), ack).write(out));
            }
        }
        self.hub.send(session, frames);
    }

    /// Answers a request.
    pub(super) async fn ask(&self, session: &Session, ask: Box<Ask>) {
        let tag = ask.tag.as_deref();
        let caller = session.info().caller();
        let (outcome, about) = match ask.what {
            What::MarkRead { conversation, seq } => {
                match self.services.conversations.mark_read(&caller, conversation, seq).await {
                    Ok(state) => return self.read(session, tag, conversation, state),
                    Err(error) => (Err(error), conversation),
                }
            }
            What::Typing { conversation, typing } => {
                (self.services.presences.typing(&caller, conversation, typing).await, conversation)
            }
            What::Sync { from, limit } => return self.sync(session, tag, from, limit).await,
        };
        if let Err(error) = outcome {
            self.fail(session, tag, error, &about.to_string());
        }
    }

    /// Answers who marked something read. Their other sessions hear it as any event.
    fn read(&self, session: &Session, tag: Option<&str>, conversation: ConversationId, state: ReadState) {
        let data = Read {
            conversation_id: conv_id(conversation),
            seq: state.read_seq.get(),
            unread_count: state.unread,
        };
        let mut frames = Vec::new();
        text_frame(&mut frames, |out| Frame::answer(raw(tag), data).write(out));
        self.hub.send(session, frames);
    }

    fn fail(&self, session: &Session, tag: Option<&str>, error: Error, conversation: &str) {
        let problem = Problem::of(&error);
        if problem.is_ours() {
            warn!(self.log, "request failed"; "session" => session.info().session.get(), "error" => %error);
        }
        let about = About { temp_message_id: None, conversation_id: Some(conversation) };
        let mut frames = Vec::new();
        problem_frame(&mut frames, &problem, raw(tag), about, lang_of(session.info()));
        self.hub.send(session, frames);
    }

    /// Sends one page of each conversation asked for. A frame goes out before the next page is read, so that a slow client
    /// is cut off by its queue's bound and not served from memory.
    async fn sync(&self, session: &Session, tag: Option<&str>, from: Vec<SyncPlace>, limit: Option<u32>) {
        let caller = session.info().caller();
        for SyncPlace { conversation, written, after } in from {
            let query = HistoryQuery::After { seq: after, limit };
            let page = match conversation {
                Some(id) => self.services.messages.history(&caller, id, query).await.map(|page| (id, page)),
                None => Err(Error::ConversationNotFound),
            };
            match page {
                Err(error) => self.fail(session, tag, error, &written),
                Ok((id, page)) => {
                    let result = SyncResult {
                        conversation_id: conv_id(id),
                        messages: messages(&page.messages),
                        has_more: page.has_more,
                        next_seq: page.next_seq.get(),
                    };
                    let mut frames = Vec::with_capacity(64 + page.messages.len() * 400);
                    text_frame(&mut frames, |out| Frame::answer(raw(tag), result).write(out));
                    self.hub.send(session, frames);
                }
            }
            if session.closing().is_some() {
                return;
            }
        }
        let mut frames = Vec::new();
        text_frame(&mut frames, |out| Frame::answer(raw(tag), SyncDone {}).write(out));
        self.hub.send(session, frames);
    }
}
