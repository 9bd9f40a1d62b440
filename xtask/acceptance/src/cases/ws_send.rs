//! Sending over the WebSocket: acks, who hears it, and repeats.

use std::collections::HashSet;

use anyhow::ensure;
use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "ws_send";
    "message-ack {tempMessageId, clientMsgId, messageId, seq, sendTime, status:\"stored\"}" => a_send_is_acknowledged,
    "the request's id comes back in the answers to it" => acks_carry_the_requests_id,
    "new-message {conversationId, message} to every session of every member" => every_session_of_every_member_hears,
    "never to the session that sent it (its user's other devices do get it)" => the_sending_session_hears_nothing,
    "after a send is stored the sending session gets conversation-update with lastMessage and lastMessageTime; it follows the stored ack" => the_sender_gets_an_update_after_the_ack,
    "conversation-update: the inner type is needed" => updates_have_their_inner_type,
    "a message is never delivered before it is stored" => what_is_heard_is_in_history,
    "a repeated send with the same id gets the first one's ids" => a_repeat_gets_the_first_ids,
    "the same from another session of the same user" => a_repeat_from_another_session,
    "HTTP and socket mixed" => http_and_socket_share_client_ids,
    "50 at once over sockets and HTTP make one message" => fifty_at_once_make_one_message,
    "duplicates count by conversation" => client_ids_count_by_conversation,
    "a repeat is not heard as another message" => a_repeat_makes_no_second_message,
    "one muted since still gets the first one's ids" => a_repeat_while_muted_gets_the_first_ids,
    "no client id: the socket answers VALIDATION" => a_missing_client_id_is_validation,
    "a refused send is an error with its tempMessageId" => refusals_name_the_send,
    "messageType a name or its number; system 403" => types_over_the_socket,
    "clientMsgId is taken as tempMessageId; snake_case too" => other_spellings_of_the_client_id,
    "content 5,000 characters" => content_limits_over_the_socket,
    "sends 20 a second, burst 100: error with retryAfterMs" => too_many_sends_are_limited,
    "many sends in flight are acknowledged each, in order" => sends_in_flight_keep_their_order,
    "to who opened no conversation yet: conversation-update with conversation whole" => a_new_chat_reaches_the_other_whole,
    "messages sent over HTTP reach sockets, and the other way" => http_and_socket_meet,
}

async fn a_send_is_acknowledged(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let stored = a.say(&chat, "hello").await?;
    same!(stored.seq, 1, "the first sequence");
    let seen = bob.history(&chat).await?;
    same!(seen[0].text("messageId")?, stored.message_id, "the id in history");
    same!(seen[0].text("clientMsgId")?, stored.client_id, "the client id in history");
    Ok(())
}

async fn acks_carry_the_requests_id(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let id = a.begin(&chat, "x", &fresh("c")).await?;
    a.answer("message-ack", &id).await?;
    Ok(())
}

async fn every_session_of_every_member_hears(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let mut sender = owner.connect().await?;
    let mut all =
        vec![ann.connect().await?, ann.connect().await?, ben.connect().await?, owner.connect().await?];
    let stored = sender.say(&group.conversation, "to all").await?;
    for socket in &mut all {
        let frame = socket.hears("to all").await?;
        same!(frame.text("data.conversationId")?, group.conversation, "conversationId");
        shape::message(frame.at("data.message")?)?;
        same!(frame.text("data.message.messageId")?, stored.message_id, "messageId");
        same!(frame.int("data.message.seq")?, stored.seq, "seq");
        same!(frame.text("data.message.senderId")?, owner.id, "senderId");
    }
    Ok(())
}

