//! Every server frame, as it goes over the wire.

use gochat_proto::ws::*;
use gochat_proto::*;

const T: WireTime = WireTime(1_769_851_800_123);

fn message(content: &str) -> Message<'_> {
    Message {
        message_id: Id(7),
        conversation_id: ConvId::Number(5),
        sender_id: Id(2),
        sender_name: "alice",
        content,
        r#type: "text",
        send_time: T,
        status: "sent",
        seq: 3,
        client_msg_id: "t1",
        sender_avatar: "",
        edited_at: None,
        recalled_at: None,
        reply_to: None,
        mentions: Vec::new(),
        attachment: None,
    }
}

fn conversation() -> Conversation<'static> {
    Conversation {
        conversation_id: ConvId::Number(5),
        r#type: ConversationType::Single,
        target: Target::Person(Person { user_id: Id(2), username: "bob", nickname: "Bob", avatar: "" }),
        last_message: "hi",
        last_message_time: T,
        unread_count: 1,
        last_seq: 3,
        read_seq: 2,
        muted: false,
        pinned: false,
    }
}

fn json<D: ServerData>(data: D) -> String {
    String::from_utf8(Frame::new(data).to_vec()).expect("UTF-8")
}

const MESSAGE: &str = r#"{"messageId":"7","conversationId":"5","senderId":"2","senderName":"alice","content":"hi","type":"text","sendTime":"2026-01-31T09:30:00.123Z","status":"sent","seq":3,"clientMsgId":"t1","senderAvatar":""}"#;
const CONVERSATION: &str = r#"{"conversationId":"5","type":"single","target":{"userId":"2","username":"bob","nickname":"Bob","avatar":""},"lastMessage":"hi","lastMessageTime":"2026-01-31T09:30:00.123Z","unreadCount":1,"lastSeq":3,"readSeq":2,"muted":false,"pinned":false}"#;

#[test]
fn connected() {
    let data = Connected {
        user_id: Id(2),
        session_id: Id(9),
        server_time: T,
        heartbeat_ms: 30_000,
        limits: Limits { content_max: 5_000, frame_max_bytes: 65_536, page_max: 100 },
    };
    assert_eq!(
        json(data),
        r#"{"type":"connected","data":{"userId":"2","sessionId":"9","serverTime":"2026-01-31T09:30:00.123Z","heartbeatMs":30000,"limits":{"contentMax":5000,"frameMaxBytes":65536,"pageMax":100}}}"#
    );
}

