//! Read pointers and what is unread.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::user::User;
use crate::world::{World, fresh};

cases! { "unread";
    "unreadCount = lastSeq - max(readSeq, my own last send's seq, lastSeq when I joined)" => unread_is_arithmetic,
    "sending means having read; my own messages never count" => sending_means_having_read,
    "PUT read: default all; null" => reading_all_is_the_default,
    "PUT read only grows" => the_read_pointer_only_grows,
    "seq above lastSeq is cut to it" => a_pointer_above_the_end_is_cut,
    "readSeq as shown includes my own last send" => read_seq_includes_my_own_send,
    "my other devices get read {conversationId, seq, unreadCount}" => my_devices_hear_of_it,
    "PUT read works for world too" => the_world_can_be_read,
    "in world my unread starts at my registration" => the_world_is_unread_from_registration,
    "my unread in a group starts at my joining" => a_group_is_unread_from_joining,
    "unread counts are each member's own" => members_have_their_own_counts,
    "a wrong seq is 400" => wrong_pointers_are_400,
    "a recalled message still counts" => a_recalled_message_still_counts,
    "mark-read {conversationId, seq?}: read to all my devices" => mark_read_over_the_socket,
    "PUT read: what is pushed is the absolute value" => pushed_counts_are_absolute,
}

async fn read(user: &User, chat: &str, body: serde_json::Value) -> anyhow::Result<()> {
    let reply = user.put(&format!("/conversations/{chat}/read"), body).await?;
    ensure!(reply.ok(200)?.is_null(), "data is null{}", reply.shown());
    Ok(())
}

async fn unread_is_arithmetic(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    same!(bob.unread(&chat).await?, 0, "nothing at first");
    alice.say_many(&chat, "a", 5).await?;
    same!(bob.unread(&chat).await?, 5, "5 - 0");
    read(&bob, &chat, json!({"seq": 2})).await?;
    same!(bob.unread(&chat).await?, 3, "5 - readSeq 2");
    bob.say(&chat, "b").await?;
    same!(bob.unread(&chat).await?, 0, "6 - own last send 6");
    alice.say_many(&chat, "c", 2).await?;
    same!(bob.unread(&chat).await?, 2, "8 - own last send 6");
    read(&bob, &chat, json!({"seq": 7})).await?;
    same!(bob.unread(&chat).await?, 1, "8 - readSeq 7");
    let seen = bob.conversation(&chat).await?;
    same!((seen.int("lastSeq")?, seen.int("readSeq")?), (8, 7), "lastSeq and readSeq");
    Ok(())
}

async fn sending_means_having_read(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "a", 3).await?;
    same!(alice.unread(&chat).await?, 0, "own messages never to count");
    same!(bob.unread(&chat).await?, 3, "they count for the other");
    bob.connect().await?.say(&chat, "answer").await?;
    same!(bob.unread(&chat).await?, 0, "an answer over the socket to mean having read");
    same!(alice.unread(&chat).await?, 1, "the answer to count for alice");
    Ok(())
}

async fn reading_all_is_the_default(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "a", 3).await?;
    read(&bob, &chat, json!({})).await?;
    same!(bob.unread(&chat).await?, 0, "all read");
    alice.say(&chat, "one more").await?;
    same!(bob.unread(&chat).await?, 1, "the next one");
    read(&bob, &chat, json!({"seq": null})).await?;
    same!(bob.unread(&chat).await?, 0, "all read with null");
    Ok(())
}

async fn the_read_pointer_only_grows(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "a", 5).await?;
    read(&bob, &chat, json!({"seq": 4})).await?;
    read(&bob, &chat, json!({"seq": 2})).await?;
    read(&bob, &chat, json!({"seq": 0})).await?;
    same!(bob.conversation(&chat).await?.int("readSeq")?, 4, "readSeq not to shrink");
    let at_once = (1..=5).rev().map(|seq| read(&bob, &chat, json!({"seq": seq})));
    let at_once: Vec<_> = at_once.collect();
    futures_util::future::try_join_all(at_once).await?;
    same!(bob.unread(&chat).await?, 0, "the highest of many at once to stay");
    Ok(())
}

async fn a_pointer_above_the_end_is_cut(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "a", 2).await?;
    read(&bob, &chat, json!({"seq": 1_000_000})).await?;
    same!(bob.conversation(&chat).await?.int("readSeq")?, 2, "readSeq cut to lastSeq");
    alice.say(&chat, "new").await?;
    same!(bob.unread(&chat).await?, 1, "the next message to be unread");
    Ok(())
}

async fn read_seq_includes_my_own_send(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.say(&chat, "hi").await?;
    let sent = alice.say(&chat, "hello").await?;
    same!(alice.conversation(&chat).await?.int("readSeq")?, sent.int("seq")?, "readSeq after sending");
    Ok(())
}

async fn my_devices_hear_of_it(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two, mut a) = (bob.connect().await?, bob.connect().await?, alice.connect().await?);
    alice.say_many(&chat, "a", 3).await?;
    read(&bob, &chat, json!({"seq": 2})).await?;
    for socket in [&mut one, &mut two] {
        let frame = socket.expect("read", |d| d["conversationId"] == chat.as_str()).await?;
        same!(frame.int("data.seq")?, 2, "seq");
        same!(frame.int("data.unreadCount")?, 1, "unreadCount");
    }
    bob.say(&chat, "marker").await?;
    a.hears("marker").await?;
    a.never("read", |d| d["conversationId"] == chat.as_str())
}

