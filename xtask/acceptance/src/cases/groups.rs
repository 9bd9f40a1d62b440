//! Groups: making, reading, changing, and their members.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::world::{World, fresh};

cases! { "groups";
    "POST /groups: 201 {group, conversation}; avatar?, description?" => making_a_group_answers_both,
    "a membership is in anyone's next call; making a group writes no message" => a_group_exists_for_all_at_once,
    "oneself and repeats are ignored; [] is fine" => oneself_and_repeats_are_ignored,
    "unknown ids: 404 USER_NOT_FOUND naming them, nothing done" => unknown_members_are_named_and_nothing_is_done,
    "group name 50" => names_have_one_to_fifty_characters,
    "GET /groups/{id}: group with members[{userId,username,avatar,role,online}]" => a_group_has_its_members,
    "a stranger asking for a group gets GROUP_NOT_FOUND" => strangers_get_group_not_found,
    "PUT /groups/{id}: rename, describe, picture" => a_group_is_changed,
    "POST members {members:[userId]}" => members_are_added,
    "adding who is in already is ignored" => adding_a_member_again_is_ignored,
    "PUT members/{userId} role?" => roles_are_given_and_taken,
    "mutedUntil: who is muted gets MUTED; null unmutes" => muted_members_may_not_send,
    "a mute ends by itself" => a_mute_in_the_past_is_none,
    "POST transfer {userId}" => ownership_is_transferred,
    "DELETE members/{self}: leave; who has left is as a stranger at once" => leaving_makes_a_stranger,
    "who was removed is as a stranger at once: nothing stored after it" => removal_makes_a_stranger,
    "the owner leaves after transfer, else 409 CONFLICT" => the_owner_leaves_after_transfer,
    "the last one out dissolves" => the_last_one_out_dissolves,
    "DELETE /groups/{id}: dissolved for all" => dissolving_ends_it_for_all,
    "NOT_A_MEMBER is for a named user in a member action" => not_a_member_is_for_named_users,
    "a group with the aliases group_name" => snake_case_in_groups,
}

async fn making_a_group_answers_both(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let body = json!({"groupName": "Team", "members": [bob.id], "avatar": "https://example.org/a.png", "description": "d"});
    let reply = alice.post("/groups", body).await?;
    let data = reply.ok(201)?;
    shape::conversation(data.at("conversation")?)?;
    same!(data.text("conversation.type")?, "group", "the conversation's type");
    same!(data.text("group.groupName")?, "Team", "groupName");
    same!(data.text("conversation.target.groupId")?, data.text("group.groupId")?, "the target's groupId");
    Ok(())
}

async fn a_group_exists_for_all_at_once(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    for user in [&owner, &ann, &ben] {
        same!(user.conversation(&group.conversation).await?.int("lastSeq")?, 0, "no message of its making");
        user.get(&format!("/groups/{}", group.id)).await?.ok(200)?;
    }
    ann.say(&group.conversation, "hello").await?;
    same!(ben.contents(&group.conversation).await?, vec!["hello"], "one history");
    Ok(())
}

async fn oneself_and_repeats_are_ignored(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let group = alice.group_named("g", &[&alice.id, &bob.id, &bob.id]).await?;
    let reply = alice.get(&format!("/groups/{}", group.id)).await?;
    same!(reply.ok(200)?.list("members")?.len(), 2, "two members");
    let empty = alice.group_named("alone", &[]).await?;
    let reply = alice.get(&format!("/groups/{}", empty.id)).await?;
    same!(reply.ok(200)?.list("members")?.len(), 1, "the owner alone");
    alice.say(&empty.conversation, "to myself").await?;
    Ok(())
}

async fn unknown_members_are_named_and_nothing_is_done(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let body = json!({"groupName": "g", "members": [bob.id, "999999999998"]});
    let reply = alice.post("/groups", body).await?;
    reply.fails(404, "USER_NOT_FOUND")?;
    ensure!(reply.json.to_string().contains("999999999998"), "the unknown id is named{}", reply.shown());
    same!(bob.listed().await?, vec!["world"], "nothing done");
    let group = alice.group(&[]).await?;
    let body = json!({"members": [bob.id, "999999999998"]});
    alice.post(&format!("/groups/{}/members", group.id), body).await?.fails(404, "USER_NOT_FOUND")?;
    same!(bob.listed().await?, vec!["world"], "nothing done");
    Ok(())
}

