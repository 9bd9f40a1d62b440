//! The list of conversations, opening one, hiding one, and the world.

use anyhow::{bail, ensure};
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "conversations";
    "GET /conversations: an array; everyone is in world" => a_new_user_has_the_world,
    "world first, then the newest activity" => world_is_first_then_newest_activity,
    "conversation = {conversationId, type, target, lastMessage, lastMessageTime, unreadCount, lastSeq, readSeq, muted, pinned}" => each_kind_has_its_fields,
    "target of a group is {groupId, groupName, avatar, memberCount, description}" => a_group_target_is_told,
    "POST /conversations: 201 conversation of type single (200 when it exists)" => opening_is_201_then_200,
    "an opened conversation exists for both" => opening_is_for_both,
    "GET /conversations/{id}" => one_conversation_is_as_in_the_list,
    "a conversation that exists but is not mine is CONVERSATION_NOT_FOUND" => strangers_get_not_found,
    "lastMessage, lastMessageTime follow the newest message" => the_last_message_is_shown,
    "DELETE /conversations/{id} hides it from my list until something new arrives" => hiding_lasts_until_something_new,
    "hiding is mine alone; the history stays" => hiding_is_mine_alone,
    "a friend's changed name or avatar is shown in target (a profile may take a second)" => targets_follow_profiles,
    "the world conversation's id is the string world; anyone writes and reads there" => world_is_for_everyone,
    "the world's memberCount is how many are online" => world_counts_who_is_online,
}

async fn a_new_user_has_the_world(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = alice.get("/conversations").await?;
    let list = reply.ok(200)?.list("")?;
    same!(list.len(), 1, "world alone");
    same!(list[0].text("conversationId")?, "world", "its id");
    same!(list[0].text("type")?, "world", "its type");
    shape::conversation(&list[0])
}

async fn world_is_first_then_newest_activity(t: World) -> Outcome {
    let (alice, bob, ann) = t.three().await?;
    let first = alice.befriend(&bob).await?;
    let second = alice.befriend(&ann).await?;
    let group = alice.group(&[&bob]).await?.conversation;
    for (who, to, text) in [(&bob, &first, "1"), (&ann, &second, "2"), (&bob, &group, "3")] {
        who.say(to, text).await?;
        // Times are in milliseconds: the next one is another.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    same!(
        alice.listed().await?,
        vec!["world".into(), group.clone(), second.clone(), first.clone()],
        "the order"
    );
    alice.say(&first, "4").await?;
    same!(alice.listed().await?, vec!["world".into(), first, group, second], "the order after a new message");
    Ok(())
}

async fn each_kind_has_its_fields(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.group(&[&bob]).await?;
    bob.say(&chat, "hi").await?;
    let reply = alice.get("/conversations").await?;
    for conversation in reply.ok(200)?.list("")? {
        shape::conversation(conversation)?;
    }
    let mut kinds = reply.ok(200)?.each("type")?;
    kinds.sort();
    same!(kinds, vec!["group", "single", "world"], "one of each kind");
    Ok(())
}

async fn a_group_target_is_told(t: World) -> Outcome {
    let (alice, bob, ann) = t.three().await?;
    let body = json!({"groupName": "Hiking ⛰", "members": [bob.id, ann.id], "avatar": "https://example.org/g.png",
        "description": "on foot"});
    let reply = alice.post("/groups", body).await?;
    let id = reply.ok(201)?.text("conversation.conversationId")?.to_owned();
    for user in [&alice, &bob, &ann] {
        let target = user.conversation(&id).await?.at("target")?.clone();
        same!(target.text("groupId")?, reply.json.text("data.group.groupId")?, "groupId");
        same!(target.text("groupName")?, "Hiking ⛰", "groupName");
        same!(target.text("avatar")?, "https://example.org/g.png", "avatar");
        same!(target.text("description")?, "on foot", "description");
        same!(target.int("memberCount")?, 3, "memberCount");
    }
    Ok(())
}

async fn opening_is_201_then_200(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let made = alice.post("/conversations", json!({"targetUserId": bob.id})).await?;
    shape::conversation(made.ok(201)?)?;
    same!(made.ok(201)?.text("type")?, "single", "the type");
    same!(made.ok(201)?.text("target.userId")?, bob.id, "the target");
    let again = alice.post("/conversations", json!({"targetUserId": bob.id})).await?;
    same!(again.ok(200)?.at("conversationId")?, made.ok(201)?.at("conversationId")?, "the same one");
    let snake = alice.post("/conversations", json!({"target_user_id": bob.id})).await?;
    same!(
        snake.ok(200)?.at("conversationId")?,
        made.ok(201)?.at("conversationId")?,
        "the same in snake_case"
    );
    Ok(())
}

async fn opening_is_for_both(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let chat = alice.chat_with(&bob).await?;
    same!(bob.chat_with(&alice).await?, chat, "bob's side to be the same conversation");
    bob.say(&chat, "both ways").await?;
    alice.say(&chat, "yes").await?;
    same!(bob.contents(&chat).await?, vec!["both ways", "yes"], "one history");
    same!(bob.get("/friends").await?.ok(200)?.list("")?.len(), 0, "a conversation to make no friends");
    Ok(())
}

