//! Order and density under many senders, proved by the history checker.

use std::time::Instant;

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::Outcome;
use crate::client::Socket;
use crate::history::{History, Probe, Sent, Session};
use crate::json::Json;
use crate::user::User;
use crate::world::{World, fresh};

cases! { "order";
    "sequences are dense; every member sees the same order: 20 senders x 50 messages in one group" => twenty_senders_make_one_order,
    "two in a single chat, both sending as fast as they may" => two_senders_in_a_chat,
    "HTTP and socket senders mixed in one group" => http_and_socket_senders_mixed,
    "each message sent twice, at once from two sessions: stored once" => every_send_doubled_is_stored_once,
    "conversations don't mix: ten groups of the same people at once" => conversations_do_not_mix,
    "the world in order, by everyone" => the_world_is_in_order,
}

/// Sends `count` texts over a session, some in flight, and gives what was sent.
async fn send_all(
    user: &User,
    socket: &mut Socket,
    session: usize,
    to: &str,
    count: usize,
) -> Result<Vec<Sent>> {
    let mut sent = Vec::new();
    let mut begun = Vec::new();
    for n in 0..count {
        let text = format!("{} {n} {}", user.name, ["plain", "汉字", "😀", "مرحبا"][n % 4]);
        let client_id = fresh("c");
        socket.begin(to, &text, &client_id).await?;
        begun.push(Sent::new(user, Some(session), to, &text, &client_id));
        if begun.len() == 5 || n + 1 == count {
            for one in begun.drain(..) {
                let stored = socket.stored(&one.client_id).await?;
                sent.push(one.told(&stored));
            }
        }
    }
    Ok(sent)
}

/// Reads on until the session has seen everything of the conversation that it has to.
async fn catch_up(user: &User, socket: &mut Socket, to: &str, history: &History) -> Result<()> {
    let stored = &history.stored[&(user.id.clone(), to.to_owned())];
    let session_sent: Vec<&str> =
        history.sent.iter().filter(|s| s.sender == user.id).map(|s| s.client_id.as_str()).collect();
    let last = stored.iter().rev().find(|m| !session_sent.contains(&m.client_id.as_str()));
    if let Some(last) = last {
        socket.expect("new-message", |d| d["message"]["messageId"] == last.id.as_str()).await?;
    }
    socket.settle().await
}

/// All of `users` send `count` over a session each in `room`, and everything is checked.
async fn run(users: &[User], room: &str, count: usize) -> Outcome {
    let start = Instant::now();
    let mut history = History::default();
    history.is_in(room, &users.iter().collect::<Vec<_>>());
    let mut sockets = try_join_all(users.iter().map(User::connect)).await?;
    let sends = sockets
        .iter_mut()
        .zip(users)
        .enumerate()
        .map(|(n, (socket, user))| send_all(user, socket, n, room, count));
    let probes = probes(&users[0], room, start, 20);
    let (sent, probes) = tokio::try_join!(try_join_all(sends), probes)?;
    history.sent = sent.into_iter().flatten().collect();
    history.probes = probes;
    for user in users {
        history.read_end(user, room, 0).await?;
    }
    for (socket, user) in sockets.iter_mut().zip(users) {
        catch_up(user, socket, room, &history).await?;
        history.sessions.push(Session::of(user, socket, &[room], start)?.complete(room, 0));
    }
    same!(
        history.stored[&(users[0].id.clone(), room.to_owned())].len(),
        users.len() * count,
        "all of them stored"
    );
    history.check()
}

async fn probes(user: &User, room: &str, start: Instant, count: usize) -> Result<Vec<Probe>> {
    let mut probes = Vec::new();
    for _ in 0..count {
        probes.push(History::probe(user, room, start).await?);
    }
    Ok(probes)
}

async fn twenty_senders_make_one_order(t: World) -> Outcome {
    let users = t.users(20).await?;
    let members: Vec<&User> = users[1..].iter().collect();
    let room = users[0].group(&members).await?.conversation;
    run(&users, &room, 50).await
}

async fn two_senders_in_a_chat(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    run(&[alice, bob], &chat, 90).await
}