async fn names_have_one_to_fifty_characters(t: World) -> Outcome {
    let alice = t.user().await?;
    for piece in ["g", "群", "😀"] {
        let most = piece.repeat(50);
        let reply = alice.post("/groups", json!({"groupName": most, "members": []})).await?;
        same!(reply.ok(201)?.text("group.groupName")?, most, "fifty characters");
        let more = piece.repeat(51);
        alice.post("/groups", json!({"groupName": more, "members": []})).await?.invalid("groupName")?;
    }
    for name in ["", "   "] {
        alice.post("/groups", json!({"groupName": name, "members": []})).await?.invalid("groupName")?;
    }
    alice.post("/groups", json!({"members": []})).await?.invalid("groupName")
}

async fn a_group_has_its_members(t: World) -> Outcome {
    let (owner, admin, member, group) = t.ranks().await?;
    let _online = admin.connect().await?;
    let reply = member.get(&format!("/groups/{}", group.id)).await?;
    let seen = reply.ok(200)?;
    shape::group(seen)?;
    same!(seen.text("groupId")?, group.id, "groupId");
    let members = seen.at("members")?;
    for (user, role, online) in
        [(&owner, "owner", false), (&admin, "admin", true), (&member, "member", false)]
    {
        let entry = members.find("userId", &user.id)?;
        same!(entry.text("role")?, role, "the role of {entry}");
        same!(entry.text("username")?, user.name, "the name");
        same!(entry.flag("online")?, online, "online of {entry}");
    }
    let list = member.get(&format!("/groups/{}/members", group.id)).await?;
    same!(list.ok(200)?.list("")?.len(), 3, "GET members");
    shape::member(list.ok(200)?.at("0")?)
}

