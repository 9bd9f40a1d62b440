//! `sync` over the socket, and connecting without a window that loses a message.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::Outcome;
use crate::client::Socket;
use crate::history::{History, Sent, Session};
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "ws_sync";
    "sync: sync-result {conversationId, messages[], hasMore, nextSeq}, then sync-done {}" => sync_gives_pages_then_done,
    "one conversation a frame, contiguous from the cursor, limit kept, by nextSeq to the end" => sync_pages_are_contiguous,
    "a conversation that isn't mine is an error frame with its conversationId, the rest go on" => a_strange_conversation_spoils_nothing,
    "nextSeq on an empty page is the one passed" => an_empty_sync_page_keeps_the_cursor,
    "sync in snake_case" => sync_takes_snake_case,
    "a sync of nothing is done at once" => a_sync_of_nothing_is_done,
    "connect, buffer, sync, merge by seq: no window loses a message" => connecting_while_others_send_loses_nothing,
    "reconnecting again and again while others send loses nothing" => many_reconnects_lose_nothing,
    "sync of the world" => the_world_is_synced,
}

/// Sends a sync and gives its results by frame, until its `sync-done`.
async fn sync(socket: &mut Socket, data: Value) -> Result<Vec<Value>> {
    let id = socket.request("sync", data).await?;
    let before = socket.seen.len();
    let done = socket.expect("sync-done", |_| true).await?;
    same!(done.text("id")?, id, "the request's id in sync-done");
    let answers = socket.seen[before.min(socket.seen.len())..].iter();
    Ok(answers.filter(|f| f["id"] == id.as_str() && f["type"] != "sync-done").cloned().collect())
}

async fn sync_gives_pages_then_done(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let group = alice.group(&[&bob]).await?;
    alice.say_many(&chat, "c", 3).await?;
    alice.say_many(&group.conversation, "g", 2).await?;
    let mut b = bob.connect().await?;
    let ask = json!({"conversations": [{"conversationId": chat, "afterSeq": 1},
        {"conversationId": group.conversation, "afterSeq": 0}], "limit": 50});
    let frames = sync(&mut b, ask).await?;
    same!(frames.len(), 2, "a frame for each conversation");
    for (conversation, seqs) in [(&chat, vec![2, 3]), (&group.conversation, vec![1, 2])] {
        let frame = frames.iter().find(|f| f["data"]["conversationId"] == conversation.as_str());
        let frame = frame.ok_or_else(|| anyhow::anyhow!("no sync-result of {conversation}"))?;
        same!(frame.text("type")?, "sync-result", "the type");
        same!(frame.at("data.messages")?.ints("seq")?, seqs, "its messages");
        shape::message(frame.at("data.messages.0")?)?;
        same!(frame.flag("data.hasMore")?, false, "hasMore");
        same!(frame.int("data.nextSeq")?, *seqs.last().unwrap_or(&0), "nextSeq");
    }
    Ok(())
}

async fn sync_pages_are_contiguous(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "c", 25).await?;
    let mut b = bob.connect().await?;
    let (mut after, mut seen) = (0, Vec::new());
    for _ in 0..30 {
        let ask = json!({"conversations": [{"conversationId": chat, "afterSeq": after}], "limit": 10});
        let mut more = false;
        for frame in sync(&mut b, ask).await? {
            let seqs = frame.at("data.messages")?.ints("seq")?;
            ensure!(seqs.len() <= 10, "at most `limit` in a page, seen {}", seqs.len());
            ensure!(
                seqs.first().is_none_or(|first| *first == after + 1),
                "contiguous from the cursor {after}: {seqs:?}"
            );
            seen.extend(seqs);
            after = frame.int("data.nextSeq")?;
            more = frame.flag("data.hasMore")?;
        }
        if !more {
            break;
        }
    }
    same!(seen, (1..=25).collect::<Vec<_>>(), "everything, once");
    Ok(())
}

async fn a_strange_conversation_spoils_nothing(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say(&chat, "mine").await?;
    let (eve, _other, strange) = t.two_friends().await?;
    eve.say(&strange, "not yours").await?;
    let mut b = bob.connect().await?;
    let ask = json!({"conversations": [{"conversationId": strange, "afterSeq": 0},
        {"conversationId": chat, "afterSeq": 0}], "limit": 10});
    let frames = sync(&mut b, ask).await?;
    let refused: Vec<_> = frames.iter().filter(|f| f["type"] == "error").collect();
    same!(refused.len(), 1, "one error frame");
    same!(refused[0].text("data.conversationId")?, strange, "its conversationId");
    same!(refused[0].text("data.code")?, "CONVERSATION_NOT_FOUND", "its code");
    let pages: Vec<_> = frames.iter().filter(|f| f["type"] == "sync-result").collect();
    same!(pages.len(), 1, "the rest to go on");
    same!(pages[0].text("data.conversationId")?, chat, "the one that is mine");
    Ok(())
}