async fn the_sending_session_hears_nothing(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two, mut b) = (alice.connect().await?, alice.connect().await?, bob.connect().await?);
    for n in 0..5 {
        one.say(&chat, &format!("mine {n}")).await?;
    }
    two.hears("mine 4").await?;
    b.say(&chat, "marker").await?;
    one.hears("marker").await?;
    one.never("new-message", |d| {
        d["message"]["content"] != "marker" && d["conversationId"] == chat.as_str()
    })?;
    same!(two.heard(&chat).len(), 5, "the other device to hear each once (the marker may follow)");
    Ok(())
}

async fn the_sender_gets_an_update_after_the_ack(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let stored = a.say(&chat, "newest").await?;
    let update = a
        .expect("conversation-update", |d| {
            d["conversationId"] == chat.as_str() && d["updates"]["lastMessage"] == "newest"
        })
        .await?;
    shape::time(&update, "data.updates.lastMessageTime")?;
    let place = |kind: &str, fits: &dyn Fn(&Value) -> bool| {
        a.seen.iter().position(|f| f["type"] == kind && fits(&f["data"]))
    };
    let ack =
        place("message-ack", &|d| d["status"] == "stored" && d["messageId"] == stored.message_id.as_str());
    let told = place("conversation-update", &|d| d["updates"]["lastMessage"] == "newest");
    ensure!(ack < told, "the update follows the stored ack: ack is frame {ack:?}, update {told:?}");
    Ok(())
}

async fn updates_have_their_inner_type(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    a.say(&chat, "x").await?;
    let update = a.expect("conversation-update", |d| d["conversationId"] == chat.as_str()).await?;
    same!(update.text("data.type")?, "conversation-update", "the inner type");
    ensure!(update.at("data.updates")?.is_object(), "updates is an object in {update}");
    Ok(())
}

async fn what_is_heard_is_in_history(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    for n in 0..20 {
        let client_id = fresh("c");
        a.begin(&chat, &format!("m {n}"), &client_id).await?;
        let id = b.hears(&format!("m {n}")).await?.text("data.message.messageId")?.to_owned();
        bob.get(&format!("/messages/{id}")).await?.ok(200)?;
        a.stored(&client_id).await?;
    }
    Ok(())
}

async fn a_repeat_gets_the_first_ids(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let first = a.say(&chat, "once").await?;
    for text in ["once", "another text"] {
        same!(a.say_as(&chat, text, &first.client_id).await?, first, "the first one's ids");
    }
    Ok(())
}

async fn a_repeat_from_another_session(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two) = (alice.connect().await?, alice.login_again().await?.connect().await?);
    let first = one.say(&chat, "once").await?;
    same!(two.say_as(&chat, "once", &first.client_id).await?, first, "the first one's ids");
    drop(one);
    same!(
        alice.connect().await?.say_as(&chat, "once", &first.client_id).await?,
        first,
        "after a reconnect too"
    );
    same!(bob.contents(&chat).await?, vec!["once"], "one message");
    Ok(())
}

async fn http_and_socket_share_client_ids(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let first = a.say(&chat, "socket first").await?;
    let body = json!({"conversationId": chat, "content": "socket first", "clientMsgId": first.client_id});
    let reply = alice.post("/messages", body).await?;
    same!(reply.ok(200)?.text("messageId")?, first.message_id, "HTTP after the socket");
    let client_id = fresh("c");
    let body = json!({"conversationId": chat, "content": "http first", "clientMsgId": client_id});
    let reply = alice.post("/messages", body).await?;
    let again = a.say_as(&chat, "http first", &client_id).await?;
    same!(again.message_id, reply.ok(201)?.text("messageId")?, "the socket after HTTP");
    same!(bob.contents(&chat).await?, vec!["socket first", "http first"], "two messages");
    Ok(())
}

