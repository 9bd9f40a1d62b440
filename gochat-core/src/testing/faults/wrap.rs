//! Each port around another, through the plan.

use std::sync::Arc;

use async_trait::async_trait;

use super::Faults;
use crate::model::{
    Access, Conversation, ConversationEntry, ConversationId, Delivery, LoginId, Member, MembersVersion,
    Message, MessageId, MessageKey, NewMessage, Note, NoteId, PageLimit, Password, PasswordHash, ReadState,
    Receipt, Seq, SessionId, Timestamp, User, UserId, UsernameKey,
};
use crate::ports::*;

/// A port and the plan that its calls go through.
#[derive(Debug)]
struct Faulty<P: ?Sized> {
    inner: Arc<P>,
    faults: Arc<Faults>,
}

macro_rules! port {
    ($port:ident, $prefix:literal, noted: $($methods:tt)+) => {
        port! { @ $port, $prefix, [
            fn noted(&self, note: &Note) -> Option<Arc<dyn $port>> {
                let inner = self.inner.noted(note)?;
                Some(Arc::new(Self { inner, faults: Arc::clone(&self.faults) }))
            }
        ]: $($methods)+ }
    };
    ($port:ident, $prefix:literal: $($methods:tt)+) => {
        port! { @ $port, $prefix, []: $($methods)+ }
    };
    (@ $port:ident, $prefix:literal, [$($more:tt)*]: $($method:ident($($arg:ident: $type:ty),*) -> $out:ty;)+) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl $port for Faulty<dyn $port> {
            $(async fn $method(&self, $($arg: $type),*) -> Result<$out> {
                let call = self.inner.$method($($arg),*);
                self.faults.call(concat!($prefix, ".", stringify!($method)), call).await
            })+

            $($more)*
        }
    };
}

port! { UserStore, "users":
    create(new: &NewUser) -> ();
    by_ids(ids: &[UserId]) -> Vec<Option<Arc<User>>>;
    by_name(key: &UsernameKey) -> Option<Arc<User>>;
    by_external(external: &str) -> Option<Arc<User>>;
    password(user: UserId) -> Option<PasswordHash>;
    update(user: UserId, patch: &UserPatch) -> Arc<User>;
    search(prefix: &str, viewer: UserId, limit: PageLimit) -> Vec<Arc<User>>;
}

port! { FriendStore, "friends", noted:
    befriend(new: &Befriend) -> Befriended;
    unfriend(a: UserId, b: UserId) -> Removed;
    friends(users: &[UserId]) -> Vec<Vec<UserId>>;
}

port! { LoginStore, "logins":
    create(login: &NewLogin) -> ();
    rotate(rotate: &Rotate) -> Rotation;
    end(logins: &[LoginId], at: Timestamp) -> ();
    end_others(user: UserId, keep: Option<LoginId>, at: Timestamp) -> Vec<LoginId>;
    active(logins: &[LoginId]) -> Vec<bool>;
}

port! { PasswordHasher, "hasher":
    hash(password: Password) -> PasswordHash;
    verify(password: &str, hash: Option<PasswordHash>) -> Verdict;
}

port! { ConversationStore, "conversations", noted:
    open_single(open: &OpenSingle) -> Opened;
    by_ids(ids: &[ConversationId]) -> Vec<Option<Conversation>>;
    list(user: UserId, limit: PageLimit) -> Vec<ConversationEntry>;
    entries(user: UserId, ids: &[ConversationId]) -> Vec<Option<ConversationEntry>>;
    mark_read(user: UserId, conversation: ConversationId, seq: Option<Seq>) -> ReadState;
    hide(user: UserId, conversation: ConversationId) -> ();
    changes(user: UserId, cursor: SyncCursor, limit: PageLimit) -> Changes;
}

port! { Directory, "directory":
    access(asked: &[(ConversationId, UserId)], members_max: u32, freshness: Freshness) -> Vec<Option<Access>>;
    member_ids(conversation: ConversationId, after: Option<UserId>, limit: PageLimit) -> Vec<UserId>;
    members(conversation: ConversationId, users: &[UserId]) -> Vec<Option<Member>>;
    small_groups(users: &[UserId], members_max: u32) -> Vec<Vec<ConversationId>>;
}

port! { GroupStore, "groups", noted:
    create(new: &NewGroup) -> Conversation;
    update(group: ConversationId, patch: &GroupPatch) -> Conversation;
    dissolve(group: ConversationId, expect: MembersVersion, at: Timestamp) -> ();
    add(group: ConversationId, add: &AddMembersWrite) -> Vec<UserId>;
    remove(group: ConversationId, user: UserId, expect: MembersVersion, at: Timestamp) -> ();
    change_member(group: ConversationId, user: UserId, patch: &MemberPatch, expect: MembersVersion) -> Member;
    transfer(group: ConversationId, from: UserId, to: UserId, expect: MembersVersion) -> ();
    members(group: ConversationId, after: Option<UserId>, limit: PageLimit) -> Vec<Member>;
}

port! { MessageStore, "messages", noted:
    append(batch: &[NewMessage]) -> Vec<Appended>;
    by_keys(keys: &[MessageKey]) -> Vec<Option<Message>>;
    by_ids(ids: &[MessageId]) -> Vec<Option<Message>>;
    page(conversation: ConversationId, from: PageFrom, limit: PageLimit) -> Vec<Message>;
    heads(conversations: &[ConversationId]) -> Vec<Option<Seq>>;
    recall(id: MessageId, by: UserId, at: Timestamp) -> RecallOutcome;
}

port! { Sequencer, "sequencer":
    reserve(wanted: &[(ConversationId, u32)]) -> Vec<Option<Seq>>;
    restore(heads: &[(ConversationId, Seq)]) -> ();
}

port! { Dedup, "dedup":
    seen(keys: &[MessageKey]) -> Vec<Option<Receipt>>;
    remember(sent: &[(MessageKey, Receipt)]) -> ();
}

port! { Deliver, "deliver":
    deliver(batch: Vec<Delivery>) -> ();
}

port! { Sessions, "sessions":
    register(session: &SessionRecord, max: u32) -> Registered;
    unregister(user: UserId, session: SessionId) -> Unregistered;
    online(users: &[UserId]) -> Vec<bool>;
    online_count() -> u64;
}

port! { Outbox, "outbox":
    claim(claim: &Claim) -> Vec<Note>;
    done(notes: &[NoteId]) -> ();
}

pub(super) fn outbox(faults: &Arc<Faults>, inner: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
    Arc::new(Faulty::<dyn Outbox> { inner, faults: Arc::clone(faults) })
}

pub(super) fn wrap(faults: &Arc<Faults>, ports: &Ports) -> Ports {
    macro_rules! faulty {
        ($field:ident: $port:ident) => {
            Arc::new(Faulty::<dyn $port> { inner: ports.$field.clone(), faults: faults.clone() })
        };
    }
    Ports {
        users: faulty!(users: UserStore),
        friends: faulty!(friends: FriendStore),
        logins: faulty!(logins: LoginStore),
        hasher: faulty!(hasher: PasswordHasher),
        conversations: faulty!(conversations: ConversationStore),
        directory: faulty!(directory: Directory),
        groups: faulty!(groups: GroupStore),
        messages: faulty!(messages: MessageStore),
        sequencer: faulty!(sequencer: Sequencer),
        dedup: faulty!(dedup: Dedup),
        deliver: faulty!(deliver: Deliver),
        sessions: faulty!(sessions: Sessions),
        ..ports.clone()
    }
}
