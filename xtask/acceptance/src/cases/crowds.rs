//! Groups above the limits: lists in pages, and fan-out above 500 members.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use crate::Outcome;
use crate::client::Socket;
use crate::json::Json;
use crate::shape;
use crate::user::User;
use crate::world::{CROWD, Crowd, PASSWORD, World, fresh};

cases! { "crowds";
    "GET /groups/{id}: members paged beyond 200" => member_lists_are_paged_beyond_200,
    "a group above 500 members: every member online gets each message once, in order" => a_crowd_hears_in_order,
    "several senders in a group above 500: one dense order for all" => many_senders_in_a_crowd_make_one_order,
    "never new-message to the sending session, its user's other devices get it, in a crowd too" => a_crowd_spares_the_sending_session,
    "unread in a group above 500" => a_crowd_counts_unread,
    "memberCount of a large group" => a_crowd_is_counted,
    "typing in a group above 500 goes to the others who are online, to none of the typer's own devices" => a_crowd_sees_others_type,
    "no group-member-online in groups of more than 200" => a_crowd_hears_no_presence,
    "recall in a group above 500 reaches the members" => a_recall_reaches_the_crowd,
}

async fn some_members(t: &World, crowd: &Crowd, from: usize, count: usize) -> Result<Vec<User>> {
    try_join_all(crowd.members[from..from + count].iter().map(|(_, name)| t.login(name, PASSWORD))).await
}

async fn connect_all(users: &[User]) -> Result<Vec<Socket>> {
    try_join_all(users.iter().map(User::connect)).await
}

async fn member_lists_are_paged_beyond_200(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let reply = crowd.owner.get(&format!("/groups/{}", crowd.group.id)).await?;
    let shown = reply.ok(200)?.list("members")?.len();
    ensure!((1..=200).contains(&shown), "at most 200 members in one answer, seen {shown}");
    let mut ids = HashSet::new();
    let mut after = String::new();
    for _ in 0..100 {
        let path = format!("/groups/{}/members?limit=100{after}", crowd.group.id);
        let reply = crowd.owner.get(&path).await?;
        for entry in reply.ok(200)?.list("")? {
            shape::member(entry)?;
            ensure!(ids.insert(entry.text("userId")?.to_owned()), "no member twice: {entry}");
        }
        if !reply.json.flag("pagination.hasMore")? {
            break;
        }
        after = format!("&after={}", reply.json.text("pagination.nextAfter")?);
    }
    same!(ids.len(), CROWD + 1, "every member");
    Ok(())
}

async fn a_crowd_hears_in_order(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 0, 12).await?;
    let mut sockets = connect_all(&users).await?;
    let mut owner = crowd.owner.connect().await?;
    let tag = fresh("in order ");
    for n in 1..=30 {
        owner.say(&crowd.group.conversation, &format!("{tag} {n}")).await?;
    }
    for socket in &mut sockets {
        socket.hears(&format!("{tag} 30")).await?;
        let heard = socket.heard(&crowd.group.conversation);
        let mine: Vec<_> =
            heard.iter().filter(|m| m["content"].as_str().is_some_and(|c| c.starts_with(&tag))).collect();
        same!(mine.len(), 30, "each message once");
        let mut last = 0;
        for message in mine {
            ensure!(message.int("seq")? > last, "in order by seq");
            last = message.int("seq")?;
        }
    }
    Ok(())
}

