//! Bytes that are no HTTP and no WebSocket, and heads without end.

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Outcome;
use crate::client::raw;
use crate::world::World;

cases! { "hostile";
    "a million random bytes at the HTTP decoder" => a_million_random_bytes_at_http,
    "a million random bytes at the WebSocket decoder" => a_million_random_bytes_at_the_websocket,
    "random frames with right headers at the WebSocket decoder" => random_frames_at_the_websocket,
    "oversized headers: an error, not memory" => oversized_headers_are_refused,
    "oversized request lines and header counts" => endless_heads_are_refused,
    "HTTP that smuggles: two lengths, length and chunks" => smuggling_is_refused,
    "frames that announce more than they may: closed at once" => announced_lengths_take_no_memory,
    "frames without a mask, reserved bits, reserved opcodes" => frames_against_the_protocol_close,
}

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// Writes while reading and throwing away, until the peer closes or all is written.
async fn pour(tcp: tokio::net::TcpStream, bytes: &[u8]) -> Result<()> {
    let (mut reader, mut writer) = tcp.into_split();
    let read = async {
        let mut chunk = [0u8; 4096];
        while reader.read(&mut chunk).await.is_ok_and(|n| n > 0) {}
    };
    let write = async {
        let _closed = writer.write_all(bytes).await;
        let _closed = writer.shutdown().await;
    };
    let both = async { tokio::join!(read, write) };
    tokio::time::timeout(std::time::Duration::from_secs(60), both).await?;
    Ok(())
}

async fn a_million_random_bytes_at_http(t: World) -> Outcome {
    for _ in 0..20 {
        pour(raw::open(t.base()).await?, &random(50_000)).await?;
    }
    t.healthy().await
}

async fn a_million_random_bytes_at_the_websocket(t: World) -> Outcome {
    let alice = t.user().await?;
    for _ in 0..20 {
        pour(raw::websocket(t.base(), &alice.token).await?, &random(50_000)).await?;
    }
    t.healthy().await
}

async fn random_frames_at_the_websocket(t: World) -> Outcome {
    let alice = t.user().await?;
    for _ in 0..20 {
        let mut bytes = Vec::new();
        while bytes.len() < 50_000 {
            let noise = random(120);
            let len = noise[0] % 100;
            // Final or not, any data or control opcode, masked, a short payload.
            bytes.extend([noise[1] & 0x8f, 0x80 | len, 1, 2, 3, 4]);
            bytes.extend(&noise[2..2 + usize::from(len)]);
        }
        pour(raw::websocket(t.base(), &alice.token).await?, &bytes).await?;
    }
    t.healthy().await
}

async fn oversized_headers_are_refused(t: World) -> Outcome {
    for size in [100_000, 2_000_000] {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: {}\r\n\r\n", "a".repeat(size));
        let answer = raw::exchange(t.base(), head.as_bytes()).await?;
        let status = raw::status(&answer);
        ensure!(
            status == 0 || (400..500).contains(&status),
            "a header of {size} bytes is refused, seen {status}"
        );
    }
    t.healthy().await
}

async fn endless_heads_are_refused(t: World) -> Outcome {
    let line = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1_000_000));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X-Many: 1\r\n".repeat(50_000));
    for head in [line, many] {
        let status = raw::status(&raw::exchange(t.base(), head.as_bytes()).await?);
        ensure!(status == 0 || (400..500).contains(&status), "a head without end is refused, seen {status}");
    }
    t.healthy().await
}

async fn smuggling_is_refused(t: World) -> Outcome {
    let heads = [
        "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "\r\n\r\n\r\n\u{0}\r\n\r\n",
    ];
    for head in heads {
        let status = raw::status(&raw::exchange(t.base(), head.as_bytes()).await?);
        ensure!(status == 0 || (400..=505).contains(&status), "{head:?} is refused, seen {status}");
    }
    t.healthy().await
}

async fn announced_lengths_take_no_memory(t: World) -> Outcome {
    let alice = t.user().await?;
    for length in [1u64 << 20, 1 << 40, u64::MAX >> 1, u64::MAX] {
        let mut tcp = raw::websocket(t.base(), &alice.token).await?;
        let mut head = vec![0x81, 0xff];
        head.extend(length.to_be_bytes());
        head.extend([1, 2, 3, 4]);
        tcp.write_all(&head).await?;
        let closed = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            let mut chunk = [0u8; 4096];
            while tcp.read(&mut chunk).await.is_ok_and(|n| n > 0) {}
        });
        ensure!(closed.await.is_ok(), "a frame that announces {length} bytes is closed, not waited for");
    }
    t.healthy().await
}

async fn frames_against_the_protocol_close(t: World) -> Outcome {
    let alice = t.user().await?;
    let wrong: [&[u8]; 6] = [
        &[0x81, 0x02, b'h', b'i'],
        &[0xf1, 0x82, 0, 0, 0, 0, b'h', b'i'],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x8f, 0x80, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
    ];
    for bytes in wrong {
        let mut tcp = raw::websocket(t.base(), &alice.token).await?;
        tcp.write_all(bytes).await?;
        let closed = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            let mut chunk = [0u8; 4096];
            while tcp.read(&mut chunk).await.is_ok_and(|n| n > 0) {}
        });
        ensure!(closed.await.is_ok(), "{bytes:02x?} is against the protocol and closes the session");
    }
    t.healthy().await
}
