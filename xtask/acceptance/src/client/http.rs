//! HTTP calls whose failures show the whole exchange.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::Base;
use crate::json::Json;

/// How long a call may take at all. The contract's 5 s has a case of its own: here a busy test machine counts.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client with its connections, for anybody's calls.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: Base,
}

impl Http {
    /// A client of the server at `base`.
    pub fn new(base: Base) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(64).build_http();
        Self { client, base }
    }

    /// Where the server is.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Begins a call of a path under `/api`.
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.outside(method, &format!("/api{path}"))
    }

    /// Begins a call of a path beside `/api`.
    pub fn outside(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let path = path.to_owned();
        Call { http: self.clone(), method, path, headers: Vec::new(), body: None }
    }
}

/// A call being made ready.
#[must_use]
#[derive(Debug)]
pub struct Call {
    http: Http,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Bytes>,
}

impl Call {
    /// A header as it is.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer <token>`.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A JSON body with its content type.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string())
    }

    /// A body as it is, with no content type of its own.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Makes the call.
    pub async fn send(self) -> Result<Reply> {
        let shown = self.shown();
        let mut request = Request::builder().method(self.method).uri(self.http.base.url(&self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body.unwrap_or_default())).context(shown.clone())?;
        let started = Instant::now();
        let exchange = async {
            let (head, body) = self.http.client.request(request).await?.into_parts();
            Ok::<_, anyhow::Error>((head, body.collect().await?.to_bytes()))
        };
        let (head, body) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .with_context(|| format!("{shown}\nno answer within {PATIENCE:?}"))?
            .with_context(|| shown.clone())?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let took = started.elapsed();
        Ok(Reply { call: shown, status: head.status, headers: head.headers, body, json, took })
    }

    fn shown(&self) -> String {
        let mut text = format!("{} {}", self.method, self.path);
        for (name, value) in &self.headers {
            let short: String = value.chars().take(24).collect();
            text.push_str(&format!("\n    {name}: {short}"));
        }
        if let Some(body) = &self.body {
            let body = String::from_utf8_lossy(body);
            text.push_str("\n    ");
            text.extend(body.chars().take(600));
        }
        text
    }
}

/// An answer, with the call it answers.
#[derive(Debug)]
pub struct Reply {
    /// The call as shown in failures.
    pub call: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// The body as JSON; null if it is none.
    pub json: Value,
    /// From sending to the last byte.
    pub took: Duration,
}

impl Reply {
    /// The call and the answer for people.
    pub fn shown(&self) -> String {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(1500).collect();
        format!("\n  request:  {}\n  answer:   {} {body}", self.call, self.status)
    }

    /// A header's text, or "".
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// Asserts success with this status, and gives `data`.
    pub fn ok(&self, status: u16) -> Result<&Value> {
        let check = || -> Result<&Value> {
            same!(self.status.as_u16(), status, "the status");
            same!(self.json.flag("success")?, true, "success");
            self.json.text("message")?;
            self.json.at("data")
        };
        check().with_context(|| {
            format!("success is {{success:true,message,data}} with {status}{}", self.shown())
        })
    }

    /// Asserts success with 200 or 201, and gives `data`.
    pub fn fine(&self) -> Result<&Value> {
        let status = self.status.as_u16();
        ensure!(status == 200 || status == 201, "200 or 201 expected{}", self.shown());
        self.ok(status)
    }

    /// Asserts a failure with this status and code, and gives the whole body.
    pub fn fails(&self, status: u16, code: &str) -> Result<&Value> {
        let check = || -> Result<&Value> {
            same!(self.status.as_u16(), status, "the status of {code}");
            same!(self.json.flag("success")?, false, "success");
            same!(self.json.text("code")?, code, "the code");
            ensure!(!self.json.text("message")?.is_empty(), "message is for people, not empty");
            ensure!(!self.json.text("traceId")?.is_empty(), "traceId is there");
            Ok(&self.json)
        };
        check().with_context(|| {
            format!("failure is {{success:false,message,code,traceId}} with {status} {code}{}", self.shown())
        })
    }

    /// Asserts a 400 `VALIDATION` whose `fields` name `field`.
    pub fn invalid(&self, field: &str) -> Result<()> {
        let body = self.fails(400, "VALIDATION")?;
        let fields =
            body.at("fields").with_context(|| format!("VALIDATION comes with `fields`{}", self.shown()))?;
        let named = match fields {
            Value::Object(map) => map.contains_key(field),
            Value::Array(list) => list.iter().any(|f| {
                f.as_str() == Some(field)
                    || ["field", "name"].iter().any(|k| f.get(k).is_some_and(|v| v == field))
            }),
            _ => bail!("`fields` is neither an object nor an array{}", self.shown()),
        };
        ensure!(named, "`fields` does not name `{field}`{}", self.shown());
        Ok(())
    }
}
