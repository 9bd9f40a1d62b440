//! Rows of the contract that come at a later stage. Run with `--ignored` or `--include-ignored`.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "later";
    "PUT /messages/{id} {content}: own, within 15 minutes; editedAt; message-edited" => editing_changes_the_content,
    "editing is the sender's own" => others_may_not_edit,
    "PUT, DELETE /messages/{id}/reactions/{emoji}: {emoji: {count, me}}; reaction is pushed" => reactions_are_counted,
    "POST, DELETE /blocks/{userId}; GET /blocks: ends friendship and refuses messages both ways" => blocking_refuses_messages,
    "search leaves out who blocked me" => search_leaves_out_who_blocked_me,
    "GET /messages/search/{keyword}: substring, without case, without recalled ones, newest first" => message_search_finds_substrings,
    "POST /friends/requests, accept, decline" => friend_requests_are_accepted_and_declined,
}

async fn editing_changes_the_content(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "frist").await?;
    let mut b = bob.connect().await?;
    let path = format!("/messages/{}", sent.text("messageId")?);
    let reply = alice.put(&path, json!({"content": "first"})).await?;
    shape::message(reply.ok(200)?)?;
    shape::time(reply.ok(200)?, "editedAt")?;
    let frame = b.expect("message-edited", |d| d["conversationId"] == chat.as_str()).await?;
    same!(frame.text("data.message.content")?, "first", "the new content");
    same!(bob.contents(&chat).await?, vec!["first"], "the history");
    Ok(())
}

async fn others_may_not_edit(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let path = format!("/messages/{}", alice.say(&chat, "mine").await?.text("messageId")?);
    bob.put(&path, json!({"content": "yours"})).await?.fails(403, "FORBIDDEN")?;
    t.user().await?.put(&path, json!({"content": "x"})).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    Ok(())
}

async fn reactions_are_counted(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "like me").await?;
    let mut a = alice.connect().await?;
    let path = format!("/messages/{}/reactions/%F0%9F%91%8D", sent.text("messageId")?);
    let reply = bob.call("PUT", &path).send().await?;
    same!(*reply.ok(200)?.at("👍")?, json!({"count": 1, "me": true}), "the reactions");
    let frame = a.expect("reaction", |d| d["messageId"] == sent["messageId"]).await?;
    same!((frame.text("data.emoji")?, frame.flag("data.added")?), ("👍", true), "emoji and added");
    bob.delete(&path).await?.ok(200)?;
    Ok(())
}

async fn blocking_refuses_messages(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.call("POST", &format!("/blocks/{}", bob.id)).send().await?.fine()?;
    alice.get("/blocks").await?.ok(200)?.find("userId", &bob.id)?;
    same!(bob.get("/friends").await?.ok(200)?.list("")?.len(), 0, "the friendship ended");
    for user in [&alice, &bob] {
        let body = json!({"conversationId": chat, "content": "x", "clientMsgId": fresh("c")});
        user.post("/messages", body).await?.fails(403, "BLOCKED")?;
    }
    alice.delete(&format!("/blocks/{}", bob.id)).await?.ok(200)?;
    bob.say(&chat, "again").await?;
    Ok(())
}

async fn search_leaves_out_who_blocked_me(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    alice.call("POST", &format!("/blocks/{}", bob.id)).send().await?.fine()?;
    let reply = bob.get(&format!("/users/search?q={}", alice.name)).await?;
    same!(reply.ok(200)?.list("")?.len(), 0, "nobody found");
    Ok(())
}

async fn message_search_finds_substrings(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let word = fresh("needle");
    for text in [format!("one {word}"), format!("TWO {}", word.to_uppercase()), format!("recalled {word}")] {
        alice.say(&chat, &text).await?;
    }
    let recalled = bob.history(&chat).await?[2].clone();
    alice.delete(&format!("/messages/{}", recalled.text("messageId")?)).await?.ok(200)?;
    let reply = bob.get(&format!("/messages/search/{word}?page=1&size=20")).await?;
    same!(reply.ok(200)?.ints("seq")?, vec![2, 1], "newest first, without the recalled one");
    let eve = t.user().await?.get(&format!("/messages/search/{word}")).await?;
    same!(eve.ok(200)?.list("")?.len(), 0, "messages I may read");
    Ok(())
}

async fn friend_requests_are_accepted_and_declined(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let reply = alice.post("/friends/requests", json!({"userId": bob.id})).await?;
    ensure!(reply.status.is_success(), "a request is taken{}", reply.shown());
    let waiting = bob.get("/friends/requests").await?;
    ensure!(!waiting.ok(200)?.list("")?.is_empty(), "it waits{}", waiting.shown());
    Ok(())
}
