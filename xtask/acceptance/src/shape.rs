//! The objects of the contract: every field with its type.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::json::Json;

/// RFC 3339 in UTC with milliseconds: `2026-01-31T09:30:00.123Z`.
pub fn time(value: &Value, path: &str) -> Result<()> {
    let text = value.text(path)?;
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(b, p)| if p == b'd' { b.is_ascii_digit() } else { b == p });
    ensure!(fits, "`{path}` = {text:?}: times are RFC 3339 UTC with milliseconds (2026-01-31T09:30:00.123Z)");
    Ok(())
}

/// Runs the checks of one object; a failure names what the object should be.
fn named(checks: impl FnOnce() -> Result<()>, object: &'static str) -> Result<()> {
    checks().context(object)
}

/// A string that isn't empty.
pub fn id(value: &Value, path: &str) -> Result<()> {
    ensure!(!value.text(path)?.is_empty(), "`{path}` is empty: ids are strings");
    Ok(())
}

/// A string, or null where there is none.
fn text_or_null(value: &Value, path: &str) -> Result<()> {
    let found = value.at(path)?;
    ensure!(found.is_string() || found.is_null(), "`{path}` is neither a string nor null: {found}");
    Ok(())
}

/// `{userId, username, nickname, avatar, isGuest, createdAt}`.
pub fn user(value: &Value) -> Result<()> {
    named(
        || {
            id(value, "userId")?;
            id(value, "username")?;
            text_or_null(value, "nickname")?;
            text_or_null(value, "avatar")?;
            value.flag("isGuest")?;
            time(value, "createdAt")
        },
        "user = {userId, username, nickname, avatar, isGuest, createdAt}",
    )
}

/// A conversation with its target by type, and our own fields.
pub fn conversation(value: &Value) -> Result<()> {
    named(
        || {
            id(value, "conversationId")?;
            value.text("lastMessage")?;
            let last = value.at("lastMessageTime")?;
            if !last.is_null() && last != "" {
                time(value, "lastMessageTime")?;
            }
            ensure!(value.int("unreadCount")? >= 0, "unreadCount is never below 0");
            ensure!(value.int("lastSeq")? >= 0 && value.int("readSeq")? >= 0, "sequences start at 1");
            value.flag("muted")?;
            value.flag("pinned")?;
            match value.text("type")? {
                "single" => {
                    id(value, "target.userId")?;
                    id(value, "target.username")?;
                    text_or_null(value, "target.avatar")
                }
                "group" | "world" => {
                    id(value, "target.groupId")?;
                    value.text("target.groupName")?;
                    text_or_null(value, "target.avatar")?;
                    value.int("target.memberCount")?;
                    text_or_null(value, "target.description")
                }
                other => bail!("type is single, group or world, not {other:?}"),
            }
        },
        "conversation = {conversationId, type, target, lastMessage, lastMessageTime, unreadCount, lastSeq, …}",
    )
}

/// A message with our own fields.
pub fn message(value: &Value) -> Result<()> {
    named(
        || {
            for field in ["messageId", "conversationId", "senderId", "senderName", "clientMsgId"] {
                id(value, field)?;
            }
            value.text("content")?;
            let kind = value.text("type")?;
            let kinds = ["text", "image", "file", "audio", "video", "system", "custom"];
            ensure!(kinds.contains(&kind), "type {kind:?} is none of {kinds:?}");
            time(value, "sendTime")?;
            same!(value.text("status")?, "sent", "status of a message");
            ensure!(value.int("seq")? >= 1, "sequences are 1, 2, 3, …");
            text_or_null(value, "senderAvatar")
        },
        "message = {messageId, conversationId, senderId, senderName, content, type, sendTime, status, seq, clientMsgId, …}",
    )
}

/// A group with `members[{userId,username,avatar,role,online}]`.
pub fn group(value: &Value) -> Result<()> {
    named(
        || {
            id(value, "groupId")?;
            id(value, "groupName")?;
            for entry in value.list("members")? {
                member(entry)?;
            }
            Ok(())
        },
        "group with members[{userId,username,avatar,role,online}]",
    )
}

/// One member of a group.
pub fn member(value: &Value) -> Result<()> {
    id(value, "userId")?;
    id(value, "username")?;
    text_or_null(value, "avatar")?;
    value.flag("online")?;
    let role = value.text("role")?;
    ensure!(["owner", "admin", "member"].contains(&role), "role {role:?} is none of owner, admin, member");
    Ok(())
}

/// What a login answers: token twice, refresh token, seconds, user.
pub fn login(value: &Value) -> Result<()> {
    id(value, "token")?;
    same!(value.text("accessToken")?, value.text("token")?, "accessToken = token");
    id(value, "refreshToken")?;
    ensure!(value.int("expiresIn")? > 0, "expiresIn is in seconds");
    user(value.at("user")?)
}

/// Sequences that go up by one each.
pub fn contiguous(seqs: &[i64]) -> Result<()> {
    for pair in seqs.windows(2) {
        ensure!(pair[1] == pair[0] + 1, "ascending by sequence without holes, seen {seqs:?}");
    }
    Ok(())
}
