//! A registered user or guest of one case, and what it does in one line.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::client::{Call, Http, Reply, Socket};
use crate::json::Json;
use crate::world::{World, fresh};

/// A login with its user.
#[derive(Clone, Debug)]
pub struct User {
    /// `userId`.
    pub id: String,
    /// `username`.
    pub name: String,
    /// The password; empty for a guest.
    pub password: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh: String,
    http: Http,
}

/// A group as it was made.
#[derive(Clone, Debug)]
pub struct Group {
    /// `groupId`.
    pub id: String,
    /// `conversationId`.
    pub conversation: String,
}

impl User {
    /// From the data of a login.
    pub fn from_login(http: &Http, data: &Value, password: &str) -> Result<Self> {
        Ok(Self {
            id: data.text("user.userId")?.to_owned(),
            name: data.text("user.username")?.to_owned(),
            password: password.to_owned(),
            token: data.text("token")?.to_owned(),
            refresh: data.text("refreshToken")?.to_owned(),
            http: http.clone(),
        })
    }

    /// The same login at another server, or at one that was started again elsewhere.
    pub fn at(&self, world: &World) -> Self {
        Self { http: world.http.clone(), ..self.clone() }
    }

    /// Begins a call with this user's token.
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.http.call(method, path).token(&self.token)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call("GET", path).send().await
    }

    /// POST with JSON.
    pub async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.call("POST", path).json(&body).send().await
    }

    /// PUT with JSON.
    pub async fn put(&self, path: &str, body: Value) -> Result<Reply> {
        self.call("PUT", path).json(&body).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.call("DELETE", path).send().await
    }

    /// A session by `?token=`, greeted.
    pub async fn connect(&self) -> Result<Socket> {
        let path = format!("/ws?token={}", self.token);
        match Socket::dial(self.http.base(), &path, &[]).await? {
            Ok(socket) => socket.greeted().await.with_context(|| format!("a session of {}", self.name)),
            Err(status) => anyhow::bail!("the WebSocket upgrade of {} was refused with {status}", self.name),
        }
    }

    /// The same account, logged in once more.
    pub async fn login_again(&self) -> Result<Self> {
        let body = json!({"username": self.name, "password": self.password});
        let reply = self.http.call("POST", "/auth/login").json(&body).send().await?;
        Self::from_login(&self.http, reply.ok(200)?, &self.password)
    }

    /// Makes both friends, and gives their conversation's id.
    pub async fn befriend(&self, other: &Self) -> Result<String> {
        let reply = self.post("/friends", json!({"friendId": other.id})).await?;
        Ok(reply.fine()?.text("conversation.conversationId")?.to_owned())
    }

    /// Opens the single conversation.
    pub async fn chat_with(&self, other: &Self) -> Result<String> {
        let reply = self.post("/conversations", json!({"targetUserId": other.id})).await?;
        Ok(reply.fine()?.text("conversationId")?.to_owned())
    }

    /// Makes a group with these members.
    pub async fn group(&self, members: &[&Self]) -> Result<Group> {
        let ids: Vec<&str> = members.iter().map(|m| m.id.as_str()).collect();
        self.group_named(&fresh("group "), &ids).await
    }

    /// Makes a group of this name.
    pub async fn group_named(&self, name: &str, ids: &[&str]) -> Result<Group> {
        let reply = self.post("/groups", json!({"groupName": name, "members": ids})).await?;
        let data = reply.ok(201)?;
        Ok(Group {
            id: data.text("group.groupId")?.to_owned(),
            conversation: data.text("conversation.conversationId")?.to_owned(),
        })
    }

    /// Sends a text over HTTP, and gives the stored message.
    pub async fn say(&self, conversation: &str, text: &str) -> Result<Value> {
        let body = json!({"conversationId": conversation, "content": text, "messageType": "text",
            "clientMsgId": fresh("c")});
        let reply = self.post("/messages", body).await?;
        Ok(reply.ok(201)?.clone())
    }

    /// Sends `count` texts `prefix 1…` over HTTP in order.
    pub async fn say_many(&self, conversation: &str, prefix: &str, count: usize) -> Result<Vec<Value>> {
        let mut sent = Vec::new();
        for n in 1..=count {
            sent.push(self.say(conversation, &format!("{prefix} {n}")).await?);
        }
        Ok(sent)
    }

    /// One conversation of the list.
    pub async fn conversation(&self, id: &str) -> Result<Value> {
        Ok(self.get("/conversations").await?.ok(200)?.find("conversationId", id)?.clone())
    }

    /// Its unread count in the list.
    pub async fn unread(&self, id: &str) -> Result<i64> {
        self.conversation(id).await?.int("unreadCount")
    }

    /// The ids of the list.
    pub async fn listed(&self) -> Result<Vec<String>> {
        self.get("/conversations").await?.ok(200)?.each("conversationId")
    }

    /// The newest page of messages, up to a hundred.
    pub async fn history(&self, id: &str) -> Result<Vec<Value>> {
        let path = format!("/conversations/{id}/messages?page=1&size=100");
        Ok(self.get(&path).await?.ok(200)?.list("")?.clone())
    }

    /// The whole history by cursor.
    pub async fn whole_history(&self, id: &str) -> Result<Vec<Value>> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("/conversations/{id}/messages?afterSeq={after}&limit=100");
            let reply = self.get(&path).await?;
            all.extend(reply.ok(200)?.list("")?.iter().cloned());
            after = reply.json.int("pagination.nextSeq")?;
            if !reply.json.flag("pagination.hasMore")? {
                return Ok(all);
            }
        }
    }

    /// The contents of the newest page.
    pub async fn contents(&self, id: &str) -> Result<Vec<String>> {
        Value::from(self.history(id).await?).each("content")
    }
}
