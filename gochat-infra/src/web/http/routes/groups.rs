//! Groups and their members.

use std::sync::Arc;

use axum::extract::State;
use gochat_core::error::{Code, Fault};
use gochat_core::model::{Caller, ConversationId, Role, Timestamp, UserId};
use gochat_core::service::{GroupChange, GroupCreation, MemberChange, MemberQuery};
use gochat_proto::http::{
    GroupForm, GroupMade, MemberForm, MemberPage, NewMembers, Pages, Pagination, Transfer,
};
use gochat_proto::ws::strings;
use gochat_proto::{Given, Id, Loose, RawValue, WireTime};
use http::StatusCode;

use super::super::Api;
use super::super::body::Text;
use super::super::context::{Auth, Context, PathArgs};
use super::super::query::Query;
use super::super::reply::Answer;
use crate::web::convert;
use crate::web::convert::incoming::{Wrong, ill, required_text};
use crate::web::error::Problem;
use crate::web::lang::Done;

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    body: Text,
) -> Answer {
    let form: GroupForm<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let name = wrong.or_default("groupName", form.group_name.text().map_err(ill));
    let avatar = wrong.or_default("avatar", form.avatar.optional_text().map_err(ill));
    let description = wrong.or_default("description", form.description.optional_text().map_err(ill));
    let members = wrong.or_default("members", texts(form.members));
    wrong.check()?;
    let new = GroupCreation {
        name: name.to_owned(),
        members: user_ids(members)?,
        avatar: avatar.unwrap_or_default().to_owned(),
        description: description.unwrap_or_default().to_owned(),
    };
    let detail = api.services.groups.create(&caller, new).await?;
    let made = GroupMade {
        group: convert::group(&detail),
        conversation: convert::conversation(&detail.conversation),
    };
    cx.reply(StatusCode::CREATED, Done::Created, made)
}

pub(super) async fn one(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    let detail = api.services.groups.get(&caller, path.group()?).await?;
    cx.ok(convert::group(&detail))
}

pub(super) async fn update(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    body: Text,
) -> Answer {
    let id = path.group()?;
    let form: GroupForm<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let mut text = |field, value: &Loose<'_>| {
        wrong.or_default(field, value.optional_text().map(|t| t.map(str::to_owned)).map_err(ill))
    };
    let change = GroupChange {
        name: text("groupName", &form.group_name),
        avatar: text("avatar", &form.avatar),
        description: text("description", &form.description),
    };
    wrong.check()?;
    let detail = api.services.groups.update(&caller, id, change).await?;
    cx.reply(StatusCode::OK, Done::Saved, convert::group(&detail))
}

pub(super) async fn dissolve(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    api.services.groups.dissolve(&caller, path.group()?).await?;
    cx.done(Done::Ok)
}

pub(super) async fn members(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    query: Query,
) -> Answer {
    let id = path.group()?;
    let asked = member_query(&query)?;
    let found = api.services.groups.members(&caller, id, asked).await?;
    let pagination = match asked {
        MemberQuery::Page { page, .. } => Pagination::Pages(Pages {
            page: page.into(),
            size: found.size.into(),
            total: found.total.into(),
            has_more: found.has_more,
        }),
        MemberQuery::After { user, .. } => {
            let last = found.members.last().map(|m| m.member.user).or(user);
            let next_after = last.map(|user| Id(user.get()));
            Pagination::Members(MemberPage { has_more: found.has_more, next_after })
        }
    };
    cx.page(found.members.iter().map(convert::member).collect::<Vec<_>>(), pagination)
}

/// A page number, or the cursor; by default from the first member on.
fn member_query(query: &Query) -> Result<MemberQuery, Problem> {
    let (page, size, limit) = (query.count("page")?, query.count("size")?, query.count("limit")?);
    let user = match query.text("after") {
        None | Some("") => None,
        Some(text) => Some(text.parse::<UserId>().map_err(|_| Problem::field("after", Fault::Malformed))?),
    };
    match (user, page) {
        (Some(_), Some(_)) => Err(Problem::field("page", Fault::Contradictory)),
        (None, Some(page)) => Ok(MemberQuery::Page { page, size: size.or(limit) }),
        // A size alone asks for numbered pages, a limit for the cursor.
        (None, None) if size.is_some() && limit.is_none() => Ok(MemberQuery::Page { page: 1, size }),
        (user, None) => Ok(MemberQuery::After { user, limit: limit.or(size) }),
    }
}

