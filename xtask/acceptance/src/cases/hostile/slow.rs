//! Clients that don't read, don't write on, or are gone without a word.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::Outcome;
use crate::client::{Socket, raw};
use crate::user::User;
use crate::world::{World, fresh};

cases! { "hostile";
    "4000 too slow: a reader that stops is cut off, others are not held up, sync gives it all" => a_slow_reader_is_cut_off,
    "half-open sockets hold nobody up" => half_open_sockets_hold_nobody_up,
    "slowloris: heads that come a byte at a time hold nobody up and end" => slow_heads_end,
    "bodies that never come hold nobody up and end" => bodies_that_never_come_end,
    "a frame that is never finished holds nobody up" => unfinished_frames_hold_nobody_up,
}

/// A session whose receive buffer is as small as the system allows.
async fn narrow(t: &World, user: &User) -> Result<Socket> {
    let address = t.base().address().await?;
    let tcp = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    tcp.set_recv_buffer_size(4096)?;
    let stream = tcp.connect(address).await?;
    let dialled = Socket::over(stream, t.base(), &format!("/ws?token={}", user.token), &[]).await?;
    dialled.map_err(|status| anyhow::anyhow!("refused with {status}"))?.greeted().await
}

async fn a_slow_reader_is_cut_off(t: World) -> Outcome {
    let senders = t.users(6).await?;
    let (slow, quick) = t.two().await?;
    let mut all: Vec<&User> = senders.iter().collect();
    all.push(&quick);
    let group = slow.group(&all).await?;
    let mut stuck = narrow(&t, &slow).await?;
    let mut reader = quick.connect().await?;
    let mut sockets = try_join_all(senders.iter().map(User::connect)).await?;
    let big = "x".repeat(4900);
    // Six senders stay below their limits; together they fill what buffers there are.
    let sends = sockets.iter_mut().map(|socket| {
        let (to, big) = (&group.conversation, &big);
        async move {
            for n in 0..600 {
                let client_id = fresh("c");
                socket.begin(to, &format!("{n} {big}"), &client_id).await?;
                if socket.stored(&client_id).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
            Ok::<_, anyhow::Error>(())
        }
    });
    let listen = async {
        let mut longest = Duration::ZERO;
        let mut last = Instant::now();
        for _ in 0..500 {
            reader.expect("new-message", |_| true).await?;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        Ok::<_, anyhow::Error>(longest)
    };
    let longest = tokio::select! {
        longest = listen => longest.context("a member who reads")?,
        done = try_join_all(sends) => { done?; Duration::ZERO }
    };
    ensure!(longest < Duration::from_secs(5), "others were held up for {longest:?} by one who does not read");
    drop(sockets);
    let closed = cut(&senders, &group.conversation, &big, &mut stuck).await?;
    ensure!(closed.code == Some(4000) || closed.code.is_none(), "4000 too slow, seen {closed:?}");
    let seqs: Vec<_> =
        slow.whole_history(&group.conversation).await?.iter().filter_map(|m| m["seq"].as_i64()).collect();
    crate::shape::contiguous(&seqs)?;
    t.healthy().await
}

/// Goes on sending over HTTP until the stuck session has been cut, which its connection shows once it is read.
async fn cut(senders: &[User], to: &str, big: &str, stuck: &mut Socket) -> Result<crate::client::Closed> {
    let deadline = Instant::now() + Duration::from_secs(90);
    // Fill for a while without reading, at the rate that the limits allow.
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let posts = senders.iter().map(|user| {
            user.post("/messages", json!({"conversationId": to, "content": big, "clientMsgId": fresh("c")}))
        });
        try_join_all(posts).await?;
    }
    stuck.ends_within(deadline - Instant::now()).await.context("the slow reader was never cut off")
}

async fn half_open_sockets_hold_nobody_up(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut dead = Vec::new();
    for _ in 0..30 {
        // Upgraded, then silent: no pong, no read, no close.
        dead.push(raw::websocket(t.base(), &bob.token).await?);
        // Connected, and never a byte.
        dead.push(raw::open(t.base()).await?);
    }
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    for n in 0..20 {
        let started = Instant::now();
        a.say(&chat, &format!("m {n}")).await?;
        b.hears(&format!("m {n}")).await?;
        ensure!(started.elapsed() < Duration::from_secs(5), "a message took {:?}", started.elapsed());
    }
    drop(dead);
    t.healthy().await
}

/// Waits until the server closes; how long that may take is no word of the contract, so a minute and a half.
async fn is_closed(tcp: &mut tokio::net::TcpStream) -> bool {
    let mut chunk = [0u8; 4096];
    let read = async { while tcp.read(&mut chunk).await.is_ok_and(|n| n > 0) {} };
    tokio::time::timeout(Duration::from_secs(90), read).await.is_ok()
}

async fn slow_heads_end(t: World) -> Outcome {
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut tcp = raw::open(t.base()).await?;
        tcp.write_all(b"GET /healthz HTTP/1.1\r\nHo").await?;
        slow.push(tcp);
    }
    t.healthy().await?;
    for tcp in &mut slow {
        let _late = tcp.write_all(b"s").await;
    }
    for tcp in &mut slow {
        ensure!(is_closed(tcp).await, "a head that is never finished is closed in the end");
    }
    t.healthy().await
}

async fn bodies_that_never_come_end(t: World) -> Outcome {
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut tcp = raw::open(t.base()).await?;
        let head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{";
        tcp.write_all(head.as_bytes()).await?;
        slow.push(tcp);
    }
    t.healthy().await?;
    for tcp in &mut slow {
        ensure!(is_closed(tcp).await, "a body that never comes is answered or closed in the end");
    }
    t.healthy().await
}

async fn unfinished_frames_hold_nobody_up(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut b = bob.connect().await?;
    b.tcp().write_all(&[0x81, 0xfe, 0x40, 0x00, 1, 2, 3, 4, b'{']).await?;
    let (mut a, mut other) = (alice.connect().await?, bob.connect().await?);
    a.say(&chat, "on it goes").await?;
    other.hears("on it goes").await?;
    b.hears("on it goes").await?;
    t.healthy().await
}
