//! The whole table of who may do what in a group, one case a row and rank.

use serde_json::json;

use crate::Outcome;
use crate::client::Reply;
use crate::json::Json;
use crate::user::{Group, User};
use crate::world::{World, fresh};

cases! { "rights";
    "add members: owner, admin, member (config `member`)" => everyone_adds_members,
    "rename, describe, picture: owner and admin" => owner_and_admin_rename,
    "remove those of lower rank: owner and admin" => removal_needs_a_higher_rank,
    "mute those of lower rank: owner and admin" => muting_needs_a_higher_rank,
    "roles: the owner" => the_owner_gives_roles,
    "transfer: the owner" => the_owner_transfers,
    "dissolve: the owner" => the_owner_dissolves,
    "leave: admin and member yes; owner after transfer" => admin_and_member_leave,
    "recall anyone's: owner and admin; a member its own" => recall_by_rank,
    "a new owner can't be muted: no one may unmute an owner" => a_muted_member_and_ownership,
    "rights end with the rank" => rights_end_with_the_rank,
}

fn member(group: &Group, user: &User) -> String {
    format!("/groups/{}/members/{}", group.id, user.id)
}

fn forbidden(reply: &Reply) -> Outcome {
    reply.fails(403, "FORBIDDEN").map(|_| ())
}

async fn everyone_adds_members(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    for who in [&owner, &admin, &plain] {
        let new = t.user().await?;
        who.post(&format!("/groups/{}/members", group.id), json!({"members": [new.id]})).await?.fine()?;
        new.get(&format!("/groups/{}", group.id)).await?.ok(200)?;
    }
    Ok(())
}

async fn owner_and_admin_rename(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let path = format!("/groups/{}", group.id);
    for change in [
        json!({"groupName": "n"}),
        json!({"description": "d"}),
        json!({"avatar": "https://example.org/x.png"}),
    ] {
        owner.put(&path, change.clone()).await?.ok(200)?;
        admin.put(&path, change.clone()).await?.ok(200)?;
        forbidden(&plain.put(&path, change).await?)?;
    }
    Ok(())
}

async fn removal_needs_a_higher_rank(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let (other_admin, other) = t.two().await?;
    let add = json!({"members": [other_admin.id, other.id]});
    owner.post(&format!("/groups/{}/members", group.id), add).await?.fine()?;
    owner.put(&member(&group, &other_admin), json!({"role": "admin"})).await?.ok(200)?;
    for (who, whom) in
        [(&plain, &other), (&plain, &admin), (&plain, &owner), (&admin, &owner), (&admin, &other_admin)]
    {
        forbidden(&who.delete(&member(&group, whom)).await?)?;
    }
    for (who, whom) in [(&admin, &other), (&owner, &plain), (&owner, &admin)] {
        who.delete(&member(&group, whom)).await?.ok(200)?;
    }
    Ok(())
}

async fn muting_needs_a_higher_rank(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let (other_admin, other) = t.two().await?;
    let add = json!({"members": [other_admin.id, other.id]});
    owner.post(&format!("/groups/{}/members", group.id), add).await?.fine()?;
    owner.put(&member(&group, &other_admin), json!({"role": "admin"})).await?.ok(200)?;
    let mute = json!({"mutedUntil": "2099-01-01T00:00:00.000Z"});
    for (who, whom) in
        [(&plain, &other), (&plain, &owner), (&admin, &owner), (&admin, &other_admin), (&plain, &admin)]
    {
        forbidden(&who.put(&member(&group, whom), mute.clone()).await?)?;
    }
    for (who, whom) in [(&admin, &other), (&owner, &plain), (&owner, &admin)] {
        who.put(&member(&group, whom), mute.clone()).await?.ok(200)?;
        let body = json!({"conversationId": group.conversation, "content": "x", "clientMsgId": fresh("c")});
        whom.post("/messages", body).await?.fails(403, "MUTED")?;
    }
    Ok(())
}

async fn the_owner_gives_roles(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    for who in [&admin, &plain] {
        for whom in [&admin, &plain, &owner] {
            forbidden(&who.put(&member(&group, whom), json!({"role": "member"})).await?)?;
            forbidden(&who.put(&member(&group, whom), json!({"role": "admin"})).await?)?;
        }
    }
    owner.put(&member(&group, &plain), json!({"role": "admin"})).await?.ok(200)?;
    Ok(())
}

async fn the_owner_transfers(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let path = format!("/groups/{}/transfer", group.id);
    for who in [&admin, &plain] {
        forbidden(&who.post(&path, json!({"userId": who.id})).await?)?;
        forbidden(&who.post(&path, json!({"userId": owner.id})).await?)?;
    }
    owner.post(&path, json!({"userId": plain.id})).await?.ok(200)?;
    Ok(())
}

async fn the_owner_dissolves(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let path = format!("/groups/{}", group.id);
    forbidden(&admin.delete(&path).await?)?;
    forbidden(&plain.delete(&path).await?)?;
    owner.delete(&path).await?.ok(200)?;
    Ok(())
}

async fn admin_and_member_leave(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    owner.delete(&member(&group, &owner)).await?.fails(409, "CONFLICT")?;
    admin.delete(&member(&group, &admin)).await?.ok(200)?;
    plain.delete(&member(&group, &plain)).await?.ok(200)?;
    owner.delete(&member(&group, &owner)).await?.ok(200)?;
    Ok(())
}

async fn recall_by_rank(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    let said = async |who: &User| -> anyhow::Result<String> {
        let message = who.say(&group.conversation, "recall me").await?;
        Ok(format!("/messages/{}", message.text("messageId")?))
    };
    forbidden(&plain.delete(&said(&owner).await?).await?)?;
    forbidden(&plain.delete(&said(&admin).await?).await?)?;
    for (who, whom) in [
        (&plain, &plain),
        (&admin, &plain),
        (&admin, &owner),
        (&owner, &admin),
        (&owner, &plain),
        (&owner, &owner),
    ] {
        who.delete(&said(whom).await?).await?.ok(200)?;
    }
    Ok(())
}

async fn a_muted_member_and_ownership(t: World) -> Outcome {
    let (owner, _admin, plain, group) = t.ranks().await?;
    owner.put(&member(&group, &plain), json!({"mutedUntil": "2099-01-01T00:00:00.000Z"})).await?.ok(200)?;
    let reply = owner.post(&format!("/groups/{}/transfer", group.id), json!({"userId": plain.id})).await?;
    if reply.status.is_success() {
        plain.say(&group.conversation, "an owner may speak").await?;
    }
    Ok(())
}

async fn rights_end_with_the_rank(t: World) -> Outcome {
    let (owner, admin, plain, group) = t.ranks().await?;
    owner.put(&member(&group, &admin), json!({"role": "member"})).await?.ok(200)?;
    forbidden(&admin.put(&format!("/groups/{}", group.id), json!({"groupName": "n"})).await?)?;
    forbidden(&admin.delete(&member(&group, &plain)).await?)?;
    owner.post(&format!("/groups/{}/transfer", group.id), json!({"userId": plain.id})).await?.ok(200)?;
    forbidden(&owner.delete(&format!("/groups/{}", group.id)).await?)?;
    plain.delete(&format!("/groups/{}", group.id)).await?.ok(200)?;
    Ok(())
}
