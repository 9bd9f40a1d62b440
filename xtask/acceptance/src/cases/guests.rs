//! What a guest may and may not.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "guests";
    "POST /auth/guest: as login, user.isGuest: true" => a_guest_logs_in_without_a_password,
    "guestName \"\" = choose one" => an_empty_name_is_chosen,
    "guestName: the chosen name is shown" => a_chosen_name_is_shown,
    "a guest sees world and single chats that others opened with it" => sees_world_and_chats_opened_by_others,
    "a guest adds no friends and makes no groups (403 GUEST_FORBIDDEN)" => may_not_make_friends_or_groups,
    "GUEST_FORBIDDEN for POST /conversations" => may_not_open_conversations,
    "nobody can befriend or group a guest (403)" => nobody_befriends_or_groups_a_guest,
    "a guest writes in world and in a chat opened with it" => may_write_where_it_is,
    "a guest can refresh and log out" => can_refresh_and_log_out,
    "no presence for guests" => have_no_presence,
}

async fn a_guest_logs_in_without_a_password(t: World) -> Outcome {
    let reply = t.call("POST", "/auth/guest").json(&json!({"guestName": fresh("g_")})).send().await?;
    let data = reply.fine()?;
    shape::login(data)?;
    same!(data.flag("user.isGuest")?, true, "isGuest");
    let guest = t.guest().await?;
    same!(guest.get("/user/info").await?.ok(200)?.flag("isGuest")?, true, "isGuest in /user/info");
    guest.connect().await?.settle().await
}

async fn an_empty_name_is_chosen(t: World) -> Outcome {
    let mut names = Vec::new();
    for body in [json!({"guestName": ""}), json!({"guestName": ""})] {
        let reply = t.call("POST", "/auth/guest").json(&body).send().await?;
        names.push(reply.fine()?.text("user.username")?.to_owned());
    }
    ensure!(!names[0].is_empty() && names[0] != names[1], "names are chosen apart, seen {names:?}");
    Ok(())
}

async fn a_chosen_name_is_shown(t: World) -> Outcome {
    let name = fresh("g_");
    let reply = t.call("POST", "/auth/guest").json(&json!({"guestName": name})).send().await?;
    let user = reply.fine()?.at("user")?;
    ensure!(
        user["username"] == name.as_str() || user["nickname"] == name.as_str(),
        "the chosen name is shown{}",
        reply.shown()
    );
    Ok(())
}

async fn sees_world_and_chats_opened_by_others(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    same!(guest.listed().await?, vec!["world"], "world alone at first");
    let chat = alice.chat_with(&guest).await?;
    alice.say(&chat, "hello guest").await?;
    same!(guest.listed().await?, vec!["world".to_owned(), chat.clone()], "world and the chat");
    same!(guest.unread(&chat).await?, 1, "one unread");
    same!(guest.contents(&chat).await?, vec!["hello guest"], "the history");
    Ok(())
}

async fn may_not_make_friends_or_groups(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    guest.post("/friends", json!({"friendId": alice.id})).await?.fails(403, "GUEST_FORBIDDEN")?;
    guest.post("/groups", json!({"groupName": "g", "members": []})).await?.fails(403, "GUEST_FORBIDDEN")?;
    guest
        .post("/groups", json!({"groupName": "g", "members": [alice.id]}))
        .await?
        .fails(403, "GUEST_FORBIDDEN")?;
    Ok(())
}

async fn may_not_open_conversations(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    guest.post("/conversations", json!({"targetUserId": alice.id})).await?.fails(403, "GUEST_FORBIDDEN")?;
    Ok(())
}

async fn nobody_befriends_or_groups_a_guest(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let guest = t.guest().await?;
    alice.post("/friends", json!({"friendId": guest.id})).await?.fails(403, "GUEST_FORBIDDEN")?;
    let body = json!({"groupName": "g", "members": [bob.id, guest.id]});
    alice.post("/groups", body).await?.fails(403, "GUEST_FORBIDDEN")?;
    let group = alice.group(&[&bob]).await?;
    let body = json!({"members": [guest.id]});
    alice.post(&format!("/groups/{}/members", group.id), body).await?.fails(403, "GUEST_FORBIDDEN")?;
    Ok(())
}

async fn may_write_where_it_is(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    let chat = alice.chat_with(&guest).await?;
    let mut socket = alice.connect().await?;
    guest.say(&chat, "from a guest").await?;
    socket.hears("from a guest").await?;
    let text = fresh("guest in world ");
    guest.connect().await?.say("world", &text).await?;
    same!(socket.hears(&text).await?.text("data.message.senderId")?, guest.id, "the guest as sender");
    Ok(())
}

async fn can_refresh_and_log_out(t: World) -> Outcome {
    let guest = t.guest().await?;
    let body = json!({"refreshToken": guest.refresh});
    t.call("POST", "/auth/refresh").json(&body).send().await?.ok(200)?;
    guest.call("POST", "/auth/logout").send().await?.ok(200)?;
    guest.get("/conversations").await?.fails(401, "UNAUTHENTICATED")?;
    Ok(())
}

async fn have_no_presence(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    let chat = alice.chat_with(&guest).await?;
    let mut a = alice.connect().await?;
    let mut g = guest.connect().await?;
    g.say(&chat, "marker").await?;
    a.hears("marker").await?;
    a.never("friend-online", |d| d["userId"] == guest.id.as_str())
}
