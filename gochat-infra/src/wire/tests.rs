//! What goes out comes back, whatever it is; and no bytes are too strange to be read.

use std::fmt::Debug;

use gochat_core::error::Code;
use gochat_core::model::*;
use gochat_core::ports::Presence;
use gochat_proto::pb::events::v1 as events;
use gochat_proto::pb::types::v1 as types;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::deliveries::read;
use super::*;

mod bundles;

fn id_of<T: Id + Debug>() -> impl Strategy<Value = T> {
    let edges = prop_oneof![Just(1), Just(i64::MAX as u64), 1..=i64::MAX as u64];
    edges.prop_map(|n| T::of(n).expect("in range"))
}

fn text() -> impl Strategy<Value = Arc<str>> {
    any::<String>().prop_map(Into::into)
}

fn seqs() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq::new)
}

fn at() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

fn client_ids() -> impl Strategy<Value = ClientMsgId> {
    "[ -~é世]{1,40}".prop_map(|id| ClientMsgId::new(&id).expect("a good id"))
}

fn kinds() -> impl Strategy<Value = MessageKind> {
    prop::sample::select(MessageKind::ALL.to_vec())
}

fn roles() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner])
}

prop_compose! {
    fn users()(id in id_of(), name in ".{1,20}", nickname in option::of(text()), avatar in text(),
               guest: bool, created_at in at()) -> User {
        User { id, name: Username::from_stored(&name), nickname, avatar, guest, created_at }
    }
}

prop_compose! {
    fn bodies()(kind in kinds(), content in text(), reply_to in option::of(id_of()),
                mentions in vec(id_of(), 0..5), attachment in option::of(text())) -> MessageBody {
        MessageBody { kind, content, reply_to, mentions, attachment }
    }
}

prop_compose! {
    fn tombstones()(at in at(), by in id_of()) -> Recalled {
        Recalled { at, by }
    }
}

prop_compose! {
    fn messages()(id in id_of(), conversation in id_of(), seq in seqs(), sender in id_of(),
                  client_msg_id in client_ids(), body in bodies(), sent_at in at(),
                  edited_at in option::of(at()), recalled in option::of(tombstones())) -> Message {
        Message { id, conversation, seq, sender, client_msg_id, body, sent_at, edited_at, recalled }
    }
}

prop_compose! {
    fn members()(user in id_of(), role in roles(), muted_until in option::of(at()), joined_seq in seqs(),
                 read_seq in seqs()) -> Member {
        Member { user, role, muted_until, joined_seq, read_seq }
    }
}

prop_compose! {
    fn groups()(name in text(), avatar in text(), description in text(), owner in id_of(),
                member_count: u32) -> Group {
        Group { name, avatar, description, owner, member_count }
    }
}

fn conversation_kinds() -> impl Strategy<Value = ConversationKind> {
    let pair = (1..1_000_u64, 1_000..=i64::MAX as u64);
    let user = |n| UserId::new(n).expect("in range");
    prop_oneof![
        Just(ConversationKind::World),
        groups().prop_map(ConversationKind::Group),
        pair.prop_map(move |(a, b)| ConversationKind::Single([user(a), user(b)])),
    ]
}

prop_compose! {
    fn conversations()(id in id_of(), kind in conversation_kinds(), last_seq in seqs(), version: u64,
                       created_at in at()) -> Conversation {
        let members_version = MembersVersion::new(version);
        Conversation { id, kind, last_seq, members_version, created_at }
    }
}

prop_compose! {
    fn last_messages()(id in id_of(), sender in id_of(), kind in kinds(), content in text(),
                       sent_at in at()) -> LastMessage {
        LastMessage { id, sender, kind, content, sent_at }
    }
}

prop_compose! {
    fn entries()(conversation in conversations(), me in members(),
                 last_message in option::of(last_messages()), muted: bool, pinned: bool) -> ConversationEntry {
        ConversationEntry { conversation, me, last_message, muted, pinned }
    }
}

prop_compose! {
    fn conversation_views()(entry in entries(), peer in option::of(users().prop_map(Arc::new)),
                            online: Option<u64>, new: bool) -> ConversationView {
        ConversationView { entry, peer, online, new }
    }
}

prop_compose! {
    fn message_views()(message in messages().prop_map(Arc::new),
                       sender in option::of(users().prop_map(Arc::new))) -> MessageView {
        MessageView { message, sender }
    }
}

fn replies() -> impl Strategy<Value = ReplyTo> {
    prop_oneof![Just(ReplyTo::Nobody), id_of().prop_map(ReplyTo::Session), id_of().prop_map(ReplyTo::Request),]
}

