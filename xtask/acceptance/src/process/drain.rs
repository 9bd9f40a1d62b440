//! Stopping: clients are told, nothing that was acknowledged is lost, the exit code is 0.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use rustix::process::Signal;

use super::server::Home;
use crate::Outcome;
use crate::client::raw;
use crate::history::{History, Sent};
use crate::json::Json;
use crate::user::User;
use crate::world::{World, fresh};

cases! { "process";
    "SIGTERM drains: error with retryAfterMs, close 1012, exit code 0" => sigterm_drains,
    "Ctrl-C drains as well" => ctrl_c_drains,
    "a different retryAfterMs for each client" => clients_come_back_at_different_times,
    "draining under load: every message acknowledged as stored is kept" => draining_loses_nothing,
    "the second signal exits at once" => the_second_signal_exits_at_once,
    "a client that reads nothing does not keep the server from ending" => a_stuck_client_does_not_hold_the_end,
}

async fn drains(signal: Signal) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    a.say(&chat, "before").await?;
    server.signal(signal)?;
    for socket in [&mut a, &mut b] {
        let frame = socket.expect("error", |d| d.get("retryAfterMs").is_some()).await?;
        ensure!(frame.int("data.retryAfterMs")? >= 0, "retryAfterMs in {frame}");
        same!(socket.ends().await?.code, Some(1012), "the close code");
    }
    let ended = server.ended().await?;
    same!(ended.status.code(), Some(0), "the exit code, output:\n{}", ended.output);
    Ok(())
}

async fn sigterm_drains(_: World) -> Outcome {
    drains(Signal::TERM).await
}

async fn ctrl_c_drains(_: World) -> Outcome {
    drains(Signal::INT).await
}

async fn clients_come_back_at_different_times(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let users = server.world.users(12).await?;
    let mut sockets = try_join_all(users.iter().map(User::connect)).await?;
    server.signal(Signal::TERM)?;
    let mut times = HashSet::new();
    for socket in &mut sockets {
        let frame = socket.expect("error", |d| d.get("retryAfterMs").is_some()).await?;
        times.insert(frame.int("data.retryAfterMs")?);
    }
    ensure!(times.len() >= 10, "12 clients are spread, seen {times:?}");
    Ok(())
}

/// Sends until the session ends; gives what was told.
pub(super) async fn send_until_closed(user: &User, to: &str, session: usize) -> Result<Vec<Sent>> {
    let mut sent = Vec::new();
    let Ok(mut socket) = user.connect().await else { return Ok(sent) };
    for n in 0.. {
        let (text, id) = (format!("{} {n}", user.name), fresh("c"));
        if socket.begin(to, &text, &id).await.is_err() {
            break;
        }
        let one = Sent::new(user, Some(session), to, &text, &id);
        match socket.stored(&id).await {
            Ok(stored) => sent.push(one.told(&stored)),
            Err(_refused_or_closed) => {
                sent.push(one);
                break;
            }
        }
    }
    Ok(sent)
}

async fn draining_loses_nothing(_: World) -> Outcome {
    let home = Home::new()?;
    let settings = ["limits.sends_per_second=0"];
    let server = home.start(&settings).await?;
    let users = server.world.users(8).await?;
    let members: Vec<&User> = users[1..].iter().collect();
    let room = users[0].group(&members).await?.conversation;
    let sends = try_join_all(users.iter().enumerate().map(|(n, user)| send_until_closed(user, &room, n)));
    let stop = async {
        // Load for a moment; what moment does not matter.
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.signal(Signal::TERM)?;
        server.ended().await
    };
    let (sent, ended) = tokio::try_join!(sends, stop)?;
    same!(ended.status.code(), Some(0), "the exit code, output:\n{}", ended.output);
    let server = home.start(&settings).await?;
    let mut history = History { sent: sent.into_iter().flatten().collect(), ..History::default() };
    ensure!(history.sent.len() > 50, "load enough: {}", history.sent.len());
    history.is_in(&room, &users.iter().collect::<Vec<_>>());
    for user in &users {
        history.read_end(&user.at(&server.world), &room, 0).await?;
    }
    history.check()
}

async fn the_second_signal_exits_at_once(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["server.shutdown_grace=60s"]).await?;
    let alice = server.world.user().await?;
    // Upgraded, and then never answering the close.
    let stuck = raw::websocket(server.world.base(), &alice.token).await?;
    let mut told = alice.connect().await?;
    server.signal(Signal::TERM)?;
    told.expect("error", |d| d.get("retryAfterMs").is_some()).await?;
    let asked = Instant::now();
    server.signal(Signal::TERM)?;
    server.ended().await?;
    ensure!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    drop(stuck);
    Ok(())
}

async fn a_stuck_client_does_not_hold_the_end(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["server.shutdown_grace=10s"]).await?;
    let alice = server.world.user().await?;
    let stuck = raw::websocket(server.world.base(), &alice.token).await?;
    let idle = raw::open(server.world.base()).await?;
    server.signal(Signal::TERM)?;
    let asked = Instant::now();
    let ended = server.ended().await?;
    ensure!(asked.elapsed() < Duration::from_secs(12), "it took {:?}", asked.elapsed());
    same!(ended.status.code(), Some(0), "the exit code, output:\n{}", ended.output);
    drop((stuck, idle));
    Ok(())
}
