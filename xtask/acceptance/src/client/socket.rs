//! A WebSocket session that remembers everything it saw.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Base;
use crate::json::Json;
use crate::world::fresh;

/// How long an expected frame may take on a busy test machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame of the server: `{"type", "data", "id"?}`.
pub type Frame = Value;

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code; none when the connection just ended.
    pub code: Option<u16>,
    /// The close reason.
    pub reason: String,
}

/// What the stored ack of a send says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The client's id of it.
    pub client_id: String,
    /// The server's id.
    pub message_id: String,
    /// Its place in the conversation.
    pub seq: i64,
}

/// What came of waiting a while.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Frame),
    /// Nothing in that time.
    Nothing,
    /// The session has ended.
    Closed,
}

/// One session.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    waiting: VecDeque<Frame>,
    /// Every frame so far, in order.
    pub seen: Vec<Frame>,
    /// When each of them came.
    pub seen_at: Vec<std::time::Instant>,
    /// The data of the `connected` frame.
    pub hello: Value,
    /// Payloads of protocol pongs so far.
    pub pongs: Vec<Vec<u8>>,
    closed: Option<Closed>,
}

impl Socket {
    /// Dials `path` beside `/api` (`/ws?token=…`) with these headers; a refusal gives its HTTP status.
    pub async fn dial(base: &Base, path: &str, headers: &[(&str, &str)]) -> Result<Result<Self, u16>> {
        let address = base.address().await?;
        let tcp = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        Self::over(tcp.connect(address).await?, base, path, headers).await
    }