async fn many_senders_in_a_crowd_make_one_order(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 20, 8).await?;
    let mut sockets = connect_all(&users).await?;
    let tag = fresh("mixed ");
    let sends = sockets.iter_mut().enumerate().map(|(who, socket)| {
        let (tag, to) = (&tag, &crowd.group.conversation);
        async move {
            for n in 0..20 {
                socket.say(to, &format!("{tag} {who} {n}")).await?;
            }
            Ok::<_, anyhow::Error>(())
        }
    });
    try_join_all(sends).await?;
    let history: Vec<_> = users[0].whole_history(&crowd.group.conversation).await?;
    shape::contiguous(&serde_json::Value::from(history.clone()).ints("seq")?)?;
    let ours: Vec<_> =
        history.iter().filter(|m| m["content"].as_str().is_some_and(|c| c.starts_with(&tag))).collect();
    same!(ours.len(), 160, "all of them stored once");
    for (socket, user) in sockets.iter_mut().zip(&users) {
        let last = ours.iter().rev().find(|m| m["senderId"] != user.id.as_str());
        if let Some(last) = last {
            socket.hears(last.text("content")?).await?;
        }
        let expected: Vec<_> =
            ours.iter().filter(|m| m["senderId"] != user.id.as_str()).map(|m| &m["messageId"]).collect();
        let heard = socket.heard(&crowd.group.conversation);
        let seen: Vec<_> = heard
            .iter()
            .filter(|m| m["content"].as_str().is_some_and(|c| c.starts_with(&tag)))
            .map(|m| &m["messageId"])
            .collect();
        same!(seen, expected, "what a member hears to be history's order without its own sends");
    }
    Ok(())
}

async fn a_crowd_spares_the_sending_session(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 40, 2).await?;
    let (mut one, mut two) = (users[0].connect().await?, users[0].connect().await?);
    let text = fresh("mine ");
    one.say(&crowd.group.conversation, &text).await?;
    two.hears(&text).await?;
    let marker = fresh("marker ");
    users[1].say(&crowd.group.conversation, &marker).await?;
    one.hears(&marker).await?;
    one.never("new-message", |d| d["message"]["content"] == text.as_str())
}

async fn a_crowd_counts_unread(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 50, 2).await?;
    let sent = users[0].say_many(&crowd.group.conversation, &fresh("u "), 3).await?;
    let seen = users[1].conversation(&crowd.group.conversation).await?;
    same!(seen.int("unreadCount")?, seen.int("lastSeq")? - seen.int("readSeq")?, "lastSeq - readSeq");
    ensure!(seen.int("lastSeq")? >= sent[2].int("seq")?, "lastSeq has what was sent");
    Ok(())
}

async fn a_crowd_is_counted(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let seen = crowd.owner.conversation(&crowd.group.conversation).await?;
    same!(seen.int("target.memberCount")?, CROWD as i64 + 1, "memberCount");
    Ok(())
}

async fn a_recall_reaches_the_crowd(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 60, 2).await?;
    let mut listener = users[1].connect().await?;
    let sent = users[0].say(&crowd.group.conversation, &fresh("oops ")).await?;
    let id = sent.text("messageId")?;
    users[0].delete(&format!("/messages/{id}")).await?.ok(200)?;
    listener.expect("message-recalled", |d| d["messageId"] == id).await?;
    Ok(())
}

async fn a_crowd_hears_no_presence(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 70, 3).await?;
    let mut listener = users[0].connect().await?;
    let _one = users[1].connect().await?;
    let mut two = users[2].connect().await?;
    let marker = fresh("marker ");
    two.say(&crowd.group.conversation, &marker).await?;
    listener.hears(&marker).await?;
    listener.never("group-member-online", |d| d["groupId"] == crowd.group.id.as_str())
}

async fn a_crowd_sees_others_type(t: World) -> Outcome {
    let crowd = t.crowd().await?;
    let users = some_members(&t, &crowd, 80, 2).await?;
    let (mut one, mut two) = (users[0].connect().await?, users[0].connect().await?);
    let mut other = users[1].connect().await?;
    let chat = crowd.group.conversation.as_str();
    // A large conversation shares one turn in 2 s, which another case may have just used.
    let typed = |d: &serde_json::Value| d["conversationId"] == chat && d["userId"] == users[0].id.as_str();
    for _ in 0..40 {
        one.request("typing", serde_json::json!({"conversationId": chat, "typing": true})).await?;
        other.settle().await?;
        if other.count("typing", typed) > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    other.expect("typing", typed).await?;
    let marker = fresh("marker ");
    other.say(chat, &marker).await?;
    for socket in [&mut one, &mut two] {
        socket.hears(&marker).await?;
        socket.never("typing", typed)?;
    }
    Ok(())
}
