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
        api.throttles.registration(address).await.map_err(Problem::limited)?;
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

    let (name, from) = (UsernameKey::of(username), cx.limited_by.as_ref());
    api.throttles.login(name.as_ref(), from).await.map_err(Problem::limited)?;
    let grant = match api.services.accounts.login(username, password).await {
        Ok(grant) => grant,
        Err(error) => {
            if matches!(error, Error::BadCredentials) {
                api.throttles.login_failed(name.as_ref(), from).await;
            }
            return Err(error.into());
        }
    };
    if let Some(name) = &name {
        api.throttles.logged_in(name).await;
    }
    cx.reply(StatusCode::OK, Done::LoggedIn, convert::login(&grant))
}

pub(super) async fn guest(State(api): State<Arc<Api>>, cx: Context, body: Text) -> Answer {
    let form: Guest<'_> = body.form()?;
    let name = optional_text("guestName", &form.guest_name)?.unwrap_or_default();
    if let Some(address) = &cx.limited_by {
        api.throttles.guest(address).await.map_err(Problem::limited)?;
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