async fn one_conversation_is_as_in_the_list(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.say(&chat, "hello").await?;
    let one = alice.get(&format!("/conversations/{chat}")).await?;
    same!(
        *one.ok(200)?,
        alice.conversation(&chat).await?,
        "GET /conversations/{{id}} to be as the list says"
    );
    let world = alice.get("/conversations/world").await?;
    shape::conversation(world.ok(200)?)
}

async fn strangers_get_not_found(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let message = alice.say(&chat, "secret").await?;
    let eve = t.user().await?;
    for id in [chat.as_str(), "1", "999999999999", "nonsense"] {
        let paths = [format!("/conversations/{id}"), format!("/conversations/{id}/messages")];
        for path in paths {
            eve.get(&path).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
        }
        eve.put(&format!("/conversations/{id}/read"), json!({}))
            .await?
            .fails(404, "CONVERSATION_NOT_FOUND")?;
        eve.delete(&format!("/conversations/{id}")).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
        let body = json!({"conversationId": id, "content": "x", "clientMsgId": fresh("c")});
        eve.post("/messages", body).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
    }
    let path = format!("/messages/{}", message.text("messageId")?);
    eve.get(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    eve.put(&format!("{path}/read"), json!({})).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    eve.delete(&path).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    Ok(())
}

async fn the_last_message_is_shown(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    same!(alice.conversation(&chat).await?.text("lastMessage")?, "", "no message yet");
    for text in ["one", "two 🙂", "ثلاثة"] {
        let sent = bob.say(&chat, text).await?;
        let seen = alice.conversation(&chat).await?;
        same!(seen.text("lastMessage")?, text, "lastMessage");
        same!(seen.text("lastMessageTime")?, sent.text("sendTime")?, "lastMessageTime");
        same!(seen.int("lastSeq")?, sent.int("seq")?, "lastSeq");
    }
    Ok(())
}

async fn hiding_lasts_until_something_new(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.say(&chat, "old").await?;
    let reply = alice.delete(&format!("/conversations/{chat}")).await?;
    reply.ok(200)?;
    same!(alice.listed().await?, vec!["world"], "the list without it");
    bob.say(&chat, "new").await?;
    ensure!(alice.listed().await?.contains(&chat), "something new brings it back");
    same!(alice.contents(&chat).await?, vec!["old", "new"], "the whole history");
    alice.delete(&format!("/conversations/{chat}")).await?.ok(200)?;
    alice.say(&chat, "my own").await?;
    ensure!(alice.listed().await?.contains(&chat), "an own message is something new too");
    Ok(())
}

async fn hiding_is_mine_alone(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.say(&chat, "x").await?;
    alice.delete(&format!("/conversations/{chat}")).await?.ok(200)?;
    ensure!(bob.listed().await?.contains(&chat), "bob's list is untouched");
    same!(alice.contents(&chat).await?, vec!["x"], "the history to be readable still");
    alice.get(&format!("/conversations/{chat}")).await?.ok(200)?;
    Ok(())
}

async fn targets_follow_profiles(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.put("/users/profile", json!({"avatar": "https://example.org/new.png"})).await?.ok(200)?;
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while alice.conversation(&chat).await?.text("target.avatar")? != "https://example.org/new.png" {
        if std::time::Instant::now() > patience {
            bail!("the target's avatar does not follow the profile")
        }
    }
    Ok(())
}

async fn world_is_for_everyone(t: World) -> Outcome {
    let _quiet = t.world_room.lock().await;
    let (alice, bob) = t.two().await?;
    let mut b = bob.connect().await?;
    let text = fresh("hello world ");
    let sent = alice.say("world", &text).await?;
    shape::message(&sent)?;
    same!(sent.text("conversationId")?, "world", "its conversation");
    let frame = b.hears(&text).await?;
    same!(frame.text("data.conversationId")?, "world", "its conversation in new-message");
    same!(bob.contents("world").await?.contains(&text), true, "it in the history");
    let got = bob.get(&format!("/messages/{}", sent.text("messageId")?)).await?;
    same!(got.ok(200)?.text("content")?, text, "GET /messages/{{id}} in world");
    Ok(())
}

async fn world_counts_who_is_online(t: World) -> Outcome {
    let users = t.users(3).await?;
    let mut sockets = Vec::new();
    for user in &users {
        sockets.push(user.connect().await?);
    }
    let second = users[0].connect().await?;
    let guest = t.guest().await?;
    counts(&users[0], 3).await?;
    let g = guest.connect().await?;
    counts(&users[0], 4).await?;
    drop((sockets, second, g));
    counts(&users[0], 0).await
}

/// Waits until the count is this; leavings are told 5 s later, and earlier cases may just have left.
async fn counts(user: &crate::user::User, expected: i64) -> Outcome {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let seen = user.conversation("world").await?.int("target.memberCount")?;
        if seen == expected {
            return Ok(());
        }
        ensure!(
            std::time::Instant::now() < patience,
            "memberCount of world is {seen}, online are {expected}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