#[test]
fn acks() {
    let request = ClientFrame::parse(r#"{"type":"send-message","id":"r1"}"#).expect("a frame");
    let accepted = Frame::answer(request.id, MessageAck::accepted(ConvId::World, "t1"));
    assert_eq!(
        serde_json::to_string(&accepted).expect("JSON"),
        r#"{"type":"message-ack","id":"r1","data":{"conversationId":"world","tempMessageId":"t1","clientMsgId":"t1","status":"accepted"}}"#
    );
    assert_eq!(
        json(MessageAck::stored(ConvId::Number(5), "t1", Id(7), 3, T)),
        r#"{"type":"message-ack","data":{"conversationId":"5","tempMessageId":"t1","clientMsgId":"t1","status":"stored","messageId":"7","seq":3,"sendTime":"2026-01-31T09:30:00.123Z"}}"#
    );
}

#[test]
fn messages() {
    assert_eq!(
        json(NewMessage { conversation_id: ConvId::Number(5), message: message("hi") }),
        format!(r#"{{"type":"new-message","data":{{"conversationId":"5","message":{MESSAGE}}}}}"#)
    );
    let attachment: &RawValue = serde_json::from_str(r#"{"url":"/x","size":1}"#).expect("JSON");
    let full = Message {
        sender_avatar: "/a.png",
        edited_at: Some(T),
        recalled_at: Some(T),
        reply_to: Some(Id(6)),
        mentions: vec![Id(2), Id(3)],
        attachment: Some(attachment),
        ..message("")
    };
    assert_eq!(
        serde_json::to_string(&full).expect("JSON"),
        r#"{"messageId":"7","conversationId":"5","senderId":"2","senderName":"alice","content":"","type":"text","sendTime":"2026-01-31T09:30:00.123Z","status":"sent","seq":3,"clientMsgId":"t1","senderAvatar":"/a.png","editedAt":"2026-01-31T09:30:00.123Z","recalledAt":"2026-01-31T09:30:00.123Z","replyTo":"6","mentions":["2","3"],"attachment":{"url":"/x","size":1}}"#
    );
    assert_eq!(
        json(SyncResult {
            conversation_id: ConvId::Number(5),
            messages: vec![message("hi")],
            has_more: true,
            next_seq: 3
        }),
        format!(
            r#"{{"type":"sync-result","data":{{"conversationId":"5","messages":[{MESSAGE}],"hasMore":true,"nextSeq":3}}}}"#
        )
    );
    assert_eq!(
        json(MessageRecalled {
            conversation_id: ConvId::Number(5),
            message_id: Id(7),
            seq: 3,
            recalled_at: T,
            by: Id(2)
        }),
        r#"{"type":"message-recalled","data":{"conversationId":"5","messageId":"7","seq":3,"recalledAt":"2026-01-31T09:30:00.123Z","by":"2"}}"#
    );
}

#[test]
fn content_is_kept_as_written() {
    let odd = "<script>\u{2028}\"\\\u{1F600} \u{202E}שלום\u{0}";
    let text = serde_json::to_string(&message(odd)).expect("JSON");
    let back: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(back["content"], odd);
}

#[test]
fn conversation_updates() {
    let updates = Updates {
        last_message: Some("hi"),
        last_message_time: Some(T),
        unread_count: Some(1),
        ..Updates::default()
    };
    assert_eq!(
        json(ConversationUpdate::new(ConvId::Number(5), updates, None)),
        r#"{"type":"conversation-update","data":{"type":"conversation-update","conversationId":"5","updates":{"lastMessage":"hi","lastMessageTime":"2026-01-31T09:30:00.123Z","unreadCount":1}}}"#
    );
    assert_eq!(
        json(ConversationUpdate::new(ConvId::Number(5), Updates::default(), Some(conversation()))),
        format!(
            r#"{{"type":"conversation-update","data":{{"type":"conversation-update","conversationId":"5","updates":{{}},"conversation":{CONVERSATION}}}}}"#
        )
    );
}

#[test]
fn presence_reading_and_typing() {
    assert_eq!(
        json(FriendOnline { user_id: Id(2), online: true }),
        r#"{"type":"friend-online","data":{"userId":"2","online":true}}"#
    );
    assert_eq!(
        json(GroupMemberOnline { group_id: ConvId::Number(5), user_id: Id(2), online: false }),
        r#"{"type":"group-member-online","data":{"groupId":"5","userId":"2","online":false}}"#
    );
    assert_eq!(
        json(Read { conversation_id: ConvId::World, seq: 3, unread_count: 0 }),
        r#"{"type":"read","data":{"conversationId":"world","seq":3,"unreadCount":0}}"#
    );
    assert_eq!(
        json(TypingNotice {
            conversation_id: ConvId::Number(5),
            user_id: Id(2),
            username: "alice",
            typing: true
        }),
        r#"{"type":"typing","data":{"conversationId":"5","userId":"2","username":"alice","typing":true}}"#
    );
}

#[test]
fn memberships() {
    let joined = Membership {
        conversation_id: ConvId::Number(5),
        group_id: ConvId::Number(5),
        user_id: Id(2),
        role: Some("member"),
        action: "joined",
        by: Id(1),
    };
    assert_eq!(
        json(joined.clone()),
        r#"{"type":"membership","data":{"conversationId":"5","groupId":"5","userId":"2","role":"member","action":"joined","by":"1"}}"#
    );
    assert_eq!(
        json(Membership { role: None, action: "left", ..joined }),
        r#"{"type":"membership","data":{"conversationId":"5","groupId":"5","userId":"2","role":null,"action":"left","by":"1"}}"#
    );
}

#[test]
fn bare_frames_and_errors() {
    assert_eq!(json(Pong {}), r#"{"type":"pong","data":{}}"#);
    assert_eq!(json(SyncDone {}), r#"{"type":"sync-done","data":{}}"#);
    assert_eq!(
        json(ErrorData::new("BAD_REQUEST", "no")),
        r#"{"type":"error","data":{"code":"BAD_REQUEST","message":"no"}}"#
    );
    let field = http::WrongField {
        field: "content",
        fault: "TOO_LONG",
        message: "long".into(),
        min: None,
        max: Some(5_000),
    };
    let full = ErrorData {
        temp_message_id: Some("t1"),
        conversation_id: Some("5"),
        retry_after_ms: Some(50),
        fields: &[field],
        ..ErrorData::new("VALIDATION", "no")
    };
    assert_eq!(
        json(full),
        r#"{"type":"error","data":{"code":"VALIDATION","message":"no","tempMessageId":"t1","conversationId":"5","retryAfterMs":50,"fields":[{"field":"content","fault":"TOO_LONG","message":"long","max":5000}]}}"#
    );
}
