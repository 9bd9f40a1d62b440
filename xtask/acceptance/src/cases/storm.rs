//! Everybody does everything at once: no error of ours, and what sync keeps is what the lists say.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;

use super::sync::Copy;
use crate::Outcome;
use crate::client::Reply;
use crate::json::Json;
use crate::shape;
use crate::user::{Group, User};
use crate::world::{World, fresh};

cases! { "storm";
    "everybody acts at once: never a 5xx; a copy kept by sync meanwhile agrees with the lists in the end" => a_storm_of_everything_ends_in_agreement,
    "members added and removed while others send: histories dense, members agree" => members_come_and_go_under_load,
    "befriending, unfriending, opening the same chats by everybody at once" => friendships_at_once,
    "transfer, leave and dissolve at once leave one owner or none" => one_owner_at_most,
}

/// Anything but a fault of ours is an answer.
fn answered(reply: &Reply) -> Result<()> {
    ensure!(!reply.status.is_server_error(), "a fault of the server{}", reply.shown());
    Ok(())
}

async fn one_act(people: &[User], groups: &[Group], who: usize, n: usize) -> Result<()> {
    let (me, group) = (&people[who], &groups[(who + n) % groups.len()]);
    let other = &people[(who + n + 1) % people.len()];
    let members = format!("/groups/{}/members", group.id);
    let reply = match n % 8 {
        0 => me.post("/friends", json!({"friendId": other.id})).await?,
        1 => me.post(&members, json!({"members": [other.id]})).await?,
        2 | 6 => {
            let body =
                json!({"conversationId": group.conversation, "content": "storm", "clientMsgId": fresh("c")});
            me.post("/messages", body).await?
        }
        3 => me.put(&format!("/conversations/{}/read", group.conversation), json!({})).await?,
        4 => me.delete(&format!("{members}/{}", other.id)).await?,
        5 => me.delete(&format!("/friends/{}", other.id)).await?,
        _ => me.post("/conversations", json!({"targetUserId": other.id})).await?,
    };
    answered(&reply)
}

async fn a_storm_of_everything_ends_in_agreement(t: World) -> Outcome {
    let people = t.users(6).await?;
    let all: Vec<&User> = people.iter().collect();
    let groups = try_join_all(people.iter().map(|owner| owner.group(&all))).await?;
    let running = AtomicUsize::new(people.len());
    let acts = people.iter().enumerate().map(|(who, _)| {
        let (people, groups, running) = (&people, &groups, &running);
        async move {
            for n in 0..48 {
                one_act(people, groups, who, n).await?;
            }
            running.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, anyhow::Error>(())
        }
    });
    let copies = people.iter().map(|user| {
        let running = &running;
        async move {
            let mut copy = Copy::default();
            while running.load(Ordering::Relaxed) > 0 {
                copy.catch_up(user, 3).await?;
            }
            Ok::<_, anyhow::Error>(copy)
        }
    });
    let (_, copies) = tokio::try_join!(try_join_all(acts), try_join_all(copies))?;
    for (mut copy, user) in copies.into_iter().zip(&people) {
        copy.catch_up(user, 3).await?;
        copy.equals_lists_but(user, &BTreeSet::new()).await?;
    }
    for group in &groups {
        for user in &people {
            let path = format!("/conversations/{}/messages?afterSeq=0&limit=100", group.conversation);
            let reply = user.get(&path).await?;
            if reply.status == 200 {
                shape::contiguous(&reply.ok(200)?.ints("seq")?)?;
            }
        }
    }
    Ok(())
}

