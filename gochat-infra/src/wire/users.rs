//! Users and those who call.

use gochat_core::model::{Caller, Role, Timestamp, User, Username};
use gochat_core::ports::Presence;
use gochat_proto::pb::types::v1 as pb;

use super::{Malformed, Wire, id, number, optional_id};

impl Wire for User {
    type Pb = pb::User;

    fn to_pb(&self) -> pb::User {
        pb::User {
            id: self.id.get(),
            name: self.name.as_str().to_owned(),
            nickname: self.nickname.as_deref().map(str::to_owned),
            avatar: self.avatar.to_string(),
            guest: self.guest,
            created_at_ms: self.created_at.as_millis(),
        }
    }

    fn from_pb(pb: pb::User) -> Result<Self, Malformed> {
        if pb.name.is_empty() {
            return Err(Malformed::new("user.name"));
        }
        Ok(Self {
            id: id(pb.id, "user.id")?,
            name: Username::from_stored(&pb.name),
            nickname: pb.nickname.map(Into::into),
            avatar: pb.avatar.into(),
            guest: pb.guest,
            created_at: Timestamp::from_millis(pb.created_at_ms),
        })
    }
}

impl Wire for Caller {
    type Pb = pb::Caller;

    fn to_pb(&self) -> pb::Caller {
        pb::Caller {
            user_id: self.user.get(),
            guest: self.guest,
            login_id: self.login.get(),
            expires_at_ms: self.expires_at.as_millis(),
            session_id: number(self.session),
        }
    }

    fn from_pb(pb: pb::Caller) -> Result<Self, Malformed> {
        Ok(Self {
            user: id(pb.user_id, "caller.user_id")?,
            guest: pb.guest,
            login: id(pb.login_id, "caller.login_id")?,
            expires_at: Timestamp::from_millis(pb.expires_at_ms),
            session: optional_id(pb.session_id, "caller.session_id")?,
        })
    }
}

/// The number of a rank; 0 for none.
#[must_use]
pub fn role_number(role: Option<Role>) -> i32 {
    let role = match role {
        None => pb::Role::Unspecified,
        Some(Role::Member) => pb::Role::Member,
        Some(Role::Admin) => pb::Role::Admin,
        Some(Role::Owner) => pb::Role::Owner,
    };
    role.into()
}

/// The rank with this number; `None` for 0.
///
/// # Errors
/// There is no such rank.
pub fn optional_role(n: i32, field: &'static str) -> Result<Option<Role>, Malformed> {
    match pb::Role::try_from(n) {
        Ok(pb::Role::Unspecified) => Ok(None),
        Ok(pb::Role::Member) => Ok(Some(Role::Member)),
        Ok(pb::Role::Admin) => Ok(Some(Role::Admin)),
        Ok(pb::Role::Owner) => Ok(Some(Role::Owner)),
        Err(_) => Err(Malformed { field }),
    }
}

/// The rank with this number.
///
/// # Errors
/// There is no such rank.
pub fn role(n: i32, field: &'static str) -> Result<Role, Malformed> {
    optional_role(n, field)?.ok_or(Malformed { field })
}

/// The number of a presence.
#[must_use]
pub fn presence_number(presence: Presence) -> i32 {
    let presence = match presence {
        Presence::Here => pb::Presence::Here,
        Presence::Gone => pb::Presence::Gone,
    };
    presence.into()
}

/// The presence with this number.
///
/// # Errors
/// There is no such presence.
pub fn presence(n: i32, field: &'static str) -> Result<Presence, Malformed> {
    match pb::Presence::try_from(n) {
        Ok(pb::Presence::Here) => Ok(Presence::Here),
        Ok(pb::Presence::Gone) => Ok(Presence::Gone),
        _ => Err(Malformed { field }),
    }
}
