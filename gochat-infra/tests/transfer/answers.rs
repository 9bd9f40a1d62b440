//! What every port of a store answers, as lines that can be compared.

use std::fmt::Debug;

use gochat_core::model::{PageLimit, Seq, UsernameKey};
use gochat_core::ports::{Freshness, PageFrom, SyncCursor};
use gochat_core::testing::conformance::Stores;

use crate::fill::Facts;

fn limit(n: u32) -> PageLimit {
    PageLimit::new(n, u32::MAX).expect("at least 1")
}

/// Everything that can be asked about the facts.
pub(crate) async fn answers(stores: &Stores, facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, answer: &dyn Debug| lines.push(format!("{what}: {answer:?}"));

    let Facts { users, conversations, .. } = facts;
    say("users", &stores.users.by_ids(users).await.expect("answers"));
    for name in &facts.names {
        let key = UsernameKey::of(name).expect("a name");
        say(name, &stores.users.by_name(&key).await.expect("answers"));
    }
    for external in &facts.external {
        say(external, &stores.users.by_external(external).await.expect("answers"));
    }
    for prefix in ["", "a", "张", "n", "passer", "zz"] {
        say(prefix, &stores.users.search(prefix, users[0], limit(10)).await.expect("answers"));
    }
    say("friends", &stores.friends.friends(users).await.expect("answers"));
    say("active", &stores.logins.active(&facts.logins).await.expect("answers"));

    say("conversations", &stores.conversations.by_ids(conversations).await.expect("answers"));
    say("small groups", &stores.directory.small_groups(users, 100).await.expect("answers"));
    for user in users {
        let password = stores.users.password(*user).await.expect("answers");
        say("password", &password.as_ref().map(|hash| hash.reveal().to_owned()));
        say("list", &stores.conversations.list(*user, limit(100)).await.expect("answers"));
        say("short list", &stores.conversations.list(*user, limit(2)).await.expect("answers"));
        say("entries", &stores.conversations.entries(*user, conversations).await.expect("answers"));
        let asked: Vec<_> = conversations.iter().map(|id| (*id, *user)).collect();
        for most in [1, 100] {
            let access = stores.directory.access(&asked, most, Freshness::Fresh);
            say("access", &access.await.expect("answers"));
        }
    }
    let starts = users.iter().map(|user| (*user, SyncCursor::START));
    for (user, start) in starts.chain(facts.cursors.iter().copied()) {
        for size in [2, 100] {
            let mut cursor = start;
            loop {
                let page = stores.conversations.changes(user, cursor, limit(size)).await.expect("answers");
                say("changes", &page);
                cursor = page.cursor;
                if !page.has_more {
                    break;
                }
            }
        }
    }
    say("heads", &stores.messages.heads(conversations).await.expect("answers"));
    for id in conversations {
        say("members", &stores.directory.members(*id, users).await.expect("answers"));
        say("member ids", &stores.directory.member_ids(*id, None, limit(100)).await.expect("answers"));
        say("ranks", &stores.groups.members(*id, None, limit(100)).await.expect("answers"));
        for from in [PageFrom::After(Seq::ZERO), PageFrom::After(Seq::new(7)), PageFrom::Before(Seq::new(9))]
        {
            for size in [3, 1_000] {
                say("page", &stores.messages.page(*id, from, limit(size)).await.expect("answers"));
            }
        }
    }
    let ids: Vec<_> = facts.messages.iter().map(|(id, _)| *id).collect();
    let keys: Vec<_> = facts.messages.iter().map(|(_, key)| key.clone()).collect();
    say("messages", &stores.messages.by_ids(&ids).await.expect("answers"));
    say("repeats", &stores.messages.by_keys(&keys).await.expect("answers"));
    lines
}
