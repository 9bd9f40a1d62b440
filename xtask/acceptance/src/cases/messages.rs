//! Sending over HTTP and reading one message.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "messages";
    "POST /messages: 201 message, when stored" => sending_answers_the_message,
    "a message is, once it is answered, in anyone's next call" => a_sent_message_is_in_the_next_call,
    "messageType in a request is a name or its number" => types_have_names_and_numbers,
    "no messageType means text" => no_type_means_text,
    "system from a client is 403" => system_messages_are_forbidden,
    "blank text is 400" => blank_text_is_400,
    "content 5,000 characters, counted in Unicode scalar values" => content_counts_in_scalar_values,
    "content is kept as sent" => content_is_kept_as_sent,
    "200 for a repeat" => a_repeat_is_200_with_the_same_ids,
    "a repeated client id gets the first one's ids, whatever its content" => a_repeat_with_other_content_changes_nothing,
    "in another conversation it is another message; another sender's too" => client_ids_count_by_conversation_and_sender,
    "header Idempotency-Key" => the_idempotency_key_is_a_client_id,
    "Idempotency-Key and clientMsgId that differ: 400" => differing_keys_are_400,
    "no client id: HTTP makes one and returns it" => a_missing_client_id_is_made,
    "duplicates are recognised before rights are asked" => a_repeat_after_leaving_gets_the_first_ids,
    "50 at once with one client id make one message" => fifty_at_once_make_one_message,
    "all my sockets get it, but for the one named in X-Session-Id" => x_session_id_names_the_sending_session,
    "GET /messages/{id}: message" => one_message_is_as_in_history,
    "an unknown message is MESSAGE_NOT_FOUND" => unknown_messages_are_404,
    "PUT /messages/{id}/read: as PUT read up to its sequence" => reading_up_to_a_message,
    "the sender's name and avatar are in the message" => messages_carry_the_sender,
    "sends 20 a second, burst 100, a user: 429 with Retry-After" => too_many_sends_are_limited,
    "other types may have empty content with an attachment" => empty_content_needs_an_attachment,
    "replyTo and mentions come back as sent" => replies_and_mentions_are_kept,
}

async fn sending_answers_the_message(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let id = fresh("c");
    let body = json!({"conversationId": chat, "content": "hello", "messageType": "text", "clientMsgId": id});
    let reply = alice.post("/messages", body).await?;
    let message = reply.ok(201)?;
    shape::message(message)?;
    same!(message.text("clientMsgId")?, id, "clientMsgId");
    same!(message.text("conversationId")?, chat, "conversationId");
    same!(message.text("senderId")?, alice.id, "senderId");
    same!(message.text("content")?, "hello", "content");
    same!(message.text("type")?, "text", "type");
    same!(message.int("seq")?, 1, "the first sequence");
    Ok(())
}

async fn a_sent_message_is_in_the_next_call(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    for n in 1..=10 {
        let sent = alice.say(&chat, &format!("{n}")).await?;
        same!(bob.history(&chat).await?.last(), Some(&sent), "the newest in bob's history");
        same!(bob.unread(&chat).await?, n, "bob's unread");
    }
    Ok(())
}

async fn types_have_names_and_numbers(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let names = [(1, "text"), (2, "image"), (3, "file"), (4, "audio"), (5, "video"), (7, "custom")];
    for (number, name) in names {
        for kind in [json!(number), json!(name)] {
            let body = json!({"conversationId": chat, "content": "content", "messageType": kind});
            let reply = alice.post("/messages", body).await?;
            same!(reply.ok(201)?.text("type")?, name, "the type of {kind}");
        }
    }
    same!(bob.history(&chat).await?.len(), 12, "all of them in history");
    Ok(())
}

async fn no_type_means_text(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let reply = alice.post("/messages", json!({"conversationId": chat, "content": "x"})).await?;
    same!(reply.ok(201)?.text("type")?, "text", "the type");
    Ok(())
}

async fn system_messages_are_forbidden(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    for kind in [json!("system"), json!(6)] {
        let body = json!({"conversationId": chat, "content": "x", "messageType": kind});
        alice.post("/messages", body).await?.fails(403, "FORBIDDEN")?;
    }
    same!(alice.history(&chat).await?.len(), 0, "nothing stored");
    Ok(())
}

async fn blank_text_is_400(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    for text in ["", " ", "\n\t  ", "\u{3000}"] {
        let body = json!({"conversationId": chat, "content": text});
        alice.post("/messages", body).await?.invalid("content")?;
    }
    alice.post("/messages", json!({"conversationId": chat})).await?.invalid("content")?;
    same!(alice.history(&chat).await?.len(), 0, "nothing stored");
    Ok(())
}

async fn content_counts_in_scalar_values(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    for piece in ["a", "字", "😀"] {
        let most = piece.repeat(5000);
        same!(alice.say(&chat, &most).await?.text("content")?, most, "5,000 times {piece}");
        let body = json!({"conversationId": chat, "content": format!("{most}{piece}")});
        alice.post("/messages", body).await?.invalid("content")?;
    }
    same!(bob.history(&chat).await?.len(), 3, "the three of them");
    Ok(())
}

