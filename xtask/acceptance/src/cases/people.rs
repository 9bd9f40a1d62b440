//! Profiles, look-ups, search, and who is online.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{PASSWORD, World, fresh};

cases! { "people";
    "PUT /users/profile: nickname?, avatar? → user" => profile_changes_are_answered_and_kept,
    "password?{old,new}; a changed password ends all other logins" => a_changed_password_ends_other_logins,
    "a wrong old password: 400 VALIDATION (never 401)" => a_wrong_old_password_is_400,
    "a new password has 6 characters to 72 bytes" => a_new_password_keeps_the_limits,
    "nickname and avatar are independent; nothing given changes nothing" => absent_profile_fields_stay,
    "GET /users/{username}: user; 404 USER_NOT_FOUND" => users_are_found_by_name,
    "looked up by the folded form, percent-encoded names of any script" => names_of_any_script_are_found,
    "GET /users/search: prefix of username or nickname" => search_finds_prefixes,
    "search: without me, guests" => search_leaves_out_me_and_guests,
    "% and _ are plain characters" => search_takes_percent_and_underscore_as_they_are,
    "an empty query is 400" => an_empty_search_is_400,
    "searches 20 by default; below 1 or not a number 400; above the maximum cut" => search_limits,
    "GET /users/status/online: {userId: bool} of my friends" => online_status_of_friends,
    "GET /friends: [user + online]" => friends_carry_online,
    "POST /friends: 201 {conversation}; both become friends at once; again: the same answer, 200" => befriending_is_mutual_and_repeatable,
    "a friendship is in anyone's next call; its single conversation exists" => a_friendship_is_visible_at_once,
    "an unknown friend is 404 USER_NOT_FOUND" => unknown_friends_are_404,
    "oneself as friend: 400" => oneself_is_no_friend,
    "DELETE /friends/{userId}: unfriending keeps the conversation" => unfriending_keeps_the_conversation,
    "befriending again after unfriending: the same conversation" => befriending_again_gives_the_same_conversation,
    "two befriending each other at once have one conversation" => befriending_at_once_makes_one_conversation,
}

async fn profile_changes_are_answered_and_kept(t: World) -> Outcome {
    let alice = t.user().await?;
    let change = json!({"nickname": "Алиса 🐇 <b>", "avatar": "https://example.org/x.png"});
    let reply = alice.put("/users/profile", change).await?;
    let user = reply.ok(200)?;
    shape::user(user)?;
    same!(user.text("nickname")?, "Алиса 🐇 <b>", "the nickname as given");
    same!(*alice.get("/users/info").await?.ok(200)?, *user, "the same afterwards");
    same!(user.text("username")?, alice.name, "the username to stay");
    Ok(())
}

async fn a_changed_password_ends_other_logins(t: World) -> Outcome {
    let alice = t.user().await?;
    let other = alice.login_again().await?;
    let mut socket = other.connect().await?;
    let mut own = alice.connect().await?;
    let change = json!({"password": {"old": PASSWORD, "new": "another 1 horse"}});
    alice.put("/users/profile", change).await?.ok(200)?;
    same!(socket.ends().await?.code, Some(4500), "sockets of other logins to close with 4500");
    other.get("/friends").await?.fails(401, "UNAUTHENTICATED")?;
    let stale = json!({"refreshToken": other.refresh});
    t.call("POST", "/auth/refresh").json(&stale).send().await?.fails(401, "UNAUTHENTICATED")?;
    alice.get("/friends").await?.ok(200)?;
    own.settle().await?;
    let old = json!({"username": alice.name, "password": PASSWORD});
    t.call("POST", "/auth/login").json(&old).send().await?.fails(401, "BAD_CREDENTIALS")?;
    t.login(&alice.name, "another 1 horse").await?;
    Ok(())
}

async fn a_wrong_old_password_is_400(t: World) -> Outcome {
    let alice = t.user().await?;
    for old in [json!("wrong one"), json!(""), json!("x".repeat(80))] {
        let change = json!({"password": {"old": old, "new": "another 1 horse"}});
        alice.put("/users/profile", change).await?.fails(400, "VALIDATION")?;
    }
    let change = json!({"password": {"new": "another 1 horse"}});
    alice.put("/users/profile", change).await?.fails(400, "VALIDATION")?;
    alice.login_again().await?;
    Ok(())
}

async fn a_new_password_keeps_the_limits(t: World) -> Outcome {
    let alice = t.user().await?;
    for new in ["12345".to_owned(), "x".repeat(73)] {
        let change = json!({"password": {"old": PASSWORD, "new": new}});
        alice.put("/users/profile", change).await?.fails(400, "VALIDATION")?;
    }
    alice.login_again().await?;
    Ok(())
}

