//! Every HTTP answer, as it goes over the wire.

use gochat_proto::http::*;
use gochat_proto::*;
use serde::Serialize;

const T: WireTime = WireTime(1_769_851_800_123);
const USER: User<'static> =
    User { user_id: Id(2), username: "alice", nickname: "Al", avatar: "", is_guest: false, created_at: T };
const USER_JSON: &str = r#"{"userId":"2","username":"alice","nickname":"Al","avatar":"","isGuest":false,"createdAt":"2026-01-31T09:30:00.123Z"}"#;
const WORLD: GroupTarget<'static> = GroupTarget {
    group_id: ConvId::World,
    group_name: "World",
    avatar: "",
    member_count: 12,
    description: "",
};
const CHAT: Conversation<'static> = Conversation {
    conversation_id: ConvId::World,
    r#type: ConversationType::World,
    target: Target::Group(WORLD),
    last_message: "",
    last_message_time: T,
    unread_count: 0,
    last_seq: 0,
    read_seq: 0,
    muted: false,
    pinned: false,
};
const CHAT_JSON: &str = r#"{"conversationId":"world","type":"world","target":{"groupId":"world","groupName":"World","avatar":"","memberCount":12,"description":""},"lastMessage":"","lastMessageTime":"2026-01-31T09:30:00.123Z","unreadCount":0,"lastSeq":0,"readSeq":0,"muted":false,"pinned":false}"#;

fn json(value: impl Serialize) -> String {
    serde_json::to_string(&value).expect("serialises")
}

#[test]
fn envelopes() {
    assert_eq!(json(Success::new("ok", ())), r#"{"success":true,"message":"ok","data":null}"#);
    let pages = Pagination::Pages(Pages { page: 1, size: 50, total: 3, has_more: false });
    assert_eq!(
        json(Success { pagination: Some(pages), ..Success::new("ok", [0; 0]) }),
        r#"{"success":true,"message":"ok","data":[],"pagination":{"page":1,"size":50,"total":3,"hasMore":false}}"#
    );
    assert_eq!(
        json(Pagination::Cursor(Cursor { has_more: true, next_seq: 9 })),
        r#"{"hasMore":true,"nextSeq":9}"#
    );
    assert_eq!(
        json(Failure::new("taken", "USERNAME_TAKEN", "t")),
        r#"{"success":false,"message":"taken","code":"USERNAME_TAKEN","traceId":"t"}"#
    );
    let field = WrongField {
        field: "username",
        fault: "TOO_SHORT",
        message: "short".into(),
        min: Some(3),
        max: None,
    };
    assert_eq!(
        json(Failure {
            fields: &[field],
            user_ids: &["9".to_owned()],
            ..Failure::new("no", "VALIDATION", "t")
        }),
        r#"{"success":false,"message":"no","code":"VALIDATION","traceId":"t","fields":[{"field":"username","fault":"TOO_SHORT","message":"short","min":3}],"userIds":["9"]}"#
    );
}

#[test]
fn accounts() {
    assert_eq!(json(Registered { user: USER }), format!(r#"{{"user":{USER_JSON}}}"#));
    let login =
        Login { token: "a.b.c", access_token: "a.b.c", refresh_token: "r", expires_in: 86_400, user: USER };
    assert_eq!(
        json(login),
        format!(
            r#"{{"token":"a.b.c","accessToken":"a.b.c","refreshToken":"r","expiresIn":86400,"user":{USER_JSON}}}"#
        )
    );
}

#[test]
fn people() {
    let friend = json(Friend { user: USER, online: true });
    assert_eq!(friend, format!(r#"{},"online":true}}"#, &USER_JSON[..USER_JSON.len() - 1]));
    assert_eq!(json(Online(vec![(Id(2), true), (Id(3), false)])), r#"{"2":true,"3":false}"#);
    assert_eq!(json(Befriended { conversation: CHAT }), format!(r#"{{"conversation":{CHAT_JSON}}}"#));
}

#[test]
fn groups() {
    let member = Member {
        user_id: Id(2),
        username: "alice",
        nickname: "Al",
        avatar: "",
        role: "owner",
        online: true,
        muted_until: None,
    };
    let muted = Member { muted_until: Some(T), role: "member", ..member };
    let group = Group {
        about: GroupTarget { group_id: ConvId::Number(5), group_name: "g", member_count: 2, ..WORLD },
        conversation_id: ConvId::Number(5),
        owner_id: Id(2),
        created_at: T,
        members: vec![member, muted],
        has_more_members: false,
    };
    let want = r#"{"groupId":"5","groupName":"g","avatar":"","memberCount":2,"description":"","conversationId":"5","ownerId":"2","createdAt":"2026-01-31T09:30:00.123Z","members":[{"userId":"2","username":"alice","nickname":"Al","avatar":"","role":"owner","online":true},{"userId":"2","username":"alice","nickname":"Al","avatar":"","role":"member","online":true,"mutedUntil":"2026-01-31T09:30:00.123Z"}],"hasMoreMembers":false}"#;
    assert_eq!(json(&group), want);
    assert_eq!(
        json(GroupMade { group, conversation: CHAT }),
        format!(r#"{{"group":{want},"conversation":{CHAT_JSON}}}"#)
    );
}

#[test]
fn sending_and_catching_up() {
    assert_eq!(
        json(Accepted { status: "accepted", conversation_id: ConvId::World, client_msg_id: "c" }),
        r#"{"status":"accepted","conversationId":"world","clientMsgId":"c"}"#
    );
    let page = SyncPage {
        conversations: vec![CHAT],
        memberships: vec![SyncMembership {
            conversation_id: ConvId::Number(5),
            group_id: ConvId::Number(5),
            member: false,
        }],
        friends: vec![SyncFriend { user_id: Id(3), friend: true }],
        cursor: Id(17),
        has_more: true,
    };
    assert_eq!(
        json(page),
        format!(
            r#"{{"conversations":[{CHAT_JSON}],"memberships":[{{"conversationId":"5","groupId":"5","member":false}}],"friends":[{{"userId":"3","friend":true}}],"cursor":"17","hasMore":true}}"#
        )
    );
}