async fn content_is_kept_as_sent(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let texts = [
        "  spaces around  ",
        "line\nbreak\r\n",
        "e\u{301} is not é",
        "<b>&amp;</b>",
        "\u{feff}bom",
        "a\"b\\c/d",
    ];
    for text in texts {
        alice.say(&chat, text).await?;
    }
    same!(bob.contents(&chat).await?, texts, "each as sent");
    Ok(())
}

async fn a_repeat_is_200_with_the_same_ids(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "once", "clientMsgId": fresh("c")});
    let first = alice.post("/messages", body.clone()).await?;
    first.ok(201)?;
    for _ in 0..3 {
        same!(
            *alice.post("/messages", body.clone()).await?.ok(200)?,
            *first.ok(201)?,
            "the first message again"
        );
    }
    same!(bob.contents(&chat).await?, vec!["once"], "one message");
    same!(bob.unread(&chat).await?, 1, "one unread");
    Ok(())
}

async fn a_repeat_with_other_content_changes_nothing(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let id = fresh("c");
    let first =
        alice.post("/messages", json!({"conversationId": chat, "content": "one", "clientMsgId": id})).await?;
    let other =
        alice.post("/messages", json!({"conversationId": chat, "content": "two", "clientMsgId": id})).await?;
    same!(other.ok(200)?.at("messageId")?, first.ok(201)?.at("messageId")?, "the first one's id");
    same!(other.ok(200)?.at("seq")?, first.ok(201)?.at("seq")?, "the first one's sequence");
    same!(bob.contents(&chat).await?, vec!["one"], "the first one's content");
    Ok(())
}

async fn client_ids_count_by_conversation_and_sender(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let group = alice.group(&[&bob]).await?.conversation;
    let id = fresh("c");
    let mut ids = std::collections::HashSet::new();
    for (who, to) in [(&alice, &chat), (&alice, &group), (&bob, &chat), (&bob, &group)] {
        let reply =
            who.post("/messages", json!({"conversationId": to, "content": "x", "clientMsgId": id})).await?;
        ids.insert(reply.ok(201)?.text("messageId")?.to_owned());
    }
    same!(ids.len(), 4, "four messages of one client id");
    Ok(())
}

async fn the_idempotency_key_is_a_client_id(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let id = fresh("key-");
    let body = json!({"conversationId": chat, "content": "x"});
    let with_key = async |body: &Value| {
        alice.call("POST", "/messages").header("idempotency-key", &id).json(body).send().await
    };
    let first = with_key(&body).await?;
    same!(first.ok(201)?.text("clientMsgId")?, id, "the key as clientMsgId");
    same!(*with_key(&body).await?.ok(200)?, *first.ok(201)?, "a repeat by the key");
    let by_field = json!({"conversationId": chat, "content": "x", "clientMsgId": id});
    same!(
        *alice.post("/messages", by_field.clone()).await?.ok(200)?,
        *first.ok(201)?,
        "a repeat by the field"
    );
    with_key(&by_field).await?.ok(200)?;
    same!(bob.history(&chat).await?.len(), 1, "one message");
    Ok(())
}

async fn differing_keys_are_400(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "x", "clientMsgId": "one"});
    let call = alice.call("POST", "/messages").header("idempotency-key", "two").json(&body);
    call.send().await?.fails(400, "VALIDATION")?;
    same!(bob.history(&chat).await?.len(), 0, "nothing stored");
    Ok(())
}

async fn a_missing_client_id_is_made(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "x"});
    let (one, two) = (alice.post("/messages", body.clone()).await?, alice.post("/messages", body).await?);
    let (one, two) = (one.ok(201)?, two.ok(201)?);
    ensure!(one.text("clientMsgId")? != two.text("clientMsgId")?, "each gets one of its own: {one} {two}");
    Ok(())
}

async fn a_repeat_after_leaving_gets_the_first_ids(t: World) -> Outcome {
    let (_owner, ann, _ben, group) = t.group_of_three().await?;
    let body = json!({"conversationId": group.conversation, "content": "x", "clientMsgId": fresh("c")});
    let first = ann.post("/messages", body.clone()).await?;
    let id = first.ok(201)?.at("messageId")?.clone();
    ann.delete(&format!("/groups/{}/members/{}", group.id, ann.id)).await?.ok(200)?;
    same!(*ann.post("/messages", body).await?.ok(200)?.at("messageId")?, id, "the first one's id");
    let new = json!({"conversationId": group.conversation, "content": "y", "clientMsgId": fresh("c")});
    ann.post("/messages", new).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
    Ok(())
}

async fn fifty_at_once_make_one_message(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let body = json!({"conversationId": chat, "content": "once", "clientMsgId": fresh("c")});
    let all = (0..50).map(|_| alice.post("/messages", body.clone()));
    let (mut ids, mut created) = (std::collections::HashSet::new(), 0);
    for reply in futures_util::future::try_join_all(all).await? {
        ids.insert(reply.fine()?.text("messageId")?.to_owned());
        created += usize::from(reply.status == 201);
    }
    same!(ids.len(), 1, "one id for all");
    same!(created, 1, "201 once, 200 for the repeats");
    same!(bob.contents(&chat).await?, vec!["once"], "one message");
    Ok(())
}