async fn absent_profile_fields_stay(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.put("/users/profile", json!({"nickname": "nick"})).await?.ok(200)?;
    alice.put("/users/profile", json!({"avatar": "https://example.org/y.png"})).await?.ok(200)?;
    let reply = alice.put("/users/profile", json!({})).await?;
    same!(reply.ok(200)?.text("nickname")?, "nick", "the nickname to stay");
    same!(reply.ok(200)?.text("avatar")?, "https://example.org/y.png", "the avatar to stay");
    Ok(())
}

async fn users_are_found_by_name(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let reply = alice.get(&format!("/users/{}", bob.name)).await?;
    shape::user(reply.ok(200)?)?;
    same!(reply.ok(200)?.text("userId")?, bob.id, "bob's id");
    alice.get(&format!("/users/{}", bob.name.to_uppercase())).await?.ok(200)?;
    alice.get(&format!("/users/{}", fresh("nobody_"))).await?.fails(404, "USER_NOT_FOUND")?;
    Ok(())
}

/// Percent-encodes every byte.
fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

async fn names_of_any_script_are_found(t: World) -> Outcome {
    let alice = t.user().await?;
    for head in ["张三", "Ольга", "Ａ"] {
        let name = fresh(head);
        let id = t.register(&name).await?.text("userId")?.to_owned();
        let found = alice.get(&format!("/users/{}", encoded(&name))).await?;
        same!(found.ok(200)?.text("userId")?, id, "the id of {name}");
        let searched = alice.get(&format!("/users/search?q={}", encoded(&name))).await?;
        searched.ok(200)?.find("userId", &id)?;
    }
    Ok(())
}

async fn search_finds_prefixes(t: World) -> Outcome {
    let alice = t.user().await?;
    let head = fresh("q");
    let first = t.user_named(&format!("{head}_a")).await?;
    let second = t.user_named(&format!("{head}_B")).await?;
    let third = t.user().await?;
    third.put("/users/profile", json!({"nickname": format!("{head} the third")})).await?.ok(200)?;
    let reply = alice.get(&format!("/users/search?q={}", head.to_uppercase())).await?;
    let mut ids = reply.ok(200)?.each("userId")?;
    for user in reply.ok(200)?.list("")? {
        shape::user(user)?;
    }
    ids.sort();
    let mut expected = vec![first.id.clone(), second.id, third.id];
    expected.sort();
    same!(ids, expected, "names and nicknames with the prefix, without regard to case");
    let middle = alice.get(&format!("/users/search?q={}", &head[3..])).await?;
    ensure!(middle.ok(200)?.find("userId", &first.id).is_err(), "search is by prefix{}", middle.shown());
    Ok(())
}

async fn search_leaves_out_me_and_guests(t: World) -> Outcome {
    let (alice, guest) = (t.user().await?, t.guest().await?);
    let own = alice.get(&format!("/users/search?q={}", alice.name)).await?;
    same!(*own.ok(200)?, json!([]), "me left out");
    let found = alice.get(&format!("/users/search?q={}", encoded(&guest.name))).await?;
    ensure!(found.ok(200)?.find("userId", &guest.id).is_err(), "guests are left out{}", found.shown());
    Ok(())
}

async fn search_takes_percent_and_underscore_as_they_are(t: World) -> Outcome {
    let alice = t.user().await?;
    let head = fresh("w");
    let with = t.user_named(&format!("{head}_x")).await?;
    t.user_named(&format!("{head}yx")).await?;
    let found = alice.get(&format!("/users/search?q={head}_")).await?;
    same!(found.ok(200)?.each("userId")?, vec![with.id], "`_` to be a plain character");
    for q in ["%25", &format!("{head}%25"), "%25%25"] {
        let found = alice.get(&format!("/users/search?q={q}")).await?;
        let hits = found.ok(200)?.list("")?;
        let plain = |u: &Value| {
            ["username", "nickname"].iter().any(|f| u[*f].as_str().is_some_and(|s| s.contains('%')))
        };
        ensure!(hits.iter().all(plain), "`%` is a plain character{}", found.shown());
    }
    Ok(())
}

async fn an_empty_search_is_400(t: World) -> Outcome {
    let alice = t.user().await?;
    for query in ["", "?q=", "?q=%20%20"] {
        alice.get(&format!("/users/search{query}")).await?.invalid("q")?;
    }
    Ok(())
}

async fn search_limits(t: World) -> Outcome {
    let alice = t.user().await?;
    let head: String = fresh("z").chars().take(9).collect();
    for n in 0..22 {
        t.register(&format!("{head}{n:02}")).await?;
    }
    let count = async |limit: &str| -> anyhow::Result<usize> {
        Ok(alice.get(&format!("/users/search?q={head}{limit}")).await?.ok(200)?.list("")?.len())
    };
    same!(count("").await?, 20, "20 by default");
    same!(count("&limit=3").await?, 3, "3 when asked for 3");
    same!(count("&limit=100000").await?, 22, "a limit above the maximum cut to it");
    for bad in ["0", "-1", "many", "1.5"] {
        alice.get(&format!("/users/search?q={head}&limit={bad}")).await?.fails(400, "VALIDATION")?;
    }
    Ok(())
}

