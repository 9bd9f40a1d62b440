//! Typing, presence, reading: what others and my other devices are told.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::user::User;
use crate::world::World;

cases! { "ws_events";
    "typing {conversationId, userId, username, typing} to the others who are online" => typing_reaches_the_others,
    "typing at most one in 2 s for each conversation; too often: dropped silently" => typing_is_throttled,
    "typing is never stored" => typing_is_not_stored,
    "typing where I'm not: an error" => typing_among_strangers_is_refused,
    "friend-online {userId, online}: first session up" => the_first_session_is_told,
    "friend-online: the last one gone" => the_last_session_gone_is_told,
    "a reconnect within 5 s says nothing" => a_quick_reconnect_says_nothing,
    "a second session says nothing, nor its end" => further_sessions_say_nothing,
    "friend-online is for friends" => strangers_hear_nothing_of_it,
    "two who become friends get each other's at once" => new_friends_hear_of_each_other,
    "group-member-online {groupId, userId, online} for groups of up to 200 members" => group_members_hear_of_each_other,
    "group-member-online: the last session gone" => group_members_hear_of_leaving,
    "no presence after unfriending" => unfriending_ends_presence,
    "friend-online is for changes: none on connecting for who is online already" => connecting_tells_no_snapshot,
}

async fn typing(socket: &mut crate::client::Socket, chat: &str, on: bool) -> anyhow::Result<()> {
    socket.request("typing", json!({"conversationId": chat, "typing": on})).await.map(|_| ())
}

fn online(user: &User, is: bool) -> impl Fn(&Value) -> bool {
    let id = user.id.clone();
    move |d| d["userId"] == id.as_str() && d["online"] == is
}

async fn typing_reaches_the_others(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let (mut o, mut a, mut b) = (owner.connect().await?, ann.connect().await?, ben.connect().await?);
    let mut other = owner.connect().await?;
    typing(&mut o, &group.conversation, true).await?;
    for socket in [&mut a, &mut b] {
        let frame = socket.expect("typing", |d| d["conversationId"] == group.conversation.as_str()).await?;
        same!(frame.text("data.userId")?, owner.id, "userId");
        same!(frame.text("data.username")?, owner.name, "username");
        same!(frame.flag("data.typing")?, true, "typing");
    }
    a.say(&group.conversation, "marker").await?;
    for socket in [&mut o, &mut other] {
        socket.hears("marker").await?;
        // Of this group: who writes in the world channel is told to everybody.
        socket.never("typing", |d| d["conversationId"] == group.conversation.as_str())?;
    }
    Ok(())
}

async fn typing_is_throttled(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let group = alice.group(&[&bob]).await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let started = Instant::now();
    for _ in 0..10 {
        typing(&mut a, &chat, true).await?;
    }
    typing(&mut a, &group.conversation, true).await?;
    a.say(&chat, "marker").await?;
    b.hears("marker").await?;
    b.expect("typing", |d| d["conversationId"] == group.conversation.as_str()).await?;
    let seen = b.count("typing", |d| d["conversationId"] == chat.as_str());
    let allowed = 1 + started.elapsed().as_secs() as usize / 2;
    ensure!(seen >= 1 && seen <= allowed, "{seen} typing frames came in {:?}", started.elapsed());
    a.never("error", |_| true)
}

async fn typing_is_not_stored(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    typing(&mut a, &chat, true).await?;
    b.expect("typing", |_| true).await?;
    same!(bob.history(&chat).await?.len(), 0, "no messages");
    same!(bob.conversation(&chat).await?.int("lastSeq")?, 0, "lastSeq");
    Ok(())
}

async fn typing_among_strangers_is_refused(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut e = t.user().await?.connect().await?;
    let mut b = bob.connect().await?;
    e.refused("typing", json!({"conversationId": chat, "typing": true}), "CONVERSATION_NOT_FOUND").await?;
    e.refused("typing", json!({"conversationId": chat, "typing": "yes"}), "VALIDATION").await?;
    alice.say(&chat, "marker").await?;
    b.hears("marker").await?;
    b.never("typing", |_| true)
}

async fn the_first_session_is_told(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let _b = bob.connect().await?;
    a.expect("friend-online", online(&bob, true)).await?;
    Ok(())
}