async fn http_and_socket_senders_mixed(t: World) -> Outcome {
    let users = t.users(6).await?;
    let members: Vec<&User> = users[1..].iter().collect();
    let room = users[0].group(&members).await?.conversation;
    let start = Instant::now();
    let mut history = History::default();
    history.is_in(&room, &users.iter().collect::<Vec<_>>());
    let mut sockets = try_join_all(users.iter().map(User::connect)).await?;
    let (with_sockets, by_http) = users.split_at(3);
    let socket_sends =
        sockets.iter_mut().zip(with_sockets).enumerate().map(|(n, (s, u))| send_all(u, s, n, &room, 40));
    let http_sends = by_http.iter().map(|user| async {
        let mut sent = Vec::new();
        for message in user.say_many(&room, &user.name, 40).await? {
            let mut one =
                Sent::new(user, None, &room, message.text("content")?, message.text("clientMsgId")?);
            one.told.push((message.text("messageId")?.to_owned(), message.int("seq")?));
            sent.push(one);
        }
        Ok::<_, anyhow::Error>(sent)
    });
    let (one, two) = tokio::try_join!(try_join_all(socket_sends), try_join_all(http_sends))?;
    history.sent = one.into_iter().chain(two).flatten().collect();
    for user in &users {
        history.read_end(user, &room, 0).await?;
    }
    for (number, (socket, user)) in sockets.iter_mut().zip(&users).enumerate() {
        if number < 3 {
            catch_up(user, socket, &room, &history).await?;
        } else {
            // A message sent over HTTP has no sending session: all my sockets get it, the newest too.
            let newest = history.stored[&(user.id.clone(), room.clone())].last().map(|m| m.id.clone());
            socket.expect("new-message", |d| d["message"]["messageId"].as_str() == newest.as_deref()).await?;
        }
        history.sessions.push(Session::of(user, socket, &[&room], start)?.complete(&room, 0));
    }
    history.check()
}

async fn every_send_doubled_is_stored_once(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two) = (alice.connect().await?, alice.connect().await?);
    let mut history = History::default();
    history.is_in(&chat, &[&alice, &bob]);
    for n in 0..40 {
        let (text, id) = (format!("double {n}"), fresh("c"));
        let (first, second) = tokio::try_join!(one.say_as(&chat, &text, &id), two.say_as(&chat, &text, &id))?;
        history.sent.push(Sent::new(&alice, None, &chat, &text, &id).told(&first).told(&second));
    }
    for user in [&alice, &bob] {
        history.read_end(user, &chat, 0).await?;
    }
    history.check()
}

async fn conversations_do_not_mix(t: World) -> Outcome {
    let (alice, bob, ann) = t.three().await?;
    let mut rooms = Vec::new();
    for _ in 0..10 {
        rooms.push(alice.group(&[&bob, &ann]).await?.conversation);
    }
    let start = Instant::now();
    let mut history = History::default();
    let users = [&alice, &bob, &ann];
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let mut sockets = try_join_all(users.map(User::connect)).await?;
    let sends = sockets.iter_mut().zip(users).enumerate().map(|(n, (socket, user))| {
        let rooms = &rooms;
        async move {
            let mut sent = Vec::new();
            for round in 0..9 {
                for room in rooms {
                    let text = format!("{} {round} in {room}", user.name);
                    let stored = socket.say(room, &text).await?;
                    sent.push(Sent::new(user, Some(n), room, &text, &stored.client_id).told(&stored));
                }
            }
            Ok::<_, anyhow::Error>(sent)
        }
    });
    history.sent = try_join_all(sends).await?.into_iter().flatten().collect();
    for room in &rooms {
        history.is_in(room, &users);
        for user in users {
            history.read_end(user, room, 0).await?;
        }
    }
    for (socket, user) in sockets.iter_mut().zip(users) {
        for room in &rooms {
            catch_up(user, socket, room, &history).await?;
        }
        let mut session = Session::of(user, socket, &names, start)?;
        for room in &rooms {
            session = session.complete(room, 0);
        }
        history.sessions.push(session);
    }
    history.check()
}

async fn the_world_is_in_order(t: World) -> Outcome {
    let users = t.users(4).await?;
    let mut listener = t.user().await?.connect().await?;
    let tag = fresh("ordered ");
    let sends = users.iter().map(|user| user.say_many("world", &tag, 15));
    let mut sent: Vec<_> = try_join_all(sends).await?.into_iter().flatten().collect();
    sent.sort_by_key(|m| m["seq"].as_i64());
    if let Some(last) = sent.last() {
        listener.expect("new-message", |d| d["message"]["messageId"] == last["messageId"]).await?;
    }
    let heard = listener.heard("world");
    let ours: Vec<_> =
        heard.iter().filter(|m| m["content"].as_str().is_some_and(|c| c.starts_with(&tag))).collect();
    same!(
        ours.iter().map(|m| m["messageId"].clone()).collect::<Vec<_>>(),
        sent.iter().map(|m| m["messageId"].clone()).collect::<Vec<_>>(),
        "live order to be the stored order"
    );
    let seqs: Vec<i64> = heard.iter().filter_map(|m| m["seq"].as_i64()).collect();
    crate::shape::contiguous(&seqs)
}
