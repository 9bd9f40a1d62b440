//! kill -9 under load, again and again on one data folder.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;

use super::server::Home;
use crate::Outcome;
use crate::cases::walk::Walk;
use crate::client::Socket;
use crate::history::{History, Seen, Sent, Session};
use crate::json::Json;
use crate::user::User;
use crate::world::{World, fresh};

cases! { "process";
    "kill -9 under load and restart, 20 times: every stored message is there once and in order" => twenty_kills_lose_nothing,
    "a retry with the same id after a crash gets the first ids" => retries_after_a_crash_get_the_first_ids,
    "kill -9 under HTTP load: what 201 said is there" => a_kill_keeps_what_http_said,
    "whatever was answered is there after kill -9: lists, unread counts, history, sync" => a_walk_survives_kills,
    "kill -9 while groups and friends are made: what was answered is there" => a_kill_keeps_friends_and_groups,
}

const ROUNDS: usize = 20;

/// Begins several sends at a time until the connection breaks. Unacknowledged ones come back too.
async fn load(
    user: &User,
    to: &str,
    session: usize,
    retry: Vec<Sent>,
) -> Result<(Vec<Sent>, Option<Socket>)> {
    // Killed before it could connect: all is to be tried again.
    let Ok(mut socket) = user.connect().await else { return Ok((retry, None)) };
    let mut waiting: Vec<Sent> = Vec::new();
    let mut done = Vec::new();
    for old in retry {
        // A client that got no answer sends the same again.
        if socket.begin(to, &old.content, &old.client_id).await.is_err() {
            done.push(old);
            continue;
        }
        waiting.push(Sent { session: None, ..old });
    }
    'round: for n in 0.. {
        while waiting.len() < 8 {
            let (text, id) = (format!("{} {session} {n} 字", user.name), fresh("c"));
            let one = Sent::new(user, Some(session), to, &text, &id);
            let begun = socket.begin(to, &text, &id).await;
            waiting.push(one);
            if begun.is_err() {
                break 'round;
            }
        }
        let first = waiting.remove(0);
        match socket.stored(&first.client_id).await {
            Ok(stored) => done.push(first.told(&stored)),
            Err(_closed) => {
                done.push(first);
                break;
            }
        }
    }
    // Acks that came before the break may still wait in the buffer.
    for one in waiting {
        let told = socket.stored(&one.client_id).await;
        done.push(match told {
            Ok(stored) => one.told(&stored),
            Err(_closed) => one,
        });
    }
    Ok((done, Some(socket)))
}

/// A reader that has everything up to some sequence: fetches, then listens until the connection breaks.
async fn follow(user: &User, room: &str, has: i64, start: Instant) -> Result<(i64, Session)> {
    let Ok(mut socket) = user.connect().await else {
        return Ok((has, Session { user: user.id.clone(), ..Session::default() }));
    };
    let mut synced = Vec::new();
    let mut after = has;
    loop {
        let path = format!("/conversations/{room}/messages?afterSeq={after}&limit=100");
        let Ok(reply) = user.get(&path).await else { break };
        for message in reply.ok(200)?.list("")? {
            synced.push(Seen::of(message)?);
        }
        after = reply.json.int("pagination.nextSeq")?;
        if !reply.json.flag("pagination.hasMore")? {
            break;
        }
    }
    socket.ends_within(Duration::from_secs(30)).await?;
    let mut session = Session::of(user, &socket, &[room], start)?;
    session.synced = synced;
    let mut has = session.synced.last().map_or(has, |seen| seen.seq);
    for (_, seen) in &session.live {
        if seen.seq > has {
            ensure!(seen.seq == has + 1, "live seq {} after {has}: a hole between sync and live", seen.seq);
            has = seen.seq;
        }
    }
    Ok((has, session))
}

