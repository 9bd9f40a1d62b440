//! Answers in their envelope.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gochat_proto::http::{Pagination, Success};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use super::context::Context;
use crate::web::error::Problem;
use crate::web::lang::Done;

/// What handlers answer.
pub(super) type Answer = Result<Response, Problem>;

impl IntoResponse for Problem {
    /// Puts the problem into an empty answer; the guard, which knows the language and the trace, writes it out.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = crate::web::error::http_status(self.code);
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl Context {
    /// 200, and what was asked for.
    pub(super) fn ok(&self, data: impl Serialize) -> Answer {
        self.reply(StatusCode::OK, Done::Ok, data)
    }

    /// 200, and nothing more to say.
    pub(super) fn done(&self, done: Done) -> Answer {
        self.reply(StatusCode::OK, done, ())
    }

    /// 201 for what is new, 200 for what was there.
    pub(super) fn made(&self, new: bool, done: Done, data: impl Serialize) -> Answer {
        if new { self.reply(StatusCode::CREATED, done, data) } else { self.ok(data) }
    }

    /// A part of a list.
    pub(super) fn page(&self, data: impl Serialize, pagination: Pagination) -> Answer {
        let envelope =
            Success { pagination: Some(pagination), ..Success::new(self.lang.done(Done::Ok), data) };
        Ok(json(StatusCode::OK, &envelope))
    }

    /// Any status.
    pub(super) fn reply(&self, status: StatusCode, done: Done, data: impl Serialize) -> Answer {
        Ok(json(status, &Success::new(self.lang.done(done), data)))
    }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(256);
    serde_json::to_writer(&mut bytes, value).expect("wire types serialise, and a Vec takes everything");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