async fn members_come_and_go_under_load(t: World) -> Outcome {
    let (owner, ann, ben) = t.three().await?;
    let group = owner.group(&[&ann, &ben]).await?;
    let mut socket = ann.connect().await?;
    let members = format!("/groups/{}/members", group.id);
    let churn = async {
        for _ in 0..15 {
            owner.delete(&format!("{members}/{}", ben.id)).await?.ok(200)?;
            owner.post(&members, json!({"members": [ben.id]})).await?.fine()?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let sends = async {
        for n in 0..80 {
            socket.say(&group.conversation, &format!("m {n}")).await?;
        }
        Ok(())
    };
    let tries = async {
        let mut taken = 0;
        for _ in 0..60 {
            let body =
                json!({"conversationId": group.conversation, "content": "ben", "clientMsgId": fresh("c")});
            let reply = ben.post("/messages", body).await?;
            match reply.status.as_u16() {
                201 => taken += 1,
                404 => drop(reply.fails(404, "CONVERSATION_NOT_FOUND")?),
                _ => answered(&reply).and_then(|()| reply.ok(201).map(|_| ()))?,
            }
        }
        Ok(taken)
    };
    let ((), (), taken) = tokio::try_join!(churn, sends, tries)?;
    let history = owner.whole_history(&group.conversation).await?;
    same!(history.len(), 80 + taken, "what was taken, once");
    shape::contiguous(&serde_json::Value::from(history.clone()).ints("seq")?)?;
    same!(ben.whole_history(&group.conversation).await?, history, "a member's history");
    same!(
        ann.conversation(&group.conversation).await?.int("target.memberCount")?,
        3,
        "three members in the end"
    );
    Ok(())
}

async fn friendships_at_once(t: World) -> Outcome {
    let people = t.users(5).await?;
    let acts = (0..5).flat_map(|a| (0..5).map(move |b| (a, b))).filter(|(a, b)| a != b).map(|(a, b)| {
        let (me, other) = (&people[a], &people[b]);
        async move {
            answered(&me.post("/friends", json!({"friendId": other.id})).await?)?;
            answered(&me.post("/conversations", json!({"targetUserId": other.id})).await?)?;
            me.befriend(other).await
        }
    });
    try_join_all(acts).await?;
    for user in &people {
        same!(user.get("/friends").await?.ok(200)?.list("")?.len(), 4, "four friends");
        same!(user.listed().await?.len(), 5, "world and four chats, none twice");
    }
    let ends = people.iter().map(|user| async {
        for other in &people {
            if other.id != user.id {
                answered(&user.delete(&format!("/friends/{}", other.id)).await?)?;
            }
        }
        Ok::<_, anyhow::Error>(())
    });
    try_join_all(ends).await?;
    for user in &people {
        same!(user.get("/friends").await?.ok(200)?.list("")?.len(), 0, "no friends");
    }
    Ok(())
}

async fn one_owner_at_most(t: World) -> Outcome {
    for _ in 0..6 {
        let (owner, ann, ben, group) = t.group_of_three().await?;
        let transfer = format!("/groups/{}/transfer", group.id);
        let leave = |user: &User| format!("/groups/{}/members/{}", group.id, user.id);
        let (a, b, c, d) = (leave(&owner), leave(&ann), leave(&ben), format!("/groups/{}", group.id));
        let replies = tokio::try_join!(
            owner.post(&transfer, json!({"userId": ann.id})),
            owner.post(&transfer, json!({"userId": ben.id})),
            owner.delete(&a),
            ann.delete(&b),
            ben.delete(&c),
            owner.delete(&d),
        )?;
        for reply in [&replies.0, &replies.1, &replies.2, &replies.3, &replies.4, &replies.5] {
            answered(reply)?;
        }
        for user in [&owner, &ann, &ben] {
            let reply = user.get(&format!("/groups/{}", group.id)).await?;
            if reply.status == 200 {
                let members = reply.ok(200)?.list("members")?;
                let owners = members.iter().filter(|m| m["role"] == "owner").count();
                same!(owners, 1, "a group that is there has one owner{}", reply.shown());
            } else {
                reply.fails(404, "GROUP_NOT_FOUND")?;
            }
        }
    }
    Ok(())
}