async fn the_world_can_be_read(t: World) -> Outcome {
    let _quiet = t.world_room.lock().await;
    let (alice, bob) = t.two().await?;
    let sent = alice.say_many("world", &fresh("w "), 2).await?;
    ensure!(bob.unread("world").await? >= 2, "two more are unread in world");
    let last = sent[1].int("seq")?;
    read(&bob, "world", json!({"seq": last})).await?;
    ensure!(bob.conversation("world").await?.int("readSeq")? >= last, "readSeq follows in world");
    Ok(())
}

async fn the_world_is_unread_from_registration(t: World) -> Outcome {
    let _quiet = t.world_room.lock().await;
    let alice = t.user().await?;
    alice.say_many("world", &fresh("before "), 2).await?;
    let name = fresh("late_");
    t.register(&name).await?;
    let sent = alice.say_many("world", &fresh("after "), 3).await?;
    let late = t.login(&name, crate::world::PASSWORD).await?;
    let seen = late.conversation("world").await?;
    let unread = seen.int("unreadCount")?;
    // Other cases may write in world meanwhile; nothing from before may count.
    let since = seen.int("lastSeq")? - sent[0].int("seq")? + 1;
    ensure!(
        unread >= 3 && unread <= since + 20,
        "unread in world is {unread}, since registering {since} were sent"
    );
    let late = t.user().await?;
    let fresh_unread = late.unread("world").await?;
    ensure!(fresh_unread <= 20, "a new user has {fresh_unread} unread in world: history from before counts");
    Ok(())
}

async fn a_group_is_unread_from_joining(t: World) -> Outcome {
    let (owner, ann, ben) = t.three().await?;
    let group = owner.group(&[&ann]).await?;
    owner.say_many(&group.conversation, "before", 4).await?;
    owner.post(&format!("/groups/{}/members", group.id), json!({"members": [ben.id]})).await?.fine()?;
    same!(ben.unread(&group.conversation).await?, 0, "nothing from before the joining");
    same!(ann.unread(&group.conversation).await?, 4, "ann's count");
    owner.say(&group.conversation, "after").await?;
    same!(ben.unread(&group.conversation).await?, 1, "what came after");
    same!(ben.history(&group.conversation).await?.len(), 5, "history from before I joined to be readable");
    Ok(())
}

async fn members_have_their_own_counts(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    owner.say_many(&group.conversation, "m", 4).await?;
    read(&ann, &group.conversation, json!({"seq": 3})).await?;
    same!(ann.unread(&group.conversation).await?, 1, "ann's");
    same!(ben.unread(&group.conversation).await?, 4, "ben's");
    same!(owner.unread(&group.conversation).await?, 0, "the sender's");
    Ok(())
}

async fn wrong_pointers_are_400(t: World) -> Outcome {
    let (_alice, bob, chat) = t.two_friends().await?;
    for seq in [json!(-1), json!("x"), json!(1.5), json!([1]), json!({})] {
        bob.put(&format!("/conversations/{chat}/read"), json!({"seq": seq})).await?.invalid("seq")?;
    }
    Ok(())
}

async fn a_recalled_message_still_counts(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let sent = alice.say_many(&chat, "a", 2).await?;
    alice.delete(&format!("/messages/{}", sent[1].text("messageId")?)).await?.ok(200)?;
    same!(bob.unread(&chat).await?, 2, "the recalled one to count still");
    same!(bob.conversation(&chat).await?.text("lastMessage")?, "", "its lastMessage");
    Ok(())
}

async fn mark_read_over_the_socket(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut one, mut two) = (bob.connect().await?, bob.connect().await?);
    alice.say_many(&chat, "a", 3).await?;
    let id = one.request("mark-read", json!({"conversationId": chat, "seq": 1})).await?;
    for (socket, id) in [(&mut one, json!(id)), (&mut two, json!(null))] {
        let frame = socket.expect("read", |d| d["conversationId"] == chat.as_str()).await?;
        same!((frame.int("data.seq")?, frame.int("data.unreadCount")?), (1, 2), "seq and unreadCount");
        same!(frame["id"], id, "the id of the request, for who asked only");
    }
    let id = one.request("mark-read", json!({"conversationId": chat, "seq": 1})).await?;
    let frame = one.answer("read", &id).await?;
    same!((frame.int("data.seq")?, frame.int("data.unreadCount")?), (1, 2), "answered though nothing moved");
    two.expect("read", |d| d["seq"] == 1).await?;
    two.request("mark-read", json!({"conversationId": chat})).await?;
    let frame = one.expect("read", |d| d["conversationId"] == chat.as_str()).await?;
    same!((frame.int("data.seq")?, frame.int("data.unreadCount")?), (3, 0), "all by default");
    same!(bob.unread(&chat).await?, 0, "the list to agree");
    one.refused("mark-read", json!({"conversationId": "999999999999"}), "CONVERSATION_NOT_FOUND").await?;
    one.refused("mark-read", json!({"conversationId": chat, "seq": "x"}), "VALIDATION").await?;
    one.refused("mark-read", json!({}), "VALIDATION").await?;
    Ok(())
}

async fn pushed_counts_are_absolute(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut b = bob.connect().await?;
    alice.say_many(&chat, "a", 4).await?;
    for seq in 1..=4 {
        read(&bob, &chat, json!({"seq": seq})).await?;
        let frame = b.expect("read", |d| d["seq"] == seq).await?;
        same!(frame.int("data.unreadCount")?, 4 - seq, "the absolute count");
    }
    Ok(())
}