async fn fifty_at_once_make_one_message(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut sockets = Vec::new();
    for _ in 0..25 {
        sockets.push(alice.connect().await?);
    }
    let client_id = fresh("c");
    let body = json!({"conversationId": chat, "content": "once", "clientMsgId": client_id});
    let by_socket = try_join_all(sockets.iter_mut().map(|s| s.say_as(&chat, "once", &client_id)));
    let by_http = try_join_all((0..25).map(|_| alice.post("/messages", body.clone())));
    let (by_socket, by_http) = tokio::try_join!(by_socket, by_http)?;
    let mut ids: HashSet<String> = by_socket.into_iter().map(|stored| stored.message_id).collect();
    for reply in by_http {
        ids.insert(reply.fine()?.text("messageId")?.to_owned());
    }
    same!(ids.len(), 1, "one id for all fifty");
    same!(bob.contents(&chat).await?, vec!["once"], "one message");
    Ok(())
}

async fn client_ids_count_by_conversation(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let group = alice.group(&[&bob]).await?;
    let mut a = alice.connect().await?;
    let one = a.say(&chat, "here").await?;
    let two = a.say_as(&group.conversation, "there", &one.client_id).await?;
    ensure!(one.message_id != two.message_id, "another message in another conversation");
    same!(bob.contents(&group.conversation).await?, vec!["there"], "its own content");
    Ok(())
}

async fn a_repeat_makes_no_second_message(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let first = a.say(&chat, "once").await?;
    a.say_as(&chat, "once", &first.client_id).await?;
    a.say(&chat, "marker").await?;
    b.hears("marker").await?;
    // Delivery is at least once: a copy may come again, but only of the same message.
    let ids: HashSet<String> = b.heard(&chat).iter().map(|m| m["messageId"].to_string()).collect();
    same!(ids.len(), 2, "two messages");
    same!(bob.unread(&chat).await?, 2, "two unread");
    Ok(())
}

async fn a_repeat_while_muted_gets_the_first_ids(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let mut a = ann.connect().await?;
    let first = a.say(&group.conversation, "before").await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    owner.put(&path, json!({"mutedUntil": "2099-01-01T00:00:00.000Z"})).await?.ok(200)?;
    same!(
        a.say_as(&group.conversation, "before", &first.client_id).await?,
        first,
        "muted: the first one's ids"
    );
    owner.delete(&path).await?.ok(200)?;
    same!(
        a.say_as(&group.conversation, "before", &first.client_id).await?,
        first,
        "removed: the first one's ids"
    );
    Ok(())
}

async fn a_missing_client_id_is_validation(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    a.refused(
        "send-message",
        json!({"conversationId": chat, "content": "x", "messageType": "text"}),
        "VALIDATION",
    )
    .await?;
    let empty = json!({"conversationId": chat, "content": "x", "messageType": "text", "tempMessageId": ""});
    a.refused("send-message", empty, "VALIDATION").await?;
    same!(bob.history(&chat).await?.len(), 0, "nothing stored");
    Ok(())
}

async fn refusals_name_the_send(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let refusals = [
        (json!({"conversationId": "999999999999", "content": "x"}), "CONVERSATION_NOT_FOUND"),
        (json!({"conversationId": chat, "content": "  "}), "VALIDATION"),
        (json!({"conversationId": chat, "content": 5}), "VALIDATION"),
        (json!({"conversationId": chat, "content": "x", "messageType": "hologram"}), "VALIDATION"),
        (json!({"conversationId": chat, "content": "x", "messageType": "system"}), "FORBIDDEN"),
        (json!({"content": "x"}), "VALIDATION"),
    ];
    for (mut data, code) in refusals {
        let client_id = fresh("c");
        data["tempMessageId"] = json!(client_id);
        let frame = a.refused("send-message", data, code).await?;
        same!(frame.text("data.tempMessageId")?, client_id, "the send's tempMessageId in {frame}");
        if code == "VALIDATION" {
            ensure!(frame.has("data.fields"), "VALIDATION comes with `fields` in {frame}");
        }
    }
    a.say(&chat, "the socket stays open").await?;
    Ok(())
}