async fn an_empty_sync_page_keeps_the_cursor(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say(&chat, "x").await?;
    let mut b = bob.connect().await?;
    for after in [1, 77] {
        let ask = json!({"conversations": [{"conversationId": chat, "afterSeq": after}], "limit": 10});
        for frame in sync(&mut b, ask).await? {
            same!(frame.list("data.messages")?.len(), 0, "an empty page");
            same!(
                (frame.flag("data.hasMore")?, frame.int("data.nextSeq")?),
                (false, after),
                "hasMore and nextSeq"
            );
        }
    }
    Ok(())
}

async fn sync_takes_snake_case(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "c", 3).await?;
    let mut b = bob.connect().await?;
    let frames =
        sync(&mut b, json!({"conversations": [{"conversation_id": chat, "after_seq": 2}], "limit": 10}))
            .await?;
    same!(
        frames.first().map(|f| f["data"]["messages"][0]["seq"].clone()),
        Some(json!(3)),
        "after_seq as afterSeq"
    );
    Ok(())
}

async fn a_sync_of_nothing_is_done(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    same!(sync(&mut a, json!({"conversations": [], "limit": 10})).await?.len(), 0, "no pages");
    a.settle().await
}

async fn connecting_while_others_send_loses_nothing(t: World) -> Outcome {
    catching_up(&t, 6).await
}

async fn many_reconnects_lose_nothing(t: World) -> Outcome {
    catching_up(&t, 25).await
}

/// Bob connects `rounds` times while Alice and Ann send; each time he syncs from what he has.
async fn catching_up(t: &World, rounds: usize) -> Outcome {
    let (alice, bob, ann) = t.three().await?;
    let room = alice.group(&[&bob, &ann]).await?.conversation;
    let start = Instant::now();
    let mut history = History::default();
    history.is_in(&room, &[&alice, &bob, &ann]);
    let (mut a, mut b) = (alice.connect().await?, ann.connect().await?);
    let done = std::sync::atomic::AtomicBool::new(false);
    let send = async |socket: &mut Socket, user: &crate::user::User, session: usize| -> Result<Vec<Sent>> {
        let mut sent = Vec::new();
        while !done.load(std::sync::atomic::Ordering::Relaxed) && sent.len() < 90 {
            let text = format!("{} {}", user.name, sent.len());
            let stored = socket.say(&room, &text).await?;
            sent.push(Sent::new(user, Some(session), &room, &text, &stored.client_id).told(&stored));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(sent)
    };
    let reconnect = async {
        let (mut sessions, mut has) = (Vec::new(), 0);
        for _ in 0..rounds {
            let mut socket = bob.connect().await?;
            let began = has;
            loop {
                let ask = json!({"conversations": [{"conversationId": room, "afterSeq": has}], "limit": 7});
                let frames = sync(&mut socket, ask).await?;
                has = frames.last().map_or(Ok(has), |f| f.int("data.nextSeq"))?;
                if !frames.last().is_some_and(|f| f["data"]["hasMore"] == true) {
                    break;
                }
            }
            // Whatever came live while syncing is merged by seq; what follows without a hole is had.
            let mut live: Vec<i64> = socket.heard(&room).iter().filter_map(|m| m["seq"].as_i64()).collect();
            live.sort_unstable();
            for seq in live {
                ensure!(seq <= has + 1, "live seq {seq} after {has}: sync and live leave a hole");
                has = has.max(seq);
            }
            let mut session = Session::of(&bob, &socket, &[&room], start)?;
            session.synced.retain(|seen| seen.seq > began);
            sessions.push((began, has, session));
            socket.close().await?;
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok::<_, anyhow::Error>(sessions)
    };
    let (by_alice, by_ann, sessions) =
        tokio::try_join!(send(&mut a, &alice, 0), send(&mut b, &ann, 1), reconnect)?;
    history.sent.extend(by_alice.into_iter().chain(by_ann));
    a.settle().await?;
    b.settle().await?;
    history.sessions.push(Session::of(&alice, &a, &[&room], start)?);
    history.sessions.push(Session::of(&ann, &b, &[&room], start)?);
    let mut merged = Session { user: bob.id.clone(), ..Session::default() };
    let mut reached = 0;
    for (_, has, session) in sessions {
        merged.synced.extend(session.live.into_iter().map(|(_, seen)| seen).chain(session.synced));
        reached = has;
    }
    let last = bob.whole_history(&room).await?;
    // What came after his last session is not his to have.
    merged
        .synced
        .extend(last[usize::try_from(reached)?..].iter().filter_map(|m| crate::history::Seen::of(m).ok()));
    history.sessions.push(merged.complete(&room, 0));
    for user in [&alice, &bob, &ann] {
        history.read_end(user, &room, 0).await?;
    }
    history.check()
}

async fn the_world_is_synced(t: World) -> Outcome {
    let _quiet = t.world_room.lock().await;
    let alice = t.user().await?;
    let text = fresh("synced ");
    let sent = alice.say("world", &text).await?;
    let mut a = alice.connect().await?;
    let ask =
        json!({"conversations": [{"conversationId": "world", "afterSeq": sent.int("seq")? - 1}], "limit": 1});
    let frames = sync(&mut a, ask).await?;
    same!(
        frames.first().map(|f| f["data"]["messages"][0]["content"].clone()),
        Some(json!(text)),
        "the one just above"
    );
    Ok(())
}
