//! Bodies that clients send. (`POST /messages` takes [`SendMessage`](crate::ws::SendMessage), and
//! `PUT /conversations/{id}/read` takes [`MarkRead`](crate::ws::MarkRead).)

use serde_json::value::RawValue;

use crate::loose::{Given, Loose, incoming};

incoming! {
    /// `POST /auth/register` and `/auth/login`.
    Credentials {
        /// The name.
        username: Loose<'a> = "username",
        /// The password.
        password: Loose<'a> = "password",
        /// Address of a picture.
        avatar: Loose<'a> = "avatar",
    }
}

incoming! {
    /// `POST /auth/guest`.
    Guest {
        /// Wanted name; empty: choose one.
        guest_name: Loose<'a> = "guestName" | "guest_name",
    }
}

incoming! {
    /// `POST /auth/refresh`.
    Refresh {
        /// The token.
        refresh_token: Loose<'a> = "refreshToken" | "refresh_token",
    }
}

incoming! {
    /// `PUT /users/profile`.
    Profile {
        /// Another nickname.
        nickname: Loose<'a> = "nickname",
        /// Another picture.
        avatar: Loose<'a> = "avatar",
        /// A [`PasswordChange`].
        password: Option<&'a RawValue> = "password",
    }
}

incoming! {
    /// Inside of [`Profile::password`].
    PasswordChange {
        /// As it is.
        old: Loose<'a> = "old" | "oldPassword" | "old_password",
        /// As it shall be.
        new: Loose<'a> = "new" | "newPassword" | "new_password",
    }
}

incoming! {
    /// `POST /friends`.
    NewFriend {
        /// Who.
        friend_id: Loose<'a> = "friendId" | "friend_id",
    }
}

incoming! {
    /// `POST /conversations`.
    NewConversation {
        /// With whom.
        target_user_id: Loose<'a> = "targetUserId" | "target_user_id",
    }
}

incoming! {
    /// `POST /groups` and `PUT /groups/{id}`.
    GroupForm {
        /// Its name.
        group_name: Loose<'a> = "groupName" | "group_name",
        /// Who is in it: an array of user ids.
        members: Option<&'a RawValue> = "members",
        /// Address of a picture.
        avatar: Loose<'a> = "avatar",
        /// What it is about.
        description: Loose<'a> = "description",
    }
}

incoming! {
    /// `POST /groups/{id}/members`.
    NewMembers {
        /// Who: an array of user ids.
        members: Option<&'a RawValue> = "members",
    }
}

incoming! {
    /// `POST /groups/{id}/transfer`.
    Transfer {
        /// To whom.
        user_id: Loose<'a> = "userId" | "user_id",
    }
}

incoming! {
    /// `PUT /groups/{id}/members/{userId}`.
    MemberForm {
        /// Another rank.
        role: Loose<'a> = "role",
        /// Another mute; `null` ends it.
        muted_until: Given<'a> = "mutedUntil" | "muted_until",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ill, body};

    #[test]
    fn bodies_take_both_spellings_and_ignore_the_rest() {
        let new: GroupForm<'_> = body(r#"{"groupName":"g","members":["1"],"x":{}}"#).expect("JSON");
        let old: GroupForm<'_> = body(r#"{"group_name":"g","members":["1"]}"#).expect("JSON");
        assert_eq!(new.group_name, old.group_name);
        assert_eq!(new.members.map(RawValue::get), Some(r#"["1"]"#));
    }

    #[test]
    fn an_empty_body_is_an_empty_object() {
        for empty in ["", "  \n", "{}"] {
            let guest: Guest<'_> = body(empty).expect("empty");
            assert_eq!(guest.guest_name.text(), Err(Ill::Missing));
        }
        for bad in ["[]", "5", "{", "null", "{\"a\":}"] {
            assert!(body::<Guest<'_>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn null_unmutes() {
        let form = |json| body::<MemberForm<'_>>(json).expect("JSON").muted_until.0;
        assert_eq!(form("{}"), None);
        assert_eq!(form(r#"{"mutedUntil":null}"#), Some(Loose::Missing));
        assert_eq!(form(r#"{"muted_until":"x"}"#), Some(Loose::Text("x".into())));
    }
}