async fn the_last_session_gone_is_told(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let b = bob.connect().await?;
    a.expect("friend-online", online(&bob, true)).await?;
    let gone = Instant::now();
    b.close().await?;
    a.expect("friend-online", online(&bob, false)).await?;
    ensure!(
        gone.elapsed() > Duration::from_millis(4500),
        "told after {:?}: a reconnect within 5 s must say nothing",
        gone.elapsed()
    );
    same!(
        *alice.get("/users/status/online").await?.ok(200)?,
        json!({bob.id.clone(): false}),
        "the snapshot to agree"
    );
    Ok(())
}

async fn a_quick_reconnect_says_nothing(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let ann = t.user().await?;
    alice.befriend(&ann).await?;
    let mut a = alice.connect().await?;
    let b = bob.connect().await?;
    a.expect("friend-online", online(&bob, true)).await?;
    b.close().await?;
    let _again = bob.connect().await?;
    // Ann's leaving after Bob's reconnect is told 5 s later: by then Bob's would have been.
    let c = ann.connect().await?;
    a.expect("friend-online", online(&ann, true)).await?;
    c.close().await?;
    a.expect("friend-online", online(&ann, false)).await?;
    a.never("friend-online", online(&bob, false))?;
    same!(a.count("friend-online", online(&bob, true)), 1, "online told once");
    Ok(())
}

async fn further_sessions_say_nothing(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let ann = t.user().await?;
    alice.befriend(&ann).await?;
    let mut a = alice.connect().await?;
    let _one = bob.connect().await?;
    bob.connect().await?.close().await?;
    let c = ann.connect().await?;
    a.expect("friend-online", online(&ann, true)).await?;
    c.close().await?;
    a.expect("friend-online", online(&ann, false)).await?;
    same!(a.count("friend-online", |d| d["userId"] == bob.id.as_str()), 1, "one frame about bob");
    Ok(())
}

async fn strangers_hear_nothing_of_it(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (eve, other) = t.two().await?;
    let stranger_chat = eve.chat_with(&other).await?;
    let mut e = eve.connect().await?;
    let mut b = bob.connect().await?;
    alice.connect().await?.say(&chat, "hi").await?;
    b.hears("hi").await?;
    other.say(&stranger_chat, "marker").await?;
    e.hears("marker").await?;
    e.never("friend-online", |d| d["userId"] == bob.id.as_str() || d["userId"] == alice.id.as_str())
}

async fn new_friends_hear_of_each_other(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    alice.befriend(&bob).await?;
    a.expect("friend-online", online(&bob, true)).await?;
    b.expect("friend-online", online(&alice, true)).await?;
    Ok(())
}

async fn group_members_hear_of_each_other(t: World) -> Outcome {
    let (_owner, ann, ben, group) = t.group_of_three().await?;
    let mut a = ann.connect().await?;
    let _b = ben.connect().await?;
    a.expect("group-member-online", |d| online(&ben, true)(d) && d["groupId"] == group.id.as_str()).await?;
    a.never("friend-online", |d| d["userId"] == ben.id.as_str())
}

async fn group_members_hear_of_leaving(t: World) -> Outcome {
    let (_owner, ann, ben, group) = t.group_of_three().await?;
    let mut a = ann.connect().await?;
    ben.connect().await?.close().await?;
    a.expect("group-member-online", |d| online(&ben, true)(d) && d["groupId"] == group.id.as_str()).await?;
    a.expect("group-member-online", |d| online(&ben, false)(d) && d["groupId"] == group.id.as_str()).await?;
    Ok(())
}

async fn unfriending_ends_presence(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let ann = t.user().await?;
    alice.befriend(&ann).await?;
    alice.delete(&format!("/friends/{}", bob.id)).await?.ok(200)?;
    let mut a = alice.connect().await?;
    let _b = bob.connect().await?;
    let _c = ann.connect().await?;
    a.expect("friend-online", online(&ann, true)).await?;
    a.never("friend-online", |d| d["userId"] == bob.id.as_str())
}

async fn connecting_tells_no_snapshot(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let ann = t.user().await?;
    ann.befriend(&bob).await?;
    let mut witness = ann.connect().await?;
    let mut b = bob.connect().await?;
    // Bob's coming has been told before Alice connects.
    witness.expect("friend-online", online(&bob, true)).await?;
    let mut a = alice.connect().await?;
    b.expect("friend-online", online(&alice, true)).await?;
    b.say(&chat, "marker").await?;
    a.hears("marker").await?;
    a.never("friend-online", |d| d["userId"] == bob.id.as_str())
}
