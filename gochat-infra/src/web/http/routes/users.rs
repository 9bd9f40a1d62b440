//! Users and the caller's own profile.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::{Code, Fault};
use gochat_core::service::{ProfileChange, Secret};
use gochat_proto::http::{PasswordChange, Profile};

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Auth, Context, PathArgs};
use super::super::query::Query;
use super::super::reply::Answer;
use crate::web::convert;
use crate::web::convert::incoming::{Wrong, ill};
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn me(State(api): State<Arc<Api>>, Auth(caller): Auth, cx: Context) -> Answer {
    let users = api.services.profiles.by_ids(&[caller.user]).await?;
    // A valid token of an account that is gone is no longer worth anything.
    let user = users.into_iter().flatten().next().ok_or(Code::Unauthenticated)?;
    cx.ok(convert::user(&user))
}

pub(super) async fn update(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    body: Text,
) -> Answer {
    let form: Profile<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let nickname = wrong.or_default("nickname", form.nickname.optional_text().map_err(ill));
    let avatar = wrong.or_default("avatar", form.avatar.optional_text().map_err(ill));
    let password = match form.password.map(|raw| serde_json::from_str::<PasswordChange<'_>>(raw.get())) {
        None => None,
        Some(Ok(change)) => match (change.old.text(), change.new.text()) {
            (Ok(old), Ok(new)) => Some((Secret(old.to_owned()), Secret(new.to_owned()))),
            (Err(e), _) | (_, Err(e)) => {
                wrong.push("password", ill(e));
                None
            }
        },
        Some(Err(_)) => {
            wrong.push("password", Fault::Malformed);
            None
        }
    };
    wrong.check()?;
    let change =
        ProfileChange { nickname: nickname.map(str::to_owned), avatar: avatar.map(str::to_owned), password };
    let user = api.services.profiles.update(&caller, change).await?;
    cx.reply(http::StatusCode::OK, Done::Saved, convert::user(&user))
}

pub(super) async fn by_name(State(api): State<Arc<Api>>, _: Auth, cx: Context, path: PathArgs) -> Answer {
    let user = api.services.profiles.by_name(path.text(0)).await?;
    cx.ok(convert::user(&user))
}

pub(super) async fn search(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    query: Query,
) -> Answer {
    let limit = query.count("limit")?;
    let q = query.text("q").ok_or_else(|| Problem::field("q", Fault::Missing))?;
    let users = api.services.profiles.search(&caller, q, limit).await?;
    cx.ok(users.iter().map(|u| convert::user(u)).collect::<Vec<_>>())
}
