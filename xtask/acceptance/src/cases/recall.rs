//! Recalling messages, and what stays of them.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "recall";
    "DELETE /messages/{id}: own; data is the tombstone with content \"\"" => recalling_leaves_a_tombstone,
    "recalling again is 200" => recalling_again_is_200,
    "a member who may not is 403, a stranger 404" => others_may_not_recall,
    "its lastMessage is \"\"; it still counts; sequences stay dense" => a_tombstone_keeps_its_place,
    "message-recalled {conversationId, messageId, seq, recalledAt, by} to all" => members_hear_of_a_recall,
    "a repeated send of a recalled message gets the first one's ids" => a_repeat_does_not_bring_it_back,
    "the tombstone keeps nothing of the content" => nothing_of_the_content_stays,
    "one's own message in world can be recalled" => own_messages_in_world_can_be_recalled,
}

async fn recalling_leaves_a_tombstone(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "oops").await?;
    let path = format!("/messages/{}", sent.text("messageId")?);
    let reply = alice.delete(&path).await?;
    let tombstone = reply.ok(200)?;
    shape::message(tombstone)?;
    same!(tombstone.text("content")?, "", "its content");
    shape::time(tombstone, "recalledAt")?;
    same!(tombstone.at("messageId")?, sent.at("messageId")?, "its id");
    same!(tombstone.at("seq")?, sent.at("seq")?, "its sequence");
    for user in [&alice, &bob] {
        same!(*user.get(&path).await?.ok(200)?, *tombstone, "GET /messages/{{id}}");
        same!(user.history(&chat).await?, vec![tombstone.clone()], "the history");
    }
    Ok(())
}

async fn recalling_again_is_200(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "oops").await?;
    let path = format!("/messages/{}", sent.text("messageId")?);
    let first = alice.delete(&path).await?;
    let again = alice.delete(&path).await?;
    same!(*again.ok(200)?, *first.ok(200)?, "the same tombstone, recalledAt too");
    Ok(())
}

async fn others_may_not_recall(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "stays").await?;
    let path = format!("/messages/{}", sent.text("messageId")?);
    bob.delete(&path).await?.fails(403, "FORBIDDEN")?;
    t.user().await?.delete(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    same!(bob.contents(&chat).await?, vec!["stays"], "the message to stay");
    Ok(())
}

async fn a_tombstone_keeps_its_place(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say_many(&chat, "m", 3).await?;
    alice.delete(&format!("/messages/{}", sent[1].text("messageId")?)).await?.ok(200)?;
    let history = serde_json::Value::from(bob.history(&chat).await?);
    same!(history.ints("seq")?, vec![1, 2, 3], "sequences");
    same!(history.each("content")?, vec!["m 1", "", "m 3"], "contents");
    same!(bob.unread(&chat).await?, 3, "unread");
    alice.delete(&format!("/messages/{}", sent[2].text("messageId")?)).await?.ok(200)?;
    let seen = bob.conversation(&chat).await?;
    same!((seen.text("lastMessage")?, seen.int("lastSeq")?), ("", 3), "lastMessage and lastSeq");
    Ok(())
}

async fn members_hear_of_a_recall(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let sent = ann.say(&group.conversation, "oops").await?;
    let id = sent.text("messageId")?;
    let (mut a, mut b) = (ann.connect().await?, ben.connect().await?);
    owner.delete(&format!("/messages/{id}")).await?.ok(200)?;
    for socket in [&mut a, &mut b] {
        let frame = socket.expect("message-recalled", |d| d["messageId"] == id).await?;
        same!(frame.text("data.conversationId")?, group.conversation, "conversationId");
        same!(frame.int("data.seq")?, sent.int("seq")?, "seq");
        same!(frame.text("data.by")?, owner.id, "by whom");
        shape::time(&frame, "data.recalledAt")?;
    }
    Ok(())
}

async fn a_repeat_does_not_bring_it_back(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "oops", "clientMsgId": fresh("c")});
    let first = alice.post("/messages", body.clone()).await?;
    let id = first.ok(201)?.text("messageId")?;
    alice.delete(&format!("/messages/{id}")).await?.ok(200)?;
    same!(alice.post("/messages", body).await?.ok(200)?.text("messageId")?, id, "the first one's id");
    same!(bob.contents(&chat).await?, vec![""], "still a tombstone");
    Ok(())
}

async fn nothing_of_the_content_stays(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let secret = fresh("secret-");
    let sent = alice.say(&chat, &secret).await?;
    alice.delete(&format!("/messages/{}", sent.text("messageId")?)).await?.ok(200)?;
    let paths = [
        "/conversations".to_owned(),
        "/sync".into(),
        format!("/conversations/{chat}"),
        format!("/conversations/{chat}/messages"),
        format!("/messages/{}", sent.text("messageId")?),
    ];
    for user in [&alice, &bob] {
        for path in &paths {
            let reply = user.get(path).await?;
            ensure!(
                !String::from_utf8_lossy(&reply.body).contains(&secret),
                "the content is still shown{}",
                reply.shown()
            );
        }
    }
    let mut socket = bob.connect().await?;
    let ask = json!({"conversations": [{"conversationId": chat, "afterSeq": 0}], "limit": 10});
    let id = socket.request("sync", ask).await?;
    let page = socket.answer("sync-result", &id).await?;
    ensure!(!page.to_string().contains(&secret), "the content is in sync-result: {page}");
    Ok(())
}

async fn own_messages_in_world_can_be_recalled(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let mut b = bob.connect().await?;
    let sent = alice.say("world", &fresh("world oops ")).await?;
    let path = format!("/messages/{}", sent.text("messageId")?);
    bob.delete(&path).await?.fails(403, "FORBIDDEN")?;
    alice.delete(&path).await?.ok(200)?;
    b.expect("message-recalled", |d| d["messageId"] == sent["messageId"]).await?;
    Ok(())
}
