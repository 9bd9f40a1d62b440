//! What handlers take from the head of a request.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use gochat_core::error::Code;
use gochat_core::model::{Caller, ConversationId, MessageId, UserId};
use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION};
use http::request::Parts;

use super::{Api, peer};
use crate::web::error::Problem;
use crate::web::lang::Lang;

/// Of every request.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The language of the client's people.
    pub(super) lang: Lang,
    /// What limits by address count by; `None` where none holds.
    pub(super) limited_by: Option<IpAddr>,
}

impl FromRequestParts<Arc<Api>> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let address = peer::address(&parts.extensions, &parts.headers, &api.config.trusted_proxies);
        Ok(Self { lang: lang(&parts.headers), limited_by: address.and_then(peer::limited_by) })
    }
}

/// The language that a request asks for.
pub(super) fn lang(headers: &HeaderMap) -> Lang {
    // A value that is not even ASCII is not absent, and does not begin with `zh`.
    Lang::of(headers.get(ACCEPT_LANGUAGE).map(|value| value.to_str().unwrap_or("?")))
}

/// The token in `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Who asks; who is not known gets a 401.
#[derive(Debug, Clone)]
pub(super) struct Auth(pub(super) Caller);

impl FromRequestParts<Arc<Api>> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or(Code::Unauthenticated)?;
        Ok(Self(api.services.accounts.authenticate(token).await?))
    }
}

/// The variable parts of the path, in order. One that is not UTF-8 names nothing.
#[derive(Debug)]
pub(super) struct PathArgs(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for PathArgs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, state).await;
        Ok(Self(raw.map_or_else(
            |_not_utf8| vec![char::REPLACEMENT_CHARACTER.to_string(); 2],
            |raw| raw.iter().map(|(_, value)| value.to_owned()).collect(),
        )))
    }
}

impl PathArgs {
    /// As it stands.
    pub(super) fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    pub(super) fn conversation(&self) -> Result<ConversationId, Problem> {
        self.text(0).parse().map_err(|_| Code::ConversationNotFound.into())
    }

    pub(super) fn group(&self) -> Result<ConversationId, Problem> {
        self.text(0).parse().map_err(|_| Code::GroupNotFound.into())
    }

    pub(super) fn message(&self) -> Result<MessageId, Problem> {
        self.text(0).parse().map_err(|_| Code::MessageNotFound.into())
    }

    pub(super) fn user(&self, at: usize) -> Result<UserId, Problem> {
        self.text(at).parse().map_err(|_| Code::UserNotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let token = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().expect("a value"));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(token("bearer  a.b.c ").as_deref(), Some("a.b.c"));
        for none in ["", "Bearer", "Bearer ", "Basic a.b.c", "a.b.c"] {
            assert_eq!(token(none), None, "{none:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