prop_compose! {
    fn origins()(gateway in "[A-Za-z0-9_-]{1,64}", session in option::of(id_of()), reply in replies(),
                 tag in option::of(any::<i32>().prop_map(|n| Arc::from(format!("[{n}, \"x\"]"))))) -> Origin {
        Origin { gateway: GatewayId::new(&gateway).expect("a good name"), session, reply, tag }
    }
}

prop_compose! {
    fn sends()(id in id_of(), conversation in id_of(), sender in id_of(), guest: bool, client_msg_id in client_ids(),
               body in bodies(), origin in origins()) -> SendCommand {
        SendCommand { id, conversation, sender, guest, client_msg_id, body, origin }
    }
}

fn actions() -> impl Strategy<Value = MembershipAction> {
    use MembershipAction::*;
    prop::sample::select(vec![Joined, Left, Removed, RoleChanged, Muted, Unmuted, Dissolved])
}

fn happenings() -> impl Strategy<Value = Event> {
    let told = (message_views(), any::<bool>());
    let refused = (id_of(), client_ids(), prop::sample::select(Code::ALL.to_vec()));
    let recalled = (id_of(), id_of(), seqs(), at(), id_of());
    let membership = (id_of(), id_of(), option::of(roles()), actions(), id_of());
    prop_oneof![
        message_views().prop_map(Event::NewMessage),
        told.prop_map(|(view, repeated)| Event::Stored(StoredReceipt { view, repeated })),
        refused.prop_map(|(conversation, client_msg_id, code)| Event::Refused {
            conversation,
            client_msg_id,
            code
        }),
        conversation_views().prop_map(|view| Event::ConversationChanged(Box::new(view))),
        (id_of(), any::<bool>()).prop_map(|(user, online)| Event::FriendOnline { user, online }),
        (id_of(), id_of(), any::<bool>()).prop_map(|(group, user, online)| Event::MemberOnline {
            group,
            user,
            online
        }),
        (id_of(), seqs(), any::<u64>()).prop_map(|(conversation, seq, unread)| Event::Read {
            conversation,
            seq,
            unread
        }),
        (id_of(), users().prop_map(Arc::new), any::<bool>())
            .prop_map(|(conversation, user, typing)| { Event::Typing { conversation, user, typing } }),
        recalled.prop_map(|(conversation, id, seq, at, by)| Event::Recalled {
            conversation,
            id,
            seq,
            at,
            by
        }),
        membership.prop_map(|(group, user, role, action, by)| Event::Membership {
            group,
            user,
            role,
            action,
            by
        }),
        prop::sample::select(vec![EndReason::LoginEnded, EndReason::Replaced]).prop_map(Event::EndSession),
    ]
}

fn audiences() -> impl Strategy<Value = Audience> {
    prop_oneof![
        origins().prop_map(Audience::Origin),
        vec(id_of(), 0..6).prop_map(|users| Audience::Users(users.into())),
        id_of().prop_map(Audience::Members),
        Just(Audience::Everyone),
        (id_of(), id_of()).prop_map(|(user, login)| Audience::Login(user, login)),
        (id_of(), id_of()).prop_map(|(user, session)| Audience::Session(user, session)),
    ]
}

prop_compose! {
    fn deliveries()(event in happenings(), audience in audiences(),
                    except in option::of((id_of(), id_of()))) -> Delivery {
        Delivery { event, audience, except }
    }
}

/// Compared as they are shown: not every type of the model knows equality.
fn comes_back<T: Wire + Debug>(value: &T) {
    let back: T = decode(&encode(value)[..]).expect("it came from us");
    assert_eq!(format!("{back:?}"), format!("{value:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_come_back(message in messages()) {
        comes_back(&message);
        comes_back(&message.key());
    }

    #[test]
    fn sends_come_back(send in sends()) {
        comes_back(&send);
    }

    #[test]
    fn deliveries_come_back(delivery in deliveries()) {
        comes_back(&delivery);
    }

    #[test]
    fn views_come_back(view in conversation_views()) {
        comes_back(&view);
    }

    #[test]
    fn small_things_come_back(
        user in users(), login in id_of(), at in at(), session in option::of(id_of()),
        (read_seq, last_seq, unread, moved) in (seqs(), seqs(), any::<u64>(), any::<bool>()),
        conversation in id_of::<ConversationId>(), here: bool,
    ) {
        comes_back(&Caller { user: user.id, guest: user.guest, login, expires_at: at, session });
        comes_back(&ReadState { read_seq, last_seq, unread, moved });
        let presence = if here { Presence::Here } else { Presence::Gone };
        comes_back(&(conversation, presence));
        comes_back(&(user.id, presence));
        comes_back(&user);
    }

    /// One bit of a record turns over on its way: it is read as something, or refused.
    #[test]
    fn broken_records_do_no_harm(delivery in deliveries(), at: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = encode(&delivery);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = decode::<Delivery>(&bytes[..]);
        let _ = decode::<Delivery>(&bytes[..at]);
    }
}

#[test]
fn a_million_random_bytes_do_no_harm() {
    // Xorshift (Marsaglia, "Xorshift RNGs", 2003): the same bytes each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut bytes, mut good) = (0, 0);
    while bytes < 1_000_000 {
        let length = (next() % 64) as usize;
        let record: Vec<u8> = (0..length).map(|_| next().to_le_bytes()[0]).collect();
        good += usize::from(decode::<Delivery>(&record[..]).is_ok());
        let _ = read(&record);
        good += usize::from(decode::<SendCommand>(&record[..]).is_ok());
        good += usize::from(decode::<Message>(&record[..]).is_ok());
        good += usize::from(decode::<ConversationView>(&record[..]).is_ok());
        good += usize::from(decode::<Caller>(&record[..]).is_ok());
        bytes += length;
    }
    assert_eq!(good, 0, "none has all that it needs");
}

fn wrong<T: Wire + Debug>(pb: T::Pb) -> &'static str {
    T::from_pb(pb).expect_err("it is wrong").field
}

