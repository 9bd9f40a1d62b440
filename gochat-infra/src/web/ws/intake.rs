//! From a client's frames to what is to be done, in order. No I/O: all of a read is looked through before anything waits.

use std::sync::Arc;

use gochat_core::error::{Code, Fault};
use gochat_core::model::{ConversationId, Origin, ReplyTo, SendCommand, Seq};
use gochat_core::send::validate;
use gochat_proto::ws::{BadFrame, ClientFrame, ClientKind, Frame, MarkRead, Pong, SendMessage, Sync, Typing};
use gochat_proto::{Ill, Loose, RawValue};

use super::codec::{Incoming, pong_frame, text_frame};
use super::encode::{lang_of, problem_frame, raw};
use super::gateway::Gateway;
use crate::hub::{CloseReason, Session};
use crate::web::convert::incoming::{conversation_of, ill, required_text, send_form};
use crate::web::error::{About, Problem};

/// Most conversations in one `sync`.
const SYNC_MAX: usize = 1_000;

/// One thing to do for a connection.
#[derive(Debug)]
pub(super) enum Step {
    Sends(Vec<SendCommand>),
    Ask(Box<Ask>),
    Frames(Vec<u8>),
    Close(CloseReason),
}

/// A request that needs an answer from the services.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) tag: Option<Arc<str>>,
    pub(super) what: What,
}

impl Ask {
    /// What a span of it is called.
    pub(super) const fn name(&self) -> &'static str {
        match self.what {
            What::MarkRead { .. } => "ws mark-read",
            What::Typing { .. } => "ws typing",
            What::Sync { .. } => "ws sync",
        }
    }
}

#[derive(Debug)]
pub(super) enum What {
    MarkRead { conversation: ConversationId, seq: Option<Seq> },
    Typing { conversation: ConversationId, typing: bool },
    Sync { from: Vec<SyncPlace>, limit: Option<u32> },
}

/// One place to catch up from.
#[derive(Debug)]
pub(super) struct SyncPlace {
    /// The conversation, if its id can be one.
    pub(super) conversation: Option<ConversationId>,
    /// Its id as written, for the answer.
    pub(super) written: String,
    /// What the client has.
    pub(super) after: Seq,
}

