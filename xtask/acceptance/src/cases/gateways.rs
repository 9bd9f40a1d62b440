//! What must hold when a user's calls and sockets are spread over several gateways; with one it holds all the more.

use anyhow::{Context, Result};
use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use crate::Outcome;
use crate::client::Socket;
use crate::json::Json;
use crate::world::{PASSWORD, World, fresh};

cases! { "gateways";
    "the same id sent over two sockets at once: one message, both are told its ids" => the_same_send_twice_at_once,
    "what one call has answered is in everybody's next call, wherever it goes" => an_answer_is_there_for_all,
    "a group growing and shrinking across 500 in mid-stream: nobody's order breaks" => crossing_500_keeps_order,
    "50 logins of one name at once" => fifty_logins_of_one_name,
    "a token ended at one gateway is refused in the next call, wherever it goes" => a_logout_counts_everywhere,
}

async fn the_same_send_twice_at_once(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut bobs = bob.connect().await?;
    let (mut one, mut two) = (alice.connect().await?, alice.connect().await?);
    for n in 0..20 {
        let (id, text) = (fresh("c"), format!("only once {n}"));
        let (a, b) = tokio::try_join!(one.say_as(&chat, &text, &id), two.say_as(&chat, &text, &id))?;
        same!(a, b, "both told the same ids");
        same!(a.seq, n + 1, "one message, the next sequence");
    }
    bobs.hears("only once 19").await?;
    same!(bob.contents(&chat).await?.len(), 20, "20 messages in history");
    same!(bob.unread(&chat).await?, 20, "each counted once");
    Ok(())
}

async fn an_answer_is_there_for_all(t: World) -> Outcome {
    let (alice, bob, carl) = t.three().await?;
    let group = alice.group(&[&bob]).await?;
    let (room, members) = (&group.conversation, format!("/groups/{}/members", group.id));
    for n in 0..10 {
        let name = format!("name {n}");
        alice.put(&format!("/groups/{}", group.id), json!({"groupName": name})).await?.ok(200)?;
        let seen = bob.get(&format!("/groups/{}", group.id)).await?;
        same!(seen.ok(200)?.text("groupName")?, name, "the new name in the next call");

        alice.post(&members, json!({"members": [carl.id]})).await?.fine()?;
        let seq = carl.say(room, "a member at once").await?.int("seq")?;
        same!(seq, n + 1, "the next sequence");
        same!(bob.conversation(room).await?.int("lastSeq")?, seq, "lastSeq in the next call");
        same!(bob.history(room).await?.len() as i64, seq, "the message in the next page");

        alice.delete(&format!("{members}/{}", carl.id)).await?.ok(200)?;
        let body = json!({"conversationId": room, "content": "no more", "messageType": "text"});
        carl.post("/messages", body).await?.fails(404, "CONVERSATION_NOT_FOUND")?;

        bob.put(&format!("/conversations/{room}/read"), json!({"seq": seq})).await?.ok(200)?;
        same!(bob.unread(room).await?, 0, "read in the next call");
    }
    alice.delete(&format!("/groups/{}", group.id)).await?.ok(200)?;
    bob.get(&format!("/groups/{}", group.id)).await?.fails(404, "GROUP_NOT_FOUND")?;

    let chat = alice.befriend(&bob).await?;
    same!(bob.listed().await?.contains(&chat), true, "the conversation in the other's next list");
    let nickname = fresh("n");
    alice.put("/users/profile", json!({"nickname": nickname})).await?.ok(200)?;
    let seen = bob.get(&format!("/users/{}", alice.name)).await?;
    same!(seen.ok(200)?.text("nickname")?, nickname, "the nickname in the next call");
    Ok(())
}

/// Up to here nothing is missing, doubled or out of order.
async fn in_order(user: &str, socket: &mut Socket, room: &str, last: &str, count: usize) -> Result<()> {
    socket.hears(last).await?;
    let mut seqs = Vec::new();
    for message in socket.heard(room) {
        seqs.push(message.int("seq")?);
    }
    let want: Vec<i64> = (1..=count as i64).collect();
    same!(seqs, want, "{user} hears every message once and in order");
    Ok(())
}

async fn crossing_500_keeps_order(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let (owner, ann, ben) = t.three().await?;
    let group = owner.group(&[&ann, &ben]).await?;
    let path = format!("/groups/{}/members", group.id);
    // Together 505: owner, ann, ben and 502 others.
    let others: Vec<&str> = crowd.members[..502].iter().map(|(id, _)| id.as_str()).collect();
    for part in others.chunks(100) {
        owner.post(&path, json!({"members": part})).await?.fine()?;
    }
    let (mut anns, mut bens, mut owners) =
        (ann.connect().await?, ben.connect().await?, owner.connect().await?);
    let (room, mut count) = (group.conversation.clone(), 0);
    for round in 0..3 {
        let sends = async {
            for n in 0..30 {
                owners.begin(&room, &format!("{round} {n}"), &fresh("c")).await?;
                // Spread over the changes.
                owners.settle().await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        let changes = async {
            for id in &others[..8] {
                owner.delete(&format!("{path}/{id}")).await?.ok(200)?;
            }
            owner.post(&path, json!({"members": &others[..8]})).await?.fine()?;
            Ok::<_, anyhow::Error>(())
        };
        tokio::try_join!(sends, changes).with_context(|| format!("round {round}"))?;
        count += 30;
    }
    let last = owners.say(&room, "the last").await?;
    count += 1;
    same!(last.seq, count, "every message is stored");
    in_order("ann", &mut anns, &room, "the last", count as usize).await?;
    in_order("ben", &mut bens, &room, "the last", count as usize).await?;
    Ok(())
}

async fn fifty_logins_of_one_name(t: World) -> Outcome {
    let name = fresh("u_");
    t.register(&name).await?;
    let logins = try_join_all((0..50).map(|_| t.login(&name, PASSWORD))).await?;
    let id = &logins[0].id;
    same!(logins.iter().all(|login| login.id == *id), true, "all are the same user");
    let answers = join_all(logins.iter().map(|login| login.get("/users/info"))).await;
    for answer in answers {
        same!(answer?.ok(200)?.text("userId")?, id.as_str(), "each login is good");
    }
    Ok(())
}

async fn a_logout_counts_everywhere(t: World) -> Outcome {
    for _ in 0..6 {
        let user = t.user().await?;
        user.post("/auth/logout", json!({})).await?.ok(200)?;
        for _ in 0..4 {
            user.get("/users/info").await?.fails(401, "UNAUTHENTICATED")?;
        }
    }
    Ok(())
}
