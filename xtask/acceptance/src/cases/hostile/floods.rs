//! More of everything than anybody needs.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::json;

use crate::Outcome;
use crate::client::raw;
use crate::json::Json;
use crate::world::{World, fresh};

cases! { "hostile";
    "1,000 connects and disconnects a second for some seconds, the server still healthy" => a_thousand_connects_a_second,
    "upgrades and disconnects as fast as they go" => sessions_come_and_go,
    "connections dropped in the middle of a request" => dropped_requests_leave_nothing,
    "a storm of wrong logins does not stall messages" => a_login_storm_stalls_nobody,
    "one user's flood is limited, others are not held up" => a_flood_is_limited,
}

async fn a_thousand_connects_a_second(t: World) -> Outcome {
    let address = t.base().address().await?;
    let (mut made, start) = (0u32, Instant::now());
    while start.elapsed() < Duration::from_secs(4) {
        let some = (0..50).map(|_| tokio::net::TcpStream::connect(address));
        made += u32::try_from(join_all(some).await.into_iter().filter(Result::is_ok).count())?;
        let due = Duration::from_millis(u64::from(made));
        tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
    }
    ensure!(made >= 2000, "only {made} connects in {:?}", start.elapsed());
    t.healthy().await
}

async fn sessions_come_and_go(t: World) -> Outcome {
    let alice = t.user().await?;
    let start = Instant::now();
    let mut made = 0;
    while start.elapsed() < Duration::from_secs(4) {
        let some = (0..20).map(|_| raw::websocket(t.base(), &alice.token));
        made += join_all(some).await.into_iter().filter(Result::is_ok).count();
    }
    ensure!(made >= 200, "only {made} sessions in {:?}", start.elapsed());
    t.healthy().await
}

async fn dropped_requests_leave_nothing(t: World) -> Outcome {
    use tokio::io::AsyncWriteExt;
    let (alice, bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "cut off", "clientMsgId": fresh("c")}).to_string();
    let head = format!(
        "POST {}/api/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        t.base().prefix,
        t.base().authority,
        alice.token,
        body.len()
    );
    for cut in (0..head.len()).step_by(7).chain([head.len(); 20]) {
        let mut tcp = raw::open(t.base()).await?;
        tcp.write_all(&head.as_bytes()[..cut]).await?;
    }
    // The whole one was sent twenty times with one client id: it is there once or not at all.
    alice.say(&chat, "marker").await?;
    let contents = bob.contents(&chat).await?;
    ensure!(contents.iter().filter(|c| *c == "cut off").count() <= 1, "doubled: {contents:?}");
    t.healthy().await
}

async fn a_login_storm_stalls_nobody(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let storm = join_all((0..60).map(|_| {
        let body = json!({"username": fresh("nobody_"), "password": "wrong password"});
        t.call("POST", "/auth/login").json(&body).send()
    }));
    let chatter = async {
        let mut longest = Duration::ZERO;
        for n in 0..30 {
            let started = Instant::now();
            a.say(&chat, &format!("m {n}")).await?;
            b.hears(&format!("m {n}")).await?;
            longest = longest.max(started.elapsed());
        }
        Ok::<_, anyhow::Error>(longest)
    };
    let (answers, longest) = tokio::join!(storm, chatter);
    let longest = longest?;
    ensure!(longest < Duration::from_secs(2), "a message took {longest:?} during a storm of logins");
    for answer in answers {
        let answer = answer?;
        let status = answer.status.as_u16();
        ensure!([401, 429, 503].contains(&status), "401, 429 or 503{}", answer.shown());
    }
    t.healthy().await
}

async fn a_flood_is_limited(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (ann, ben, other) = t.two_friends().await?;
    let mut flood = alice.connect().await?;
    let (mut a, mut b) = (ann.connect().await?, ben.connect().await?);
    for _ in 0..2000 {
        flood.begin(&chat, "flood", &fresh("c")).await?;
    }
    let started = Instant::now();
    a.say(&other, "quick").await?;
    b.hears("quick").await?;
    ensure!(started.elapsed() < Duration::from_secs(3), "another's message took {:?}", started.elapsed());
    flood.expect("error", |d| d["code"] == "RATE_LIMITED").await?;
    let stored = bob.conversation(&chat).await?.int("lastSeq")?;
    ensure!(stored < 1000, "{stored} of 2,000 were stored: burst 100, 20 a second");
    t.healthy().await
}
