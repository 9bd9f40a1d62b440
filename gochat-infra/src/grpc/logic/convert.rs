//! What services are asked and answer, as protobuf, and back.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::{LoginGrant, Timestamp, User};
use gochat_core::ports::SyncCursor;
use gochat_core::service::{
    GroupDetail, HistoryPage, HistoryQuery, MemberChange, MemberPage, MemberQuery, MemberView, SyncPage,
};
use gochat_proto::pb::logic::v1 as pb;
use gochat_proto::pb::logic::v1::change_member_request::Change;
use gochat_proto::pb::logic::v1::get_history_request::Query as History;
use gochat_proto::pb::logic::v1::list_members_request::Query as Members;
use gochat_proto::pb::logic::v1::member_rights::Mute;
use gochat_proto::pb::types::v1 as types;

use crate::wire::{
    Malformed, Wire, id, nested, number, optional, optional_id, optional_role, role_number, seq,
};

/// Values of a list.
pub(super) fn list<T: Wire>(pbs: Vec<T::Pb>) -> Result<Vec<T>, Malformed> {
    pbs.into_iter().map(T::from_pb).collect()
}

/// Values as a list.
pub(super) fn to_list<T: Wire>(values: &[T]) -> Vec<T::Pb> {
    values.iter().map(Wire::to_pb).collect()
}

/// A user that must be there, shared.
pub(super) fn user(pb: Option<types::User>) -> Result<Arc<User>, Malformed> {
    nested(pb, "user").map(Arc::new)
}

/// A user that may be gone, shared.
pub(super) fn optional_user(pb: Option<types::User>) -> Result<Option<Arc<User>>, Malformed> {
    Ok(optional(pb)?.map(Arc::new))
}

impl Wire for LoginGrant {
    type Pb = pb::LoginGrant;

