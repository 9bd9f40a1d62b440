//! `/auth`: none of these looks at who asks; a stale token does no harm.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::Error;
use gochat_core::model::UsernameKey;
use gochat_core::service::Registration;
use gochat_proto::http::{Credentials, Guest, Refresh, Registered};
use http::{HeaderMap, StatusCode};

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Context, bearer};
use super::super::reply::Answer;
use crate::web::convert;
use crate::web::convert::incoming::{Wrong, ill, optional_text, required_text};
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn register(State(api): State<Arc<Api>>, cx: Context, body: Text) -> Answer {
    let form: Credentials<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let username = wrong.or_default("username", form.username.text().map_err(ill));
    let password = wrong.or_default("password", form.password.text().map_err(ill));
    let avatar = wrong.or_default("avatar", form.avatar.optional_text().map_err(ill));
    wrong.check()?;
    if let Some(address) = &cx.limited_by {
        api.throttles.registrations.take(address, api.clock.now()).map_err(Problem::limited)?;
    }
    let mut new = Registration::new(username, password);
    avatar.unwrap_or_default().clone_into(&mut new.avatar);
    let user = api.services.accounts.register(new).await?;
    cx.reply(StatusCode::CREATED, Done::Registered, Registered { user: convert::user(&user) })
}

/// Failures are counted, by name and by address; successes are not.
pub(super) async fn login(State(api): State<Arc<Api>>, cx: Context, body: Text) -> Answer {
    let form: Credentials<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let username = wrong.or_default("username", form.username.text().map_err(ill));
    let password = wrong.or_default("password", form.password.text().map_err(ill));
    wrong.check()?;

    let limits = &api.throttles;
    let name = UsernameKey::of(username);
    let now = api.clock.now();
    if let Some(name) = &name {
        limits.login_name.check(name, now).map_err(Problem::limited)?;
    }
    if let Some(address) = &cx.limited_by {
        limits.login_address.check(address, now).map_err(Problem::limited)?;
    }
    let grant = api.services.accounts.login(username, password).await.inspect_err(|error| {
        if matches!(error, Error::BadCredentials) {
            let now = api.clock.now();
            if let Some(name) = &name {
                limits.login_name.count(name, now);
            }
            if let Some(address) = &cx.limited_by {
                limits.login_address.count(address, now);
            }
        }
    })?;
    if let Some(name) = &name {
        limits.login_name.clear(name);
    }
    cx.reply(StatusCode::OK, Done::LoggedIn, convert::login(&grant))
}

pub(super) async fn guest(State(api): State<Arc<Api>>, cx: Context, body: Text) -> Answer {
    let form: Guest<'_> = body.form()?;
    let name = optional_text("guestName", &form.guest_name)?.unwrap_or_default();
    if let Some(address) = &cx.limited_by {
        api.throttles.guests.take(address, api.clock.now()).map_err(Problem::limited)?;
    }
    let grant = api.services.accounts.guest(name).await?;
    cx.reply(StatusCode::OK, Done::LoggedIn, convert::login(&grant))
}

pub(super) async fn refresh(State(api): State<Arc<Api>>, cx: Context, body: Text) -> Answer {
    let form: Refresh<'_> = body.form()?;
    let token = required_text("refreshToken", &form.refresh_token)?;
    let grant = api.services.accounts.refresh(token).await?;
    cx.ok(convert::login(&grant))
}

/// Succeeds whatever the token is, and without one.
pub(super) async fn logout(State(api): State<Arc<Api>>, cx: Context, headers: HeaderMap) -> Answer {
    if let Some(token) = bearer(&headers) {
        api.services.accounts.logout(token).await?;
    }
    cx.done(Done::LoggedOut)
}