async fn online_status_of_friends(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    let stranger = t.user().await?;
    let _s = stranger.connect().await?;
    same!(*alice.get("/users/status/online").await?.ok(200)?, json!({bob.id.clone(): false}), "bob offline");
    let _b = bob.connect().await?;
    same!(
        *alice.get("/users/status/online").await?.ok(200)?,
        json!({bob.id.clone(): true}),
        "bob online, no strangers"
    );
    Ok(())
}

async fn friends_carry_online(t: World) -> Outcome {
    let (alice, bob, _) = t.two_friends().await?;
    same!(alice.get("/friends").await?.ok(200)?.flag("0.online")?, false, "bob offline");
    let _b = bob.connect().await?;
    let reply = alice.get("/friends").await?;
    shape::user(reply.ok(200)?.at("0")?)?;
    same!(reply.ok(200)?.flag("0.online")?, true, "bob online");
    same!(t.user().await?.get("/friends").await?.ok(200)?.list("")?.len(), 0, "no friends: an empty array");
    Ok(())
}

async fn befriending_is_mutual_and_repeatable(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let first = alice.post("/friends", json!({"friendId": bob.id})).await?;
    let conversation = first.ok(201)?.at("conversation")?.clone();
    shape::conversation(&conversation)?;
    same!(conversation.text("type")?, "single", "the type");
    same!(conversation.text("target.userId")?, bob.id, "the other one as target");
    let again = alice.post("/friends", json!({"friendId": bob.id})).await?;
    same!(
        *again.ok(200)?.at("conversation.conversationId")?,
        *conversation.at("conversationId")?,
        "the same answer"
    );
    let back = bob.post("/friends", json!({"friendId": alice.id})).await?;
    same!(back.ok(200)?.text("conversation.target.userId")?, alice.id, "bob's side: already friends");
    same!(bob.get("/friends").await?.ok(200)?.each("userId")?, vec![alice.id.clone()], "bob's friends");
    same!(alice.get("/friends").await?.ok(200)?.each("userId")?, vec![bob.id], "alice's friends");
    Ok(())
}

async fn a_friendship_is_visible_at_once(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    for user in [&alice, &bob] {
        user.get(&format!("/conversations/{chat}")).await?.ok(200)?;
        ensure!(user.listed().await?.contains(&chat), "the conversation in the list of {}", user.name);
        same!(user.history(&chat).await?.len(), 0, "making a friendship to write no message");
    }
    Ok(())
}

async fn unknown_friends_are_404(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.post("/friends", json!({"friendId": "1"})).await?.fails(404, "USER_NOT_FOUND")?;
    alice.post("/friends", json!({"friendId": "999999999999"})).await?.fails(404, "USER_NOT_FOUND")?;
    alice
        .post("/conversations", json!({"targetUserId": "999999999999"}))
        .await?
        .fails(404, "USER_NOT_FOUND")?;
    Ok(())
}

async fn oneself_is_no_friend(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.post("/friends", json!({"friendId": alice.id})).await?.fails(400, "VALIDATION")?;
    alice.post("/conversations", json!({"targetUserId": alice.id})).await?.fails(400, "VALIDATION")?;
    Ok(())
}

async fn unfriending_keeps_the_conversation(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    alice.say(&chat, "before").await?;
    alice.delete(&format!("/friends/{}", bob.id)).await?.ok(200)?;
    for user in [&alice, &bob] {
        same!(user.get("/friends").await?.ok(200)?.list("")?.len(), 0, "no friends on either side");
        same!(user.contents(&chat).await?, vec!["before"], "the history to stay");
        same!(*user.get("/users/status/online").await?.ok(200)?, json!({}), "no presence of strangers");
    }
    bob.say(&chat, "anyone may write by default").await?;
    same!(alice.unread(&chat).await?, 1, "the message to arrive");
    Ok(())
}

async fn befriending_again_gives_the_same_conversation(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    bob.delete(&format!("/friends/{}", alice.id)).await?.ok(200)?;
    same!(bob.befriend(&alice).await?, chat, "the same conversation as before");
    same!(alice.chat_with(&bob).await?, chat, "POST /conversations to give it too");
    Ok(())
}

async fn befriending_at_once_makes_one_conversation(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let (a, b, c) = tokio::try_join!(alice.befriend(&bob), bob.befriend(&alice), alice.chat_with(&bob))?;
    ensure!(a == b && b == c, "one conversation of two: {a} {b} {c}");
    same!(alice.listed().await?.iter().filter(|id| **id != "world").count(), 1, "one entry in the list");
    Ok(())
}
