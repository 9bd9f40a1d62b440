//! The part of the client contract that a scene needs before the load begins. Not measured, so it may use threads.

use std::net::SocketAddr;
use std::thread;

use anyhow::Context;
use serde_json::{Value, json};

use super::Http;

/// Connections used at once while a scene is set: enough that the server's group commit has groups.
const HANDS: usize = 32;
const PASSWORD: &str = "bench-password";

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) token: String,
}

impl Login {
    pub(crate) fn path(&self) -> String {
        format!("/ws?token={}", self.token)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) to: SocketAddr,
}

impl Api {
    /// Registers and logs in `count` users.
    pub(crate) fn users(&self, prefix: &str, count: usize) -> anyhow::Result<Vec<Login>> {
        self.each(count, |http, index| {
            let body = json!({ "username": format!("{prefix}-{index}"), "password": PASSWORD }).to_string();
            http.json("POST", "/api/auth/register", None, &body)?;
            login(&http.json("POST", "/api/auth/login", None, &body)?)
        })
    }

    /// Registers `count` users who will stay offline, and returns their ids.
    pub(crate) fn offline_users(&self, prefix: &str, count: usize) -> anyhow::Result<Vec<String>> {
        self.each(count, |http, index| {
            let body = json!({ "username": format!("{prefix}-{index}"), "password": PASSWORD }).to_string();
            let answer = http.json("POST", "/api/auth/register", None, &body)?;
            text(&answer["data"]["user"]["userId"])
        })
    }

    /// Lets in `count` guests.
    pub(crate) fn guests(&self, count: usize) -> anyhow::Result<Vec<Login>> {
        self.each(count, |http, _| {
            login(&http.json("POST", "/api/auth/guest", None, r#"{"guestName":""}"#)?)
        })
    }

    /// Makes a group of `owner` and `members`, and returns its conversation's id.
    pub(crate) fn group(&self, owner: &Login, members: &[String]) -> anyhow::Result<String> {
        let mut http = Http::connect(self.to)?;
        let mut pages = members.chunks(10_000);
        let body = json!({ "groupName": "bench", "members": pages.next().unwrap_or_default() }).to_string();
        let made = http.json("POST", "/api/groups", Some(&owner.token), &body)?;
        let group = text(&made["data"]["group"]["groupId"])?;
        for page in pages {
            let path = format!("/api/groups/{group}/members");
            http.json("POST", &path, Some(&owner.token), &json!({ "members": page }).to_string())?;
        }
        text(&made["data"]["conversation"]["conversationId"])
    }

    /// Makes `count` groups that have `owner` alone.
    pub(crate) fn lone_groups(&self, owner: &Login, count: usize) -> anyhow::Result<()> {
        let body = r#"{"groupName":"bench","members":[]}"#;
        self.each(count, |http, _| http.json("POST", "/api/groups", Some(&owner.token), body).map(drop))?;
        Ok(())
    }

    /// Opens the single chat of each two neighbours in `users`.
    pub(crate) fn pairs(&self, users: &[Login]) -> anyhow::Result<Vec<String>> {
        self.each(users.len() / 2, |http, index| {
            let body = json!({ "targetUserId": users[2 * index + 1].user }).to_string();
            let made = http.json("POST", "/api/conversations", Some(&users[2 * index].token), &body)?;
            text(&made["data"]["conversationId"])
        })
    }

    /// Does `work` for every index below `count`, on several connections, in no order, and keeps the order of results.
    fn each<T: Send>(
        &self,
        count: usize,
        work: impl Fn(&mut Http, usize) -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<Vec<T>> {
        let hands = HANDS.min(count.max(1));
        let mut all: Vec<(usize, T)> = thread::scope(|scope| {
            let work = &work;
            let hands: Vec<_> = (0..hands)
                .map(|hand| {
                    scope.spawn(move || {
                        let mut http = Http::connect(self.to)?;
                        (hand..count)
                            .step_by(hands)
                            .map(|index| Ok((index, work(&mut http, index)?)))
                            .collect::<anyhow::Result<Vec<_>>>()
                    })
                })
                .collect();
            let mut all = Vec::with_capacity(count);
            for hand in hands {
                all.extend(hand.join().expect("workers don't panic")?);
            }
            anyhow::Ok(all)
        })?;
        all.sort_unstable_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, made)| made).collect())
    }
}

fn login(answer: &Value) -> anyhow::Result<Login> {
    let data = &answer["data"];
    Ok(Login { user: text(&data["user"]["userId"])?, token: text(&data["token"])? })
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(value.as_str().context("the answer lacks a field of the contract")?.to_owned())
}
