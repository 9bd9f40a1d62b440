//! The HTTP half of a small client.

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// A GoChat server's HTTP interface.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: reqwest::Client,
}

/// A login.
#[derive(Debug, Clone)]
pub struct Me {
    /// For every further call.
    pub token: String,
    /// The user's id.
    pub user_id: String,
}

impl Http {
    /// Talks to the server at `base`, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// The client can't be made.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), client })
    }

    /// Address of the WebSocket.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("{}/ws", self.base.replacen("http", "ws", 1))
    }

    /// One call; answers `data`, or fails with the server's code and text.
    ///
    /// # Errors
    /// The server is away or refused.
    pub async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut request =
            self.client.request(method, format!("{}/api{path}", self.base)).header("accept-language", "en");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let text = request.send().await?.text().await?;
        let mut answer: Value = serde_json::from_str(&text).context("the answer is no JSON")?;
        if answer["success"] != true {
            bail!(
                "{}: {}",
                answer["code"].as_str().unwrap_or("?"),
                answer["message"].as_str().unwrap_or("?")
            );
        }
        Ok(answer["data"].take())
    }

    /// Logs in.
    ///
    /// # Errors
    /// The name or password is wrong, or the server is away.
    pub async fn log_in(&self, name: &str, password: &str) -> anyhow::Result<Me> {
        let body = json!({"username": name, "password": password});
        let data = self.call(reqwest::Method::POST, "/auth/login", None, Some(body)).await?;
        let text = |v: &Value| v.as_str().map(str::to_owned).context("a field is missing in the answer");
        Ok(Me { token: text(&data["token"])?, user_id: text(&data["user"]["userId"])? })
    }

    /// Logs in; makes the account first where there is none.
    ///
    /// # Errors
    /// Somebody else has the name, or the server is away.
    pub async fn log_in_or_register(&self, name: &str, password: &str) -> anyhow::Result<Me> {
        if let Ok(me) = self.log_in(name, password).await {
            return Ok(me);
        }
        let body = json!({"username": name, "password": password});
        self.call(reqwest::Method::POST, "/auth/register", None, Some(body)).await?;
        self.log_in(name, password).await
    }

    /// All conversations.
    ///
    /// # Errors
    /// The server is away or refused.
    pub async fn conversations(&self, token: &str) -> anyhow::Result<Vec<Value>> {
        let list = self.call(reqwest::Method::GET, "/conversations", Some(token), None).await?;
        Ok(list.as_array().cloned().unwrap_or_default())
    }

    /// Every message of a conversation above a sequence.
    ///
    /// # Errors
    /// The server is away or refused.
    pub async fn messages_after(&self, token: &str, id: &str, mut seq: u64) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let path = format!("/conversations/{id}/messages?afterSeq={seq}&limit=100");
            let page = self.call(reqwest::Method::GET, &path, Some(token), None).await?;
            let page = page.as_array().cloned().unwrap_or_default();
            let Some(last) = page.last().and_then(|m| m["seq"].as_u64()) else { return Ok(all) };
            seq = last;
            all.extend(page);
        }
    }
}