async fn types_over_the_socket(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    for (kind, name) in
        [(json!(1), "text"), (json!(2), "image"), (json!("file"), "file"), (json!(7), "custom")]
    {
        let client_id = fresh("c");
        let data =
            json!({"conversationId": chat, "content": "x", "messageType": kind, "tempMessageId": client_id});
        a.request("send-message", data).await?;
        a.stored(&client_id).await?;
        same!(
            bob.history(&chat).await?.last().map(|m| m["type"].clone()),
            Some(json!(name)),
            "the type of {kind}"
        );
    }
    Ok(())
}

async fn other_spellings_of_the_client_id(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    for field in ["clientMsgId", "client_msg_id", "tempMessageId", "temp_message_id"] {
        let client_id = fresh("c");
        let mut data = json!({"conversationId": chat, "content": "x", "messageType": "text"});
        data[field] = json!(client_id);
        a.request("send-message", data).await?;
        a.stored(&client_id).await?;
    }
    let client_id = fresh("c");
    let data =
        json!({"conversation_id": chat, "content": "x", "message_type": 1, "client_msg_id": client_id});
    a.request("send-message", data).await?;
    a.stored(&client_id).await?;
    Ok(())
}

async fn content_limits_over_the_socket(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let most = "😀".repeat(5000);
    a.say(&chat, &most).await?;
    b.hears(&most).await?;
    let data = json!({"conversationId": chat, "content": "a".repeat(5001), "messageType": "text", "tempMessageId": fresh("c")});
    a.refused("send-message", data, "VALIDATION").await?;
    Ok(())
}

async fn too_many_sends_are_limited(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    for n in 0..400 {
        a.begin(&chat, &format!("{n}"), &fresh("c")).await?;
    }
    let refused = a.expect("error", |d| d["code"] == "RATE_LIMITED").await?;
    let after = refused.int("data.retryAfterMs")?;
    ensure!(after > 0 && after <= 10_000, "retryAfterMs in {refused}");
    shape::id(&refused, "data.tempMessageId")?;
    bob.say(&chat, "others are not held up").await?;
    Ok(())
}

async fn sends_in_flight_keep_their_order(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let ids: Vec<String> = (0..60).map(|_| fresh("c")).collect();
    for (n, id) in ids.iter().enumerate() {
        a.begin(&chat, &format!("m {n}"), id).await?;
    }
    for (n, id) in ids.iter().enumerate() {
        same!(a.stored(id).await?.seq, n as i64 + 1, "one session's sends in the order it sent them");
    }
    b.hears("m 59").await?;
    let seqs: Vec<i64> = b.heard(&chat).iter().filter_map(|m| m["seq"].as_i64()).collect();
    same!(seqs, (1..=60).collect::<Vec<_>>(), "heard in order by seq");
    Ok(())
}

async fn a_new_chat_reaches_the_other_whole(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let mut b = bob.connect().await?;
    let chat = alice.chat_with(&bob).await?;
    alice.connect().await?.say(&chat, "first").await?;
    b.hears("first").await?;
    let update = b
        .expect("conversation-update", |d| {
            d["conversationId"] == chat.as_str() && d.get("conversation").is_some()
        })
        .await?;
    shape::conversation(update.at("data.conversation")?)?;
    same!(update.text("data.conversation.target.userId")?, alice.id, "its target");
    Ok(())
}

async fn http_and_socket_meet(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut b = bob.connect().await?;
    let sent = alice.say(&chat, "by http").await?;
    same!(*b.hears("by http").await?.at("data.message")?, sent, "the same message as HTTP answered");
    b.say(&chat, "by socket").await?;
    same!(alice.contents(&chat).await?, vec!["by http", "by socket"], "one history");
    let rest = join_all((0..3).map(|n| alice.say(&chat, ["x", "y", "z"][n]))).await;
    ensure!(rest.iter().all(Result::is_ok), "three at once over HTTP: {rest:?}");
    Ok(())
}
