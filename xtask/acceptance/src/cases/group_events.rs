//! What members of a group are told, and what becomes of those who go.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "group_events";
    "membership {conversationId, groupId, userId, role or null, action, by} is pushed" => memberships_are_pushed,
    "conversation-update with conversation whole when it is new to me" => a_new_group_is_pushed_whole,
    "what a removed member's socket gets ends with the removal" => removed_members_hear_nothing_more,
    "one who left can be added again; unread starts at the joining" => one_who_left_can_come_back,
    "who was removed: nothing stored after it, however fast it sends" => nothing_is_stored_after_a_removal,
    "who was muted: nothing stored after it, however fast it sends" => nothing_is_stored_after_a_mute,
    "a dissolved group is told to its members" => a_dissolved_group_is_told,
}

async fn memberships_are_pushed(t: World) -> Outcome {
    let (owner, ann, ben) = t.three().await?;
    let group = owner.group(&[&ann]).await?;
    let (mut o, mut a, mut b) = (owner.connect().await?, ann.connect().await?, ben.connect().await?);
    let about = |role: serde_json::Value| {
        let (user, group) = (ben.id.clone(), group.clone());
        move |d: &serde_json::Value| {
            d["userId"] == user.as_str()
                && d["groupId"] == group.id.as_str()
                && d["role"] == role
                && d["conversationId"] == group.conversation.as_str()
                && d["action"].is_string()
        }
    };
    owner.post(&format!("/groups/{}/members", group.id), json!({"members": [ben.id]})).await?.fine()?;
    for socket in [&mut o, &mut a, &mut b] {
        let frame = socket.expect("membership", about(json!("member"))).await?;
        same!(frame.text("data.by")?, owner.id, "by whom");
    }
    let path = format!("/groups/{}/members/{}", group.id, ben.id);
    owner.put(&path, json!({"role": "admin"})).await?.ok(200)?;
    for socket in [&mut o, &mut a, &mut b] {
        socket.expect("membership", about(json!("admin"))).await?;
    }
    owner.delete(&path).await?.ok(200)?;
    for socket in [&mut o, &mut a, &mut b] {
        socket.expect("membership", about(json!(null))).await?;
    }
    Ok(())
}

async fn a_new_group_is_pushed_whole(t: World) -> Outcome {
    let (owner, ann) = t.two().await?;
    let mut socket = ann.connect().await?;
    let group = owner.group(&[&ann]).await?;
    let mine = |d: &serde_json::Value| {
        d["conversationId"] == group.conversation.as_str() && d.get("conversation").is_some()
    };
    let frame = socket.expect("conversation-update", mine).await?;
    same!(frame.text("data.type")?, "conversation-update", "the inner type");
    shape::conversation(frame.at("data.conversation")?)?;
    same!(frame.text("data.conversation.target.groupId")?, group.id, "its group");
    Ok(())
}

async fn removed_members_hear_nothing_more(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let chat = owner.befriend(&ann).await?;
    let mut a = ann.connect().await?;
    owner.delete(&format!("/groups/{}/members/{}", group.id, ann.id)).await?.ok(200)?;
    ben.say(&group.conversation, "not for ann").await?;
    owner.say(&group.conversation, "nor this").await?;
    owner.say(&chat, "marker").await?;
    a.hears("marker").await?;
    a.never("new-message", |d| d["conversationId"] == group.conversation.as_str())
}

async fn one_who_left_can_come_back(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    owner.say(&group.conversation, "1").await?;
    ann.delete(&format!("/groups/{}/members/{}", group.id, ann.id)).await?.ok(200)?;
    owner.say(&group.conversation, "2").await?;
    owner.post(&format!("/groups/{}/members", group.id), json!({"members": [ann.id]})).await?.fine()?;
    same!(ann.unread(&group.conversation).await?, 0, "unread from the new joining on");
    same!(ann.contents(&group.conversation).await?, vec!["1", "2"], "history from before is readable");
    ann.say(&group.conversation, "3").await?;
    Ok(())
}

async fn nothing_is_stored_after_a_removal(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    stops_at_once(&owner, &ann, &group.conversation, owner.call("DELETE", &path)).await
}

async fn nothing_is_stored_after_a_mute(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    let mute = owner.call("PUT", &path).json(&json!({"mutedUntil": "2099-01-01T00:00:00.000Z"}));
    stops_at_once(&owner, &ann, &group.conversation, mute).await
}

/// `sender` sends as fast as it may over two ways; once `end` is answered nothing new of it may be stored.
async fn stops_at_once(
    owner: &crate::user::User,
    sender: &crate::user::User,
    room: &str,
    end: crate::client::Call,
) -> Outcome {
    let stop = AtomicBool::new(false);
    let mut socket = sender.connect().await?;
    let by_socket = async {
        for n in 0..45 {
            socket.begin(room, &format!("socket {n}"), &fresh("c")).await?;
            tokio::task::yield_now().await;
        }
        socket.settle().await
    };
    let by_http = async {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) && sent < 45 {
            let body =
                json!({"conversationId": room, "content": format!("http {sent}"), "clientMsgId": fresh("c")});
            sender.post("/messages", body).await?;
            sent += 1;
        }
        Ok::<_, anyhow::Error>(())
    };
    let ending = async {
        while owner.conversation(room).await?.int("lastSeq")? < 5 {}
        let answered = end.send().await;
        let head = owner.conversation(room).await?.int("lastSeq")?;
        answered?.ok(200)?;
        // More tries after the answer: none may get in.
        for _ in 0..5 {
            let body = json!({"conversationId": room, "content": "late", "clientMsgId": fresh("c")});
            ensure!(
                !sender.post("/messages", body).await?.status.is_success(),
                "a send after the end is taken"
            );
        }
        stop.store(true, Ordering::Relaxed);
        Ok(head)
    };
    let ((), (), head) = tokio::try_join!(by_socket, by_http, ending)?;
    let last = owner.conversation(room).await?.int("lastSeq")?;
    same!(last, head, "the last sequence to stay once the end was answered");
    Ok(())
}

async fn a_dissolved_group_is_told(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let mut a = ann.connect().await?;
    owner.delete(&format!("/groups/{}", group.id)).await?.ok(200)?;
    let mine = |d: &serde_json::Value| d["groupId"] == group.id.as_str() && d["role"].is_null();
    a.expect("membership", mine).await?;
    Ok(())
}
