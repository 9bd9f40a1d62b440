//! Bytes on a TCP connection, for requests that no proper client would make.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Base;

const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a connection.
pub async fn open(base: &Base) -> Result<TcpStream> {
    Ok(TcpStream::connect(base.address().await?).await?)
}

/// Writes `bytes` as far as the server takes them, and reads what it answers until it closes or has answered a head.
pub async fn exchange(base: &Base, bytes: &[u8]) -> Result<String> {
    let mut tcp = open(base).await?;
    let (mut reader, mut writer) = tcp.split();
    let write = async {
        let _cut = writer.write_all(bytes).await;
    };
    let read = answer(&mut reader);
    let (_, answered) = tokio::time::timeout(PATIENCE, async { tokio::join!(write, read) })
        .await
        .context("no answer on a raw connection")?;
    Ok(answered)
}

/// Reads one answer: the head, and the body as far as `content-length` says. A closed connection ends it.
pub async fn answer(reader: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut all = Vec::new();
    let mut chunk = [0u8; 4096];
    loop {
        match reader.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(n) => all.extend_from_slice(&chunk[..n]),
        }
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok());
            if length.is_none_or(|length| body.len() >= length) {
                break;
            }
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The status of a raw answer; 0 when there is none.
pub fn status(answer: &str) -> u16 {
    answer.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// An upgrade by hand; afterwards the bytes are the caller's.
pub async fn websocket(base: &Base, token: &str) -> Result<TcpStream> {
    let mut tcp = open(base).await?;
    let head = format!(
        "GET {}/ws?token={token} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        base.prefix, base.authority
    );
    tcp.write_all(head.as_bytes()).await?;
    let head = tokio::time::timeout(PATIENCE, answer(&mut tcp)).await.context("no answer to the upgrade")?;
    anyhow::ensure!(status(&head) == 101, "101 expected: {head}");
    Ok(tcp)
}