async fn x_session_id_names_the_sending_session(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two) = (alice.connect().await?, alice.connect().await?);
    let body = json!({"conversationId": chat, "content": "from one", "clientMsgId": fresh("c")});
    let call = alice.call("POST", "/messages").header("x-session-id", one.session()?).json(&body);
    call.send().await?.ok(201)?;
    two.hears("from one").await?;
    alice.say(&chat, "from none").await?;
    one.hears("from none").await?;
    two.hears("from none").await?;
    one.never("new-message", |d| d["message"]["content"] == "from one")?;
    // Somebody else's session, or nonsense, names none of mine.
    let mut b = bob.connect().await?;
    for (n, session) in [b.session()?.to_owned(), "nonsense".into()].into_iter().enumerate() {
        let text = format!("odd {n}");
        let body = json!({"conversationId": chat, "content": text, "clientMsgId": fresh("c")});
        alice.call("POST", "/messages").header("x-session-id", &session).json(&body).send().await?.ok(201)?;
        one.hears(&text).await?;
        b.hears(&text).await?;
    }
    Ok(())
}

async fn one_message_is_as_in_history(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say(&chat, "x").await?;
    let got = bob.get(&format!("/messages/{}", sent.text("messageId")?)).await?;
    same!(*got.ok(200)?, bob.history(&chat).await?[0], "as in history");
    same!(*got.ok(200)?, sent, "as answered to the sender");
    Ok(())
}

async fn unknown_messages_are_404(t: World) -> Outcome {
    let alice = t.user().await?;
    for id in ["1", "999999999999", "nonsense"] {
        let path = format!("/messages/{id}");
        alice.get(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
        alice.delete(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
        alice.put(&format!("{path}/read"), json!({})).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    }
    Ok(())
}

async fn reading_up_to_a_message(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say_many(&chat, "m", 5).await?;
    let path = format!("/messages/{}/read", sent[2].text("messageId")?);
    let reply = bob.call("PUT", &path).send().await?;
    ensure!(reply.ok(200)?.is_null(), "data is null, as PUT read{}", reply.shown());
    same!(bob.unread(&chat).await?, 2, "unread after reading the third of five");
    Ok(())
}

async fn messages_carry_the_sender(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let message = alice.say(&chat, "x").await?;
    ensure!(message.text("senderName")? == alice.name, "senderName is the sender's name in {message}");
    let mut b = bob.connect().await?;
    alice.say(&chat, "y").await?;
    same!(b.hears("y").await?.text("data.message.senderName")?, alice.name, "senderName in new-message");
    Ok(())
}

async fn too_many_sends_are_limited(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    // Each gateway counts what comes through it.
    let alice = alice.at(&World::new(t.base().one()));
    let mut limited = None;
    'all: for _ in 0..20 {
        let some = (0..20).map(|_| alice.post("/messages", json!({"conversationId": chat, "content": "x"})));
        for reply in futures_util::future::try_join_all(some).await? {
            if reply.status != 201 {
                limited = Some(reply);
                break 'all;
            }
        }
    }
    let limited = limited.ok_or_else(|| anyhow::anyhow!("400 sends in a row were all taken"))?;
    limited.fails(429, "RATE_LIMITED")?;
    let after: u64 = limited.header("retry-after").parse().unwrap_or(0);
    ensure!((1..=10).contains(&after), "Retry-After in seconds{}", limited.shown());
    bob.say(&chat, "others are not held up").await?;
    Ok(())
}

async fn replies_and_mentions_are_kept(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let first = bob.say(&chat, "question").await?;
    let body = json!({"conversationId": chat, "content": "answer", "replyTo": first["messageId"],
        "mentions": [bob.id], "clientMsgId": fresh("c")});
    alice.post("/messages", body).await?.ok(201)?;
    let seen = bob.history(&chat).await?[1].clone();
    same!(seen.at("replyTo")?, first.at("messageId")?, "replyTo");
    same!(*seen.at("mentions")?, json!([bob.id]), "mentions");
    Ok(())
}

async fn empty_content_needs_an_attachment(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let attachment = json!({"url": "https://example.org/cat.png", "name": "cat.png", "size": 12});
    let with =
        json!({"conversationId": chat, "content": "", "messageType": "image", "attachment": attachment});
    alice.post("/messages", with).await?.ok(201)?;
    let seen = bob.history(&chat).await?[0].clone();
    same!((seen.text("content")?, seen.text("type")?), ("", "image"), "content and type");
    ensure!(seen.has("attachment"), "the attachment comes back in {seen}");
    let without = json!({"conversationId": chat, "content": "", "messageType": "image"});
    alice.post("/messages", without).await?.fails(400, "VALIDATION")?;
    let text =
        json!({"conversationId": chat, "content": " ", "messageType": "text", "attachment": attachment});
    alice.post("/messages", text).await?.invalid("content")
}