    /// The same over a connection that is already there.
    pub async fn over(
        tcp: TcpStream,
        base: &Base,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Result<Self, u16>> {
        tcp.set_nodelay(true)?;
        let mut request = format!("ws://{}{}{path}", base.authority, base.prefix).into_client_request()?;
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes())?;
            request.headers_mut().insert(name, value.parse()?);
        }
        let upgrade = tokio_tungstenite::client_async(request, tcp);
        match tokio::time::timeout(PATIENCE, upgrade).await.context("no answer to the WebSocket upgrade")? {
            Ok((stream, _)) => Ok(Ok(Self {
                stream,
                waiting: VecDeque::new(),
                seen: Vec::new(),
                seen_at: Vec::new(),
                hello: Value::Null,
                pongs: Vec::new(),
                closed: None,
            })),
            Err(tungstenite::Error::Http(answer)) => Ok(Err(answer.status().as_u16())),
            Err(error) => Err(anyhow!(error).context(format!("WebSocket upgrade of {path}"))),
        }
    }

    /// Waits for `connected`, which is the first frame.
    pub async fn greeted(mut self) -> Result<Self> {
        let first = self.next().await?;
        same!(first.text("type")?, "connected", "the first frame to be `connected`, seen {first}");
        self.hello = first.at("data")?.clone();
        Ok(self)
    }

    /// This session's id.
    pub fn session(&self) -> Result<&str> {
        self.hello.text("sessionId")
    }

    /// Sends any WebSocket message.
    pub async fn put(&mut self, message: Message) -> Result<()> {
        tokio::time::timeout(PATIENCE, self.stream.send(message))
            .await
            .context("the socket takes nothing")??;
        Ok(())
    }

    /// Sends text as it is.
    pub async fn put_text(&mut self, text: &str) -> Result<()> {
        self.put(Message::text(text)).await
    }

    /// Sends `{"type", "data", "id"}` with a fresh id, and returns the id.
    pub async fn request(&mut self, kind: &str, data: Value) -> Result<String> {
        let id = fresh("r");
        self.put_text(&json!({"type": kind, "data": data, "id": id}).to_string()).await?;
        Ok(id)
    }

    /// The next frame, whatever it is.
    pub async fn next(&mut self) -> Result<Frame> {
        match self.next_or_close(Instant::now() + PATIENCE).await? {
            Some(frame) => Ok(frame),
            None => bail!("the socket closed: {:?}, last frames {}", self.closed, self.tail()),
        }
    }

    async fn next_or_close(&mut self, deadline: Instant) -> Result<Option<Frame>> {
        match self.waiting.pop_front() {
            Some(frame) => Ok(Some(frame)),
            None => self.read(deadline).await,
        }
    }

    /// Reads one frame from the wire; none when the session has ended.
    async fn read(&mut self, deadline: Instant) -> Result<Option<Frame>> {
        while self.closed.is_none() {
            let item = timeout_at(deadline, self.stream.next()).await.with_context(|| {
                format!("nothing more came within {PATIENCE:?}; last frames {}", self.tail())
            })?;
            match item {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value =
                        serde_json::from_str(&text).context("a frame is exactly one JSON object")?;
                    frame.text("type")?;
                    ensure!(frame.at("data").is_ok_and(Value::is_object), "`data` is an object in {frame}");
                    self.seen.push(frame.clone());
                    self.seen_at.push(std::time::Instant::now());
                    return Ok(Some(frame));
                }
                Some(Ok(Message::Pong(payload))) => self.pongs.push(payload.to_vec()),
                Some(Ok(Message::Binary(_))) => bail!("frames are text, seen a binary one"),
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map_or((None, String::new()), |f| (Some(u16::from(f.code)), f.reason.to_string()));
                    self.closed = Some(Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.closed = Some(Closed { code: None, reason: String::new() }),
            }
        }
        Ok(None)
    }

    /// The next frame that comes within `limit`.
    pub async fn within(&mut self, limit: Duration) -> Result<Next> {
        if let Some(frame) = self.waiting.pop_front() {
            return Ok(Next::Frame(frame));
        }
        match tokio::time::timeout(limit, self.read(Instant::now() + PATIENCE + limit)).await {
            Err(_) => Ok(Next::Nothing),
            Ok(read) => Ok(read?.map_or(Next::Closed, Next::Frame)),
        }
    }

    /// Waits for a frame of this type whose data fits; others stay for later calls.
    pub async fn expect(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<Frame> {
        let at = |frame: &Frame| frame["type"] == kind && fits(&frame["data"]);
        if let Some(index) = self.waiting.iter().position(&at) {
            return self.waiting.remove(index).context("the frame just found");
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let read = self.read(deadline).await.with_context(|| format!("waiting for `{kind}`"))?;
            let Some(frame) = read else {
                bail!(
                    "the socket closed ({:?}) before `{kind}` came; last frames {}",
                    self.closed,
                    self.tail()
                )
            };
            if at(&frame) {
                return Ok(frame);
            }
            self.waiting.push_back(frame);
        }
    }

    /// Waits for the answer to a request by its id.
    pub async fn answer(&mut self, kind: &str, id: &str) -> Result<Frame> {
        let deadline = Instant::now() + PATIENCE;
        let mut index = 0;
        loop {
            while index < self.waiting.len() {
                if self.waiting[index]["id"] == id {
                    let frame = self.waiting.remove(index).context("the frame just found")?;
                    same!(frame.text("type")?, kind, "the answer to {id} to be `{kind}`, seen {frame}");
                    return Ok(frame);
                }
                index += 1;
            }
            match self.read(deadline).await.with_context(|| format!("waiting for `{kind}` with id {id}"))? {
                Some(frame) => self.waiting.push_back(frame),
                None => bail!("the socket closed ({:?}) before `{kind}` came", self.closed),
            }
        }
    }

    /// Waits for a frame that fits; others stay for later calls.
    async fn first(&mut self, fits: impl Fn(&Frame) -> bool) -> Result<Frame> {
        if let Some(index) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(index).context("the frame just found");
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.read(deadline).await? {
                Some(frame) if fits(&frame) => return Ok(frame),
                Some(frame) => self.waiting.push_back(frame),
                None => bail!("the socket closed ({:?}); last frames {}", self.closed, self.tail()),
            }
        }
    }

    /// Sends a text, waits until it is stored, and gives its ids.
    pub async fn say(&mut self, conversation: &str, text: &str) -> Result<Stored> {
        self.say_as(conversation, text, &fresh("c")).await
    }

    /// The same with a client id of one's own.
    pub async fn say_as(&mut self, conversation: &str, text: &str, client_id: &str) -> Result<Stored> {
        self.begin(conversation, text, client_id).await?;
        self.stored(client_id).await
    }

    /// Sends a text without waiting.
    pub async fn begin(&mut self, conversation: &str, text: &str, client_id: &str) -> Result<String> {
        let data = json!({"conversationId": conversation, "content": text, "messageType": "text",
            "tempMessageId": client_id});
        self.request("send-message", data).await
    }

    /// Waits for the ack that says stored; an `error` for the same id fails.
    pub async fn stored(&mut self, client_id: &str) -> Result<Stored> {
        let about = |data: &Value| data["tempMessageId"] == client_id;
        let deadline = Instant::now() + PATIENCE;
        let mut held = VecDeque::new();
        let found = loop {
            let Some(frame) = self.next_or_close(deadline).await.context("waiting for the stored ack")?
            else {
                bail!("the socket closed ({:?}) before the ack of {client_id}", self.closed)
            };
            let kind = frame.text("type")?;
            if kind == "error" && about(&frame["data"]) {
                bail!("the send was refused: {frame}")
            } else if kind == "message-ack" && about(&frame["data"]) {
                if frame.text("data.status")? == "stored" {
                    break frame;
                }
                same!(frame.text("data.status")?, "accepted", "status accepted or stored");
            } else {
                held.push_back(frame);
            }
        };
        held.append(&mut self.waiting);
        self.waiting = held;
        same!(found.text("data.clientMsgId")?, client_id, "clientMsgId in the ack");
        crate::shape::time(&found, "data.sendTime")?;
        Ok(Stored {
            client_id: client_id.to_owned(),
            message_id: found.text("data.messageId")?.to_owned(),
            seq: found.int("data.seq")?,
        })
    }

    /// Waits for the message with this text.
    pub async fn hears(&mut self, text: &str) -> Result<Frame> {
        self.expect("new-message", |data| data["message"]["content"] == text)
            .await
            .with_context(|| format!("new-message with {text:?}"))
    }

    /// Sends a bad or refused frame and waits for its `error`, whose code is asserted. A send may be accepted before the rules
    /// refuse it: accepted says that it is on its way, and no more.
    pub async fn refused(&mut self, kind: &str, data: Value, code: &str) -> Result<Frame> {
        let shown = format!("{kind} {data}");
        let id = self.request(kind, data).await?;
        let about = |frame: &Frame| {
            frame["id"] == id.as_str()
                && !(frame["type"] == "message-ack" && frame["data"]["status"] == "accepted")
        };
        let frame = self.first(about).await.with_context(|| shown.clone())?;
        same!(frame.text("type")?, "error", "the answer to {shown} to be `error`, seen {frame}");
        same!(frame.text("data.code")?, code, "the code of {shown}, seen {frame}");
        frame.text("data.message")?;
        Ok(frame)
    }

    /// Waits for the answer to a `ping`, so that all the server did for this session before is here.
    pub async fn settle(&mut self) -> Result<()> {
        let id = self.request("ping", json!({})).await?;
        self.answer("pong", &id).await?;
        Ok(())
    }

    /// Fails if a frame of this type with fitting data was ever seen.
    pub fn never(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<()> {
        match self.seen.iter().find(|f| f["type"] == kind && fits(&f["data"])) {
            Some(frame) => bail!("this frame must not come here: {frame}"),
            None => Ok(()),
        }
    }

    /// How many such frames were seen.
    pub fn count(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> usize {
        self.seen.iter().filter(|f| f["type"] == kind && fits(&f["data"])).count()
    }

    /// The messages of a conversation that came live, in the order they came.
    pub fn heard(&self, conversation: &str) -> Vec<Value> {
        let of = |f: &&Frame| f["type"] == "new-message" && f["data"]["conversationId"] == conversation;
        self.seen.iter().filter(of).map(|f| f["data"]["message"].clone()).collect()
    }

    /// Reads until the session ends.
    pub async fn ends(&mut self) -> Result<Closed> {
        self.ends_within(PATIENCE).await
    }

    /// The same with another limit.
    pub async fn ends_within(&mut self, limit: Duration) -> Result<Closed> {
        let deadline = Instant::now() + limit;
        while let Some(frame) = self.read(deadline).await.context("waiting for the close")? {
            self.waiting.push_back(frame);
        }
        self.closed.clone().context("closed")
    }

    /// Ends by the closing handshake, and gives what the server answered.
    pub async fn close(mut self) -> Result<Closed> {
        self.stream.close(None).await?;
        self.ends().await
    }

    /// The connection itself, for what a session would not do.
    pub fn tcp(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }

    fn tail(&self) -> String {
        let last: Vec<String> =
            self.seen.iter().rev().take(6).map(|f| f.to_string().chars().take(300).collect()).collect();
        format!("{last:#?}")
    }
}
