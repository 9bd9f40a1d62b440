//! The WebSocket half of a small client.

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::http::Http;

/// A connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What the server sends, as far as small clients care.
#[derive(Debug)]
pub enum Frame {
    /// A message of somebody, or of another device of mine.
    NewMessage(Value),
    /// Anything else: its type and data.
    Other(String, Value),
}

impl Socket {
    /// Connects; the token goes in a header, where no log sees it.
    ///
    /// # Errors
    /// The server is away or does not take the token.
    pub async fn connect(http: &Http, token: &str) -> anyhow::Result<Self> {
        let mut request = http.socket_url().into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        request.headers_mut().insert("accept-language", "en".parse()?);
        let (stream, _) = connect_async(request).await.context("can't connect")?;
        Ok(Self { stream })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, kind: &str, data: Value) -> anyhow::Result<()> {
        let frame = json!({"type": kind, "data": data}).to_string();
        Ok(self.stream.send(Message::text(frame)).await?)
    }

    /// The next frame; `None` when the server has closed. Cancel safe.
    ///
    /// # Errors
    /// The connection is gone, or what came is no frame.
    pub async fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        while let Some(message) = self.stream.next().await {
            let Message::Text(text) = message? else { continue };
            let mut frame: Value = serde_json::from_str(&text)?;
            let data = frame["data"].take();
            return Ok(Some(match frame["type"].as_str() {
                Some("new-message") => Frame::NewMessage(data["message"].clone()),
                other => Frame::Other(other.unwrap_or_default().to_owned(), data),
            }));
        }
        Ok(None)
    }
}