async fn twenty_kills_lose_nothing(_: World) -> Outcome {
    let home = Home::new()?;
    let settings = ["limits.sends_per_second=0"];
    let mut server = home.start(&settings).await?;
    let users = server.world.users(5).await?;
    let members: Vec<&User> = users[1..].iter().collect();
    let room = users[0].group(&members).await?.conversation;
    let start = Instant::now();
    let mut history = History::default();
    history.is_in(&room, &users.iter().collect::<Vec<_>>());
    let mut open: Vec<Vec<Sent>> = vec![Vec::new(); 4];
    let mut merged = Session { user: users[4].id.clone(), ..Session::default() };
    let mut has = 0;
    for round in 0..ROUNDS {
        let head = users[4].at(&server.world).conversation(&room).await?.int("lastSeq")?;
        let now: Vec<User> = users.iter().map(|user| user.at(&server.world)).collect();
        let loads = now[..4]
            .iter()
            .zip(std::mem::replace(&mut open, vec![Vec::new(); 4]))
            .enumerate()
            .map(|(n, (user, retry))| load(user, &room, round * 4 + n, retry));
        let kill = async {
            // Any moment will do, and another in each round.
            tokio::time::sleep(Duration::from_millis(120 + 37 * (round as u64 % 9))).await;
            server.kill().await
        };
        let (loaded, followed, ()) =
            tokio::try_join!(try_join_all(loads), follow(&now[4], &room, has, start), kill)
                .with_context(|| format!("round {round}"))?;
        for ((sent, socket), user) in loaded.into_iter().zip(&now) {
            let (told, untold): (Vec<_>, Vec<_>) = sent.into_iter().partition(|one| !one.told.is_empty());
            history.sent.extend(told);
            open[now.iter().position(|u| u.id == user.id).context("one of ours")?] = untold;
            let session = socket.map(|socket| Session::of(user, &socket, &[&room], start)).transpose()?;
            let mut session =
                session.unwrap_or_else(|| Session { user: user.id.clone(), ..Session::default() });
            session.old_until.insert(room.clone(), head);
            history.sessions.push(session);
        }
        has = followed.0;
        merged.synced.extend(followed.1.live.iter().map(|(_, seen)| seen.clone()).chain(followed.1.synced));
        server = home.start(&settings).await.with_context(|| format!("after kill {round}"))?;
    }
    history.sent.extend(open.into_iter().flatten());
    for user in &users {
        history.read_end(&user.at(&server.world), &room, 0).await?;
    }
    let reader = users[4].at(&server.world);
    let path = format!("/conversations/{room}/messages?afterSeq={has}&limit=100");
    for message in reader.get(&path).await?.ok(200)?.list("")? {
        merged.synced.push(Seen::of(message)?);
    }
    history.sessions.push(merged.complete(&room, 0));
    ensure!(history.sent.len() > 20 * ROUNDS, "load enough: {} sends", history.sent.len());
    history.check()
}

async fn retries_after_a_crash_get_the_first_ids(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let mut a = alice.connect().await?;
    let mut first = Vec::new();
    for n in 0..20 {
        first.push(a.say(&chat, &format!("m {n}")).await?);
    }
    server.kill().await?;
    let server = home.start(&[]).await?;
    let (alice, bob) = (alice.at(&server.world), bob.at(&server.world));
    let mut a = alice.connect().await?;
    for (n, stored) in first.iter().enumerate() {
        same!(
            a.say_as(&chat, &format!("m {n}"), &stored.client_id).await?,
            *stored,
            "the first ids after a crash"
        );
    }
    let next = a.say(&chat, "next").await?;
    same!(next.seq, 21, "the next sequence");
    same!(bob.history(&chat).await?.len(), 21, "no doubles");
    Ok(())
}

async fn a_kill_keeps_what_http_said(_: World) -> Outcome {
    let home = Home::new()?;
    let settings = ["limits.sends_per_second=0"];
    let server = home.start(&settings).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let sends = async {
        let mut sent = Vec::new();
        while let Ok(message) = alice.say(&chat, &format!("m {}", sent.len())).await {
            sent.push(message);
        }
        Ok::<_, anyhow::Error>(sent)
    };
    let kill = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        server.kill().await
    };
    let (sent, ()) = tokio::try_join!(sends, kill)?;
    let server = home.start(&settings).await?;
    let kept = bob.at(&server.world).whole_history(&chat).await?;
    ensure!(kept.len() >= sent.len(), "{} were answered with 201, {} are there", sent.len(), kept.len());
    same!(kept[..sent.len()], sent[..], "each as it was answered");
    Ok(())
}

async fn a_kill_keeps_friends_and_groups(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let (alice, bob) = server.world.two().await?;
    alice.befriend(&bob).await?;
    let group = alice.group(&[&bob]).await?;
    alice.put("/users/profile", serde_json::json!({"nickname": "kept"})).await?.ok(200)?;
    let fresh_user = server.world.user().await?;
    server.kill().await?;
    let server = home.start(&[]).await?;
    let (alice, bob) = (alice.at(&server.world), bob.at(&server.world));
    same!(bob.get("/friends").await?.ok(200)?.each("userId")?, vec![alice.id.clone()], "the friend");
    bob.get(&format!("/groups/{}", group.id)).await?.ok(200)?;
    same!(alice.get("/users/info").await?.ok(200)?.text("nickname")?, "kept", "the nickname");
    fresh_user.at(&server.world).login_again().await?;
    Ok(())
}

async fn a_walk_survives_kills(_: World) -> Outcome {
    let home = Home::new()?;
    let settings = ["limits.sends_per_second=0"];
    let mut server = home.start(&settings).await?;
    let mut walk = Walk::start(&server.world).await?;
    for round in 0..10 {
        walk.steps(15).await?;
        server.kill().await?;
        server = home.start(&settings).await?;
        walk.reconnect(&server.world).await?;
        walk.check().await.with_context(|| format!("after kill {round}"))?;
    }
    Ok(())
}