/// Looks through the frames of one read.
pub(super) struct Intake<'a> {
    gateway: &'a Gateway,
    session: &'a Session,
    bad_frames: &'a mut u32,
    steps: Vec<Step>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(gateway: &'a Gateway, session: &'a Session, bad_frames: &'a mut u32) -> Self {
        Self { gateway, session, bad_frames, steps: Vec::new() }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// Takes one message; answers whether to go on.
    pub(super) fn take(&mut self, message: Incoming<'_>) -> bool {
        self.gateway.hub.metrics().frames_in.inc();
        match message {
            Incoming::Text(text) => self.text(text),
            Incoming::Binary => self.bad(None),
            Incoming::Ping(payload) => {
                pong_frame(self.frames(), payload);
                true
            }
            Incoming::Pong => true,
            Incoming::Close(code) => {
                self.steps.push(Step::Close(CloseReason::Answer(code)));
                false
            }
        }
    }

    fn text(&mut self, text: &str) -> bool {
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(BadFrame::NotAFrame) => return self.bad(None),
            Err(BadFrame::UnknownType(tag)) => return self.bad(tag),
        };
        *self.bad_frames = 0;
        let tag = frame.id;
        let what = match frame.kind {
            ClientKind::Ping => {
                text_frame(self.frames(), |out| Frame::answer(tag, Pong {}).write(out));
                return true;
            }
            ClientKind::SendMessage => return self.send(&frame),
            ClientKind::MarkRead => frame.data().map(|data| mark_read(&data)),
            ClientKind::Typing => frame.data().map(|data| typing(&data)),
            ClientKind::Sync => frame.data().map(|data| sync(&data)),
        };
        match what {
            Err(_) => return self.bad(tag.map(RawValue::get)),
            Ok(Err(problem)) => self.problem(&problem, tag, About::default()),
            Ok(Ok(what)) => {
                let tag = tag.map(|raw| Arc::from(raw.get()));
                self.steps.push(Step::Ask(Box::new(Ask { tag, what })));
            }
        }
        true
    }

    fn send(&mut self, frame: &ClientFrame<'_>) -> bool {
        let Ok(data) = frame.data::<SendMessage<'_>>() else { return self.bad(frame.id.map(RawValue::get)) };
        let read = send_form(&data, "tempMessageId").and_then(|form| {
            validate(&form.body, &self.gateway.settings)?;
            let id = form.client_msg_id.ok_or_else(|| Problem::field("tempMessageId", Fault::Missing))?;
            self.gateway.send_rate.check(self.session.info().user).map_err(|wait| {
                self.gateway.hub.metrics().sends_limited.inc();
                Problem::limited(wait)
            })?;
            Ok((form.conversation, id, form.body))
        });
        let (conversation, client_msg_id, body) = match read {
            Ok(read) => read,
            Err(problem) => {
                let about = About {
                    temp_message_id: data.client_id().ok().and_then(|id| id.text().ok()),
                    conversation_id: data.conversation_id.text().ok(),
                };
                self.problem(&problem, frame.id, about);
                return true;
            }
        };
        let info = self.session.info();
        let origin = Origin {
            gateway: self.gateway.hub.gateway().clone(),
            session: Some(info.session),
            reply: ReplyTo::Session(info.session),
            tag: frame.id.map(|raw| Arc::from(raw.get())),
        };
        let (id, sender, guest) = (self.gateway.message_id(), info.user, info.guest);
        let command = SendCommand { id, conversation, sender, guest, client_msg_id, body, origin };
        match self.steps.last_mut() {
            Some(Step::Sends(sends)) => sends.push(command),
            _ => self.steps.push(Step::Sends(vec![command])),
        }
        true
    }

    /// Frames that go out at this place of the order.
    fn frames(&mut self) -> &mut Vec<u8> {
        let at = match self.steps.last() {
            Some(Step::Frames(_)) => self.steps.len() - 1,
            _ => {
                self.steps.push(Step::Frames(Vec::new()));
                self.steps.len() - 1
            }
        };
        match &mut self.steps[at] {
            Step::Frames(frames) => frames,
            _ => unreachable!("the step at this place holds frames"),
        }
    }

    fn problem(&mut self, problem: &Problem, tag: Option<&RawValue>, about: About<'_>) {
        let lang = lang_of(self.session.info());
        problem_frame(self.frames(), problem, tag, about, lang);
    }

    /// Answers what is no frame; too many of them in a row end the connection.
    fn bad(&mut self, tag: Option<&str>) -> bool {
        *self.bad_frames += 1;
        self.problem(&Problem::new(Code::BadRequest), raw(tag), About::default());
        if *self.bad_frames >= self.gateway.config.bad_frames_max {
            self.steps.push(Step::Close(CloseReason::Misuse));
            return false;
        }
        true
    }
}

fn number(field: &'static str, value: &Loose<'_>) -> Result<Option<u64>, Problem> {
    value.optional_number().map_err(|e| Problem::field(field, ill(e)))
}

fn mark_read(data: &MarkRead<'_>) -> Result<What, Problem> {
    let conversation = conversation_of(&data.conversation_id)?;
    Ok(What::MarkRead { conversation, seq: number("seq", &data.seq)?.map(Seq::new) })
}

fn typing(data: &Typing<'_>) -> Result<What, Problem> {
    let conversation = conversation_of(&data.conversation_id)?;
    match data.typing.bool() {
        Ok(typing) => Ok(What::Typing { conversation, typing }),
        Err(Ill::Missing) => Ok(What::Typing { conversation, typing: true }),
        Err(e) => Err(Problem::field("typing", ill(e))),
    }
}

fn sync(data: &Sync<'_>) -> Result<What, Problem> {
    let asked = data.conversations().ok_or_else(|| Problem::field("conversations", Fault::Malformed))?;
    if asked.len() > SYNC_MAX {
        return Err(Problem::field("conversations", Fault::TooLong { max: SYNC_MAX }));
    }
    let mut from = Vec::with_capacity(asked.len());
    for one in &asked {
        let written = required_text("conversationId", &one.conversation_id)?;
        let after = number("afterSeq", &one.after_seq)?.map_or(Seq::ZERO, Seq::new);
        from.push(SyncPlace { conversation: written.parse().ok(), written: written.to_owned(), after });
    }
    let limit = number("limit", &data.limit)?;
    if limit == Some(0) {
        return Err(Problem::field("limit", Fault::Malformed));
    }
    Ok(What::Sync { from, limit: limit.map(|n| u32::try_from(n).unwrap_or(u32::MAX)) })
}