async fn strangers_get_group_not_found(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let eve = t.user().await?;
    for id in [group.id.as_str(), "999999999999", "nonsense"] {
        let path = format!("/groups/{id}");
        eve.get(&path).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.put(&path, json!({"groupName": "mine"})).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.delete(&path).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.get(&format!("{path}/members")).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.post(&format!("{path}/members"), json!({"members": [eve.id]}))
            .await?
            .fails(404, "GROUP_NOT_FOUND")?;
        eve.put(&format!("{path}/members/{}", ann.id), json!({"role": "admin"}))
            .await?
            .fails(404, "GROUP_NOT_FOUND")?;
        eve.delete(&format!("{path}/members/{}", ann.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.delete(&format!("{path}/members/{}", eve.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
        eve.post(&format!("{path}/transfer"), json!({"userId": eve.id}))
            .await?
            .fails(404, "GROUP_NOT_FOUND")?;
    }
    owner.get(&format!("/groups/{}", group.id)).await?.ok(200)?;
    Ok(())
}

async fn a_group_is_changed(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let change = json!({"groupName": "新名字", "description": "new", "avatar": "https://example.org/n.png"});
    let reply = owner.put(&format!("/groups/{}", group.id), change).await?;
    same!(reply.ok(200)?.text("groupName")?, "新名字", "groupName answered");
    let target = ann.conversation(&group.conversation).await?.at("target")?.clone();
    same!(target.text("groupName")?, "新名字", "groupName for others");
    same!(target.text("description")?, "new", "description for others");
    same!(target.text("avatar")?, "https://example.org/n.png", "avatar for others");
    owner.put(&format!("/groups/{}", group.id), json!({"description": "newer"})).await?.ok(200)?;
    same!(
        ann.conversation(&group.conversation).await?.text("target.groupName")?,
        "新名字",
        "the name to stay"
    );
    owner.put(&format!("/groups/{}", group.id), json!({"groupName": ""})).await?.invalid("groupName")
}

async fn members_are_added(t: World) -> Outcome {
    let (owner, ann, ben) = t.three().await?;
    let group = owner.group(&[]).await?;
    let body = json!({"members": [ann.id, ben.id]});
    owner.post(&format!("/groups/{}/members", group.id), body).await?.fine()?;
    same!(ann.conversation(&group.conversation).await?.int("target.memberCount")?, 3, "memberCount");
    let reply = ben.get(&format!("/groups/{}", group.id)).await?;
    same!(
        reply.ok(200)?.at("members")?.find("userId", &ben.id)?.text("role")?,
        "member",
        "the role of a new one"
    );
    Ok(())
}

async fn adding_a_member_again_is_ignored(t: World) -> Outcome {
    let (owner, admin, _member, group) = t.ranks().await?;
    let body = json!({"members": [admin.id, owner.id]});
    owner.post(&format!("/groups/{}/members", group.id), body).await?.fine()?;
    let reply = owner.get(&format!("/groups/{}", group.id)).await?;
    let members = reply.ok(200)?.at("members")?;
    same!(members.list("")?.len(), 3, "still three");
    same!(members.find("userId", &admin.id)?.text("role")?, "admin", "the role to stay");
    same!(members.find("userId", &owner.id)?.text("role")?, "owner", "the owner to stay");
    owner.post(&format!("/groups/{}/members", group.id), json!({"members": []})).await?.fine()?;
    Ok(())
}

async fn roles_are_given_and_taken(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    for role in ["admin", "member", "admin"] {
        owner.put(&path, json!({"role": role})).await?.ok(200)?;
        let reply = ann.get(&format!("/groups/{}", group.id)).await?;
        same!(reply.ok(200)?.at("members")?.find("userId", &ann.id)?.text("role")?, role, "the role");
    }
    let reply = owner.put(&path, json!({"role": "owner"})).await?;
    ensure!(
        reply.status.is_client_error(),
        "there is one owner, and transfer makes another{}",
        reply.shown()
    );
    Ok(())
}

async fn muted_members_may_not_send(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    owner.put(&path, json!({"mutedUntil": "2099-01-01T00:00:00.000Z"})).await?.ok(200)?;
    let body = json!({"conversationId": group.conversation, "content": "x", "clientMsgId": fresh("c")});
    ann.post("/messages", body).await?.fails(403, "MUTED")?;
    let mut socket = ann.connect().await?;
    let data = json!({"conversationId": group.conversation, "content": "x", "messageType": "text", "tempMessageId": fresh("c")});
    socket.refused("send-message", data, "MUTED").await?;
    ben.say(&group.conversation, "others may").await?;
    socket.hears("others may").await?;
    owner.put(&path, json!({"mutedUntil": null})).await?.ok(200)?;
    socket.say(&group.conversation, "again").await?;
    same!(ben.contents(&group.conversation).await?, vec!["others may", "again"], "the history");
    Ok(())
}

async fn a_mute_in_the_past_is_none(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let path = format!("/groups/{}/members/{}", group.id, ann.id);
    owner.put(&path, json!({"mutedUntil": "2001-01-01T00:00:00.000Z"})).await?.ok(200)?;
    ann.say(&group.conversation, "may").await?;
    owner.put(&path, json!({"mutedUntil": "next week"})).await?.invalid("mutedUntil")
}

async fn ownership_is_transferred(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    owner.post(&format!("/groups/{}/transfer", group.id), json!({"userId": ann.id})).await?.ok(200)?;
    let reply = ben.get(&format!("/groups/{}", group.id)).await?;
    let members = reply.ok(200)?.at("members")?;
    same!(members.find("userId", &ann.id)?.text("role")?, "owner", "the new owner");
    ensure!(members.find("userId", &owner.id)?.text("role")? != "owner", "one owner only{}", reply.shown());
    ann.put(&format!("/groups/{}/members/{}", group.id, ben.id), json!({"role": "admin"})).await?.ok(200)?;
    owner.delete(&format!("/groups/{}", group.id)).await?.fails(403, "FORBIDDEN")?;
    Ok(())
}

async fn leaving_makes_a_stranger(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let message = owner.say(&group.conversation, "while in").await?;
    ann.delete(&format!("/groups/{}/members/{}", group.id, ann.id)).await?.ok(200)?;
    stranger(&ann, &group, message.text("messageId")?).await?;
    same!(ben.conversation(&group.conversation).await?.int("target.memberCount")?, 2, "memberCount");
    Ok(())
}

async fn stranger(user: &crate::user::User, group: &crate::user::Group, message: &str) -> Outcome {
    let conversation = &group.conversation;
    ensure!(!user.listed().await?.contains(conversation), "not in the list");
    user.get(&format!("/conversations/{conversation}")).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
    user.get(&format!("/conversations/{conversation}/messages"))
        .await?
        .fails(404, "CONVERSATION_NOT_FOUND")?;
    user.get(&format!("/groups/{}", group.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
    user.get(&format!("/messages/{message}")).await?.fails(404, "MESSAGE_NOT_FOUND")?;
    let body = json!({"conversationId": conversation, "content": "x", "clientMsgId": fresh("c")});
    user.post("/messages", body).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
    Ok(())
}

async fn removal_makes_a_stranger(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let message = owner.say(&group.conversation, "while in").await?;
    let mut socket = ann.connect().await?;
    owner.delete(&format!("/groups/{}/members/{}", group.id, ann.id)).await?.ok(200)?;
    stranger(&ann, &group, message.text("messageId")?).await?;
    let data = json!({"conversationId": group.conversation, "content": "x", "messageType": "text", "tempMessageId": fresh("c")});
    socket.refused("send-message", data, "CONVERSATION_NOT_FOUND").await?;
    same!(owner.contents(&group.conversation).await?, vec!["while in"], "nothing stored after it");
    Ok(())
}

async fn the_owner_leaves_after_transfer(t: World) -> Outcome {
    let (owner, ann, _ben, group) = t.group_of_three().await?;
    let leave = format!("/groups/{}/members/{}", group.id, owner.id);
    owner.delete(&leave).await?.fails(409, "CONFLICT")?;
    owner.post(&format!("/groups/{}/transfer", group.id), json!({"userId": ann.id})).await?.ok(200)?;
    owner.delete(&leave).await?.ok(200)?;
    owner.get(&format!("/groups/{}", group.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
    Ok(())
}

async fn the_last_one_out_dissolves(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    let group = alice.group(&[&bob]).await?;
    bob.delete(&format!("/groups/{}/members/{}", group.id, bob.id)).await?.ok(200)?;
    alice.delete(&format!("/groups/{}/members/{}", group.id, alice.id)).await?.ok(200)?;
    alice.get(&format!("/groups/{}", group.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
    same!(alice.listed().await?, vec!["world"], "nothing left");
    Ok(())
}

async fn dissolving_ends_it_for_all(t: World) -> Outcome {
    let (owner, ann, ben, group) = t.group_of_three().await?;
    let message = ann.say(&group.conversation, "last words").await?;
    owner.delete(&format!("/groups/{}", group.id)).await?.ok(200)?;
    for user in [&owner, &ann, &ben] {
        stranger(user, &group, message.text("messageId")?).await?;
    }
    owner.delete(&format!("/groups/{}", group.id)).await?.fails(404, "GROUP_NOT_FOUND")?;
    Ok(())
}

async fn not_a_member_is_for_named_users(t: World) -> Outcome {
    let (owner, _ann, _ben, group) = t.group_of_three().await?;
    let eve = t.user().await?;
    let path = format!("/groups/{}/members/{}", group.id, eve.id);
    owner.put(&path, json!({"role": "admin"})).await?.fails(403, "NOT_A_MEMBER")?;
    owner.put(&path, json!({"mutedUntil": null})).await?.fails(403, "NOT_A_MEMBER")?;
    owner.delete(&path).await?.fails(403, "NOT_A_MEMBER")?;
    owner
        .post(&format!("/groups/{}/transfer", group.id), json!({"userId": eve.id}))
        .await?
        .fails(403, "NOT_A_MEMBER")?;
    Ok(())
}

async fn snake_case_in_groups(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = alice.post("/groups", json!({"group_name": "snake", "members": []})).await?;
    same!(reply.ok(201)?.text("group.groupName")?, "snake", "group_name as groupName");
    Ok(())
}