pub(super) async fn add(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    body: Text,
) -> Answer {
    let id = path.group()?;
    let form: NewMembers<'_> = body.form()?;
    if form.members.is_none() {
        return Err(Problem::field("members", Fault::Missing));
    }
    let members = texts(form.members).map_err(|fault| Problem::field("members", fault))?;
    let detail = api.services.groups.add(&caller, id, &user_ids(members)?).await?;
    cx.reply(StatusCode::OK, Done::Saved, convert::group(&detail))
}

pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
) -> Answer {
    let id = path.group()?;
    let user = member_of(&api, &caller, id, path.text(1)).await?;
    api.services.groups.remove(&caller, id, user).await?;
    cx.done(Done::Ok)
}

pub(super) async fn change_member(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    body: Text,
) -> Answer {
    let id = path.group()?;
    let form: MemberForm<'_> = body.form()?;
    let mut wrong = Wrong::default();
    let role = wrong.or_default("role", role_of(&form.role));
    let muted_until = wrong.or_default("mutedUntil", mute_of(&form.muted_until));
    wrong.check()?;
    let user = member_of(&api, &caller, id, path.text(1)).await?;
    let change = MemberChange::Rights { role, muted_until };
    let view = api.services.groups.change_member(&caller, id, user, change).await?;
    cx.reply(StatusCode::OK, Done::Saved, convert::member(&view))
}

pub(super) async fn transfer(
    State(api): State<Arc<Api>>,
    Auth(caller): Auth,
    cx: Context,
    path: PathArgs,
    body: Text,
) -> Answer {
    let id = path.group()?;
    let form: Transfer<'_> = body.form()?;
    let user = member_of(&api, &caller, id, required_text("userId", &form.user_id)?).await?;
    let view = api.services.groups.change_member(&caller, id, user, MemberChange::Owner).await?;
    cx.reply(StatusCode::OK, Done::Saved, convert::member(&view))
}

/// The user named in a member action. A text that is no id is nobody's: the answer is the one for who is no member, which
/// only members get.
async fn member_of(api: &Api, caller: &Caller, group: ConversationId, id: &str) -> Result<UserId, Problem> {
    if let Ok(user) = id.parse() {
        return Ok(user);
    }
    let first = MemberQuery::After { user: None, limit: Some(1) };
    api.services.groups.members(caller, group, first).await?;
    Err(Code::NotAMember.into())
}

/// An array of texts; a missing one is empty.
fn texts(raw: Option<&RawValue>) -> Result<Vec<std::borrow::Cow<'_, str>>, Fault> {
    strings(raw).ok_or(Fault::Malformed)
}

/// Ids of users; names those that are none.
fn user_ids(texts: Vec<std::borrow::Cow<'_, str>>) -> Result<Vec<UserId>, Problem> {
    let (mut known, mut unknown) = (Vec::with_capacity(texts.len()), Vec::new());
    for text in texts {
        match text.parse() {
            Ok(id) => known.push(id),
            Err(_) => unknown.push(text.into_owned()),
        }
    }
    if unknown.is_empty() { Ok(known) } else { Err(Problem::no_such_users(unknown)) }
}

/// A rank; the owner's can't be given away here but by the core's rules, which say so.
fn role_of(value: &Loose<'_>) -> Result<Option<Role>, Fault> {
    Ok(match value.optional_text().map_err(ill)? {
        None => None,
        Some("member") => Some(Role::Member),
        Some("admin") => Some(Role::Admin),
        Some("owner") => Some(Role::Owner),
        Some(_) => return Err(Fault::Unknown),
    })
}

/// Nothing, `null` to unmute, or a time.
fn mute_of(value: &Given<'_>) -> Result<Option<Option<Timestamp>>, Fault> {
    match &value.0 {
        None => Ok(None),
        Some(Loose::Missing) => Ok(Some(None)),
        Some(value) => {
            let time = value.text().map_err(ill)?;
            let time = WireTime::parse(time).ok_or(Fault::Malformed)?;
            Ok(Some(Some(Timestamp::from_millis(time.0))))
        }
    }
}