fn message_pb() -> types::Message {
    let body = MessageBody::text("hello");
    types::Message {
        id: 3,
        conversation_id: 1,
        seq: 1,
        sender_id: 2,
        client_msg_id: "c".into(),
        body: Some(body.to_pb()),
        ..types::Message::default()
    }
}

#[test]
fn wrong_parts_are_named() {
    assert!(Message::from_pb(message_pb()).is_ok());
    assert_eq!(wrong::<Message>(types::Message { id: 0, ..message_pb() }), "message.id");
    assert_eq!(wrong::<Message>(types::Message { sender_id: 1 << 63, ..message_pb() }), "message.sender_id");
    assert_eq!(wrong::<Message>(types::Message { seq: u64::MAX, ..message_pb() }), "message.seq");
    assert_eq!(wrong::<Message>(types::Message { body: None, ..message_pb() }), "message.body");
    for bad in ["", "a\nb", &"x".repeat(129)] {
        let pb = types::Message { client_msg_id: bad.into(), ..message_pb() };
        assert_eq!(wrong::<Message>(pb), "message.client_msg_id");
    }
    for kind in [0, 8, -1] {
        let body = types::MessageBody { kind, ..types::MessageBody::default() };
        assert_eq!(wrong::<MessageBody>(body), "body.kind");
    }
    let body = types::MessageBody { kind: 1, mention_ids: vec![1, 0], ..types::MessageBody::default() };
    assert_eq!(wrong::<MessageBody>(body), "body.mention_ids");
    let origin = || events::Origin { gateway: "g".into(), ..events::Origin::default() };
    assert_eq!(wrong::<Origin>(events::Origin { gateway: "a/b".into(), ..origin() }), "origin.gateway");
    // It would end the frame that it is written into.
    let tag = Some("1},{\"type\":\"x\"".into());
    assert_eq!(wrong::<Origin>(events::Origin { tag, ..origin() }), "origin.tag");
    assert_eq!(wrong::<Event>(events::Event { what: None }), "event.what");
    assert_eq!(wrong::<Audience>(events::Audience { to: None }), "audience.to");
    let single = types::Single { low_user_id: 5, high_user_id: 5 };
    let kind = Some(types::conversation::Kind::Single(single));
    let pb = types::Conversation { id: 9, kind, ..types::Conversation::default() };
    assert_eq!(wrong::<Conversation>(pb), "single.high_user_id");
    assert_eq!(wrong::<Member>(types::Member { user_id: 1, role: 9, ..Default::default() }), "member.role");
    assert_eq!(wrong::<Member>(types::Member { user_id: 1, ..Default::default() }), "member.role");
}

#[test]
fn an_exception_is_a_user_and_a_session() {
    let everyone = Delivery {
        event: Event::EndSession(EndReason::Replaced),
        audience: Audience::Everyone,
        except: None,
    };
    let pb = || everyone.to_pb();
    let half = events::Delivery { except_user_id: 1, ..pb() };
    assert_eq!(wrong::<Delivery>(half), "delivery.except_session_id");
    let half = events::Delivery { except_session_id: 1, ..pb() };
    assert_eq!(wrong::<Delivery>(half), "delivery.except_user_id");
}

#[test]
fn fields_of_a_newer_version_are_ignored() {
    let mut bytes = encode(&MessageBody::text("hello"));
    // Field 100, a varint.
    bytes.extend([0xa0, 0x06, 0x2a]);
    assert_eq!(decode::<MessageBody>(&bytes[..]).expect("read"), MessageBody::text("hello"));
}
