//! Friends.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::Fault;
use gochat_core::model::UserId;
use gochat_proto as wire;
use gochat_proto::http::{Befriended, NewFriend, Online};
use gochat_proto::{Id, Loose};

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Auth, Context, PathArgs};
use super::super::reply::Answer;
use crate::web::convert;
use crate::web::convert::incoming::required_text;
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn online(State(api): State<Arc<Api>>, Auth(caller): Auth, cx: Context) -> Answer {
    let friends = api.services.friends.online(&caller).await?;
    cx.ok(Online(friends.into_iter().map(|(user, online)| (Id(user.get()), online)).collect()))
}

pub(super) async fn list(State(api): State<Arc<Api>>, Auth(caller): Auth, cx: Context) -> Answer {
    let friends = api.services.friends.list(&caller).await?;
    let friends =
        friends.iter().map(|(user, online)| wire::Friend { user: convert::user(user), online: *online });
    cx.ok(friends.collect::<Vec<_>>())
}

pub(super) async fn befriend(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    body: Text,
) -> Answer {
    let form: NewFriend<'_> = body.form()?;
    let other = user_of("friendId", &form.friend_id)?;
    let friend = api.services.friends.befriend(&caller, other).await?;
    let view = api.services.conversations.get(&caller, friend.conversation).await?;
    cx.made(friend.new, Done::Befriended, Befriended { conversation: convert::conversation(&view) })
}

pub(super) async fn unfriend(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    api.services.friends.unfriend(&caller, path.user(0)?).await?;
    cx.done(Done::Ok)
}

/// A user's id in a body. A text that is no id names no user.
///
/// # Errors
/// `VALIDATION` when it is no text, `USER_NOT_FOUND` when nobody has such an id.
pub(super) fn user_of(field: &'static str, value: &Loose<'_>) -> Result<UserId, Problem> {
    match required_text(field, value)? {
        "" => Err(Problem::field(field, Fault::Missing)),
        id => id.parse().map_err(|_| Problem::no_such_users(vec![id.to_owned()])),
    }
}