    fn to_pb(&self) -> pb::LoginGrant {
        pb::LoginGrant {
            user: Some(self.user.to_pb()),
            login_id: self.login.get(),
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            expires_in_ms: u64::try_from(self.expires_in.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn from_pb(pb: pb::LoginGrant) -> Result<Self, Malformed> {
        Ok(Self {
            user: user(pb.user)?,
            login: id(pb.login_id, "grant.login_id")?,
            access_token: pb.access_token,
            refresh_token: pb.refresh_token,
            expires_in: Duration::from_millis(pb.expires_in_ms),
        })
    }
}

impl Wire for SyncPage {
    type Pb = pb::SyncResponse;

    fn to_pb(&self) -> pb::SyncResponse {
        pb::SyncResponse {
            conversations: to_list(&self.conversations),
            memberships: to_list(&self.memberships),
            friends: to_list(&self.friends),
            cursor: self.cursor.0,
            has_more: self.has_more,
        }
    }

    fn from_pb(pb: pb::SyncResponse) -> Result<Self, Malformed> {
        Ok(Self {
            conversations: list(pb.conversations)?,
            memberships: list(pb.memberships)?,
            friends: list(pb.friends)?,
            cursor: SyncCursor(pb.cursor),
            has_more: pb.has_more,
        })
    }
}

impl Wire for HistoryPage {
    type Pb = pb::GetHistoryResponse;

    fn to_pb(&self) -> pb::GetHistoryResponse {
        pb::GetHistoryResponse {
            messages: to_list(&self.messages),
            size: self.size,
            total: self.total,
            has_more: self.has_more,
            next_seq: self.next_seq.get(),
        }
    }

    fn from_pb(pb: pb::GetHistoryResponse) -> Result<Self, Malformed> {
        Ok(Self {
            messages: list(pb.messages)?,
            size: pb.size,
            total: pb.total,
            has_more: pb.has_more,
            next_seq: seq(pb.next_seq, "history.next_seq")?,
        })
    }
}

pub(super) fn to_history(query: HistoryQuery) -> History {
    match query {
        HistoryQuery::Page { page, size } => History::Page(pb::HistoryByPage { page, size }),
        HistoryQuery::After { seq, limit } => History::After(pb::HistoryBySeq { seq: seq.get(), limit }),
        HistoryQuery::Before { seq, limit } => History::Before(pb::HistoryBySeq { seq: seq.get(), limit }),
    }
}

pub(super) fn history(query: Option<History>) -> Result<HistoryQuery, Malformed> {
    Ok(match query.ok_or(Malformed::new("query"))? {
        History::Page(pb) => HistoryQuery::Page { page: pb.page, size: pb.size },
        History::After(pb) => HistoryQuery::After { seq: seq(pb.seq, "after.seq")?, limit: pb.limit },
        History::Before(pb) => HistoryQuery::Before { seq: seq(pb.seq, "before.seq")?, limit: pb.limit },
    })
}

impl Wire for MemberView {
    type Pb = pb::MemberView;

    fn to_pb(&self) -> pb::MemberView {
        pb::MemberView {
            member: Some(self.member.to_pb()),
            user: self.user.as_ref().map(|user| user.to_pb()),
            online: self.online,
        }
    }

    fn from_pb(pb: pb::MemberView) -> Result<Self, Malformed> {
        Ok(Self { member: nested(pb.member, "member")?, user: optional_user(pb.user)?, online: pb.online })
    }
}

impl Wire for MemberPage {
    type Pb = pb::MemberPage;

    fn to_pb(&self) -> pb::MemberPage {
        pb::MemberPage {
            members: to_list(&self.members),
            size: self.size,
            total: self.total,
            has_more: self.has_more,
        }
    }

    fn from_pb(pb: pb::MemberPage) -> Result<Self, Malformed> {
        Ok(Self { members: list(pb.members)?, size: pb.size, total: pb.total, has_more: pb.has_more })
    }
}

impl Wire for GroupDetail {
    type Pb = pb::GroupDetail;

    fn to_pb(&self) -> pb::GroupDetail {
        pb::GroupDetail {
            group: Some(self.group.to_pb()),
            conversation: Some(self.conversation.to_pb()),
            members: Some(self.members.to_pb()),
        }
    }

    fn from_pb(pb: pb::GroupDetail) -> Result<Self, Malformed> {
        Ok(Self {
            group: nested(pb.group, "detail.group")?,
            conversation: nested(pb.conversation, "detail.conversation")?,
            members: nested(pb.members, "detail.members")?,
        })
    }
}

pub(super) fn to_members(query: MemberQuery) -> Members {
    match query {
        MemberQuery::After { user, limit } => {
            Members::After(pb::MembersAfter { user_id: number(user), limit })
        }
        MemberQuery::Page { page, size } => Members::Page(pb::MembersByPage { page, size }),
    }
}

pub(super) fn members(query: Option<Members>) -> Result<MemberQuery, Malformed> {
    Ok(match query.ok_or(Malformed::new("query"))? {
        Members::After(pb) => {
            MemberQuery::After { user: optional_id(pb.user_id, "after.user_id")?, limit: pb.limit }
        }
        Members::Page(pb) => MemberQuery::Page { page: pb.page, size: pb.size },
    })
}

/// `None` for a change that this version can't say.
pub(super) fn to_change(change: MemberChange) -> Option<Change> {
    Some(match change {
        MemberChange::Rights { role, muted_until } => Change::Rights(pb::MemberRights {
            role: role_number(role),
            mute: muted_until.map(|until| match until {
                Some(until) => Mute::MutedUntilMs(until.as_millis()),
                None => Mute::Unmuted(pb::Unmuted {}),
            }),
        }),
        MemberChange::Owner => Change::Owner(pb::Ownership {}),
        _ => return None,
    })
}

pub(super) fn change(change: Option<Change>) -> Result<MemberChange, Malformed> {
    Ok(match change.ok_or(Malformed::new("change"))? {
        Change::Rights(pb) => MemberChange::Rights {
            role: optional_role(pb.role, "rights.role")?,
            muted_until: pb.mute.map(|mute| match mute {
                Mute::MutedUntilMs(ms) => Some(Timestamp::from_millis(ms)),
                Mute::Unmuted(pb::Unmuted {}) => None,
            }),
        },
        Change::Owner(pb::Ownership {}) => MemberChange::Owner,
    })
}
