//! Conversations, and catching up on all of them.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::Fault;
use gochat_core::model::Seq;
use gochat_core::ports::{Presence, SyncCursor};
use gochat_proto::Id;
use gochat_proto::http::{NewConversation, SyncFriend, SyncMembership, SyncPage};
use gochat_proto::ws::MarkRead;

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Auth, Context, PathArgs};
use super::super::query::Query;
use super::super::reply::Answer;
use super::friends::user_of;
use crate::web::convert;
use crate::web::convert::incoming::ill;
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn list(State(api): State<Arc<Api>>, Auth(caller): Auth, cx: Context) -> Answer {
    let views = api.services.conversations.list(&caller).await?;
    cx.ok(convert::conversations(&views))
}

pub(super) async fn open(State(api): State<Arc<Api>>, Auth(caller): Auth, cx: Context, body: Text) -> Answer {
    let form: NewConversation<'_> = body.form()?;
    let other = user_of("targetUserId", &form.target_user_id)?;
    let (view, new) = api.services.conversations.open_single(&caller, other).await?;
    cx.made(new, Done::Created, convert::conversation(&view))
}

pub(super) async fn one(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    let view = api.services.conversations.get(&caller, path.conversation()?).await?;
    cx.ok(convert::conversation(&view))
}

pub(super) async fn hide(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    api.services.conversations.hide(&caller, path.conversation()?).await?;
    cx.done(Done::Ok)
}

pub(super) async fn mark_read(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    body: Text,
) -> Answer {
    let id = path.conversation()?;
    let form: MarkRead<'_> = body.form()?;
    let seq = form.seq.optional_number().map_err(|e| Problem::field("seq", ill(e)))?;
    api.services.conversations.mark_read(&caller, id, seq.map(Seq::new)).await?;
    cx.done(Done::Ok)
}

pub(super) async fn sync(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    query: Query,
) -> Answer {
    let limit = query.count("limit")?;
    let cursor = match query.text("cursor") {
        None | Some("") => SyncCursor::START,
        Some(text) => SyncCursor(text.parse().map_err(|_| Problem::field("cursor", Fault::Malformed))?),
    };
    let page = api.services.conversations.sync(&caller, cursor, limit).await?;
    let membership = |(id, presence): &(_, _)| SyncMembership {
        conversation_id: convert::conv_id(*id),
        group_id: convert::conv_id(*id),
        member: *presence == Presence::Here,
    };
    let friend = |(user, presence): &(gochat_core::model::UserId, _)| SyncFriend {
        user_id: Id(user.get()),
        friend: *presence == Presence::Here,
    };
    cx.ok(SyncPage {
        conversations: convert::conversations(&page.conversations),
        memberships: page.memberships.iter().map(membership).collect(),
        friends: page.friends.iter().map(friend).collect(),
        cursor: Id(page.cursor.0),
        has_more: page.has_more,
    })
}
