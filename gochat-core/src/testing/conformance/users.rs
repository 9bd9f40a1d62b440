//! Cases of [`UserStore`](crate::ports::UserStore).

use super::fixture::{Fixture, all_at_once, assert_kind, at, limit, nobody, strange_texts};
use crate::model::{ConversationId, PasswordHash, Seq, User, UserId, UsernameKey};
use crate::ports::{ErrorKind, NewUser, UserPatch};

cases! { ($) __conformance_users, Fixture:
    a_new_user_is_found_with_every_field,
    answers_come_by_position,
    names_are_found_folded,
    a_user_without_password_has_none,
    users_outlive_a_restart,
    a_taken_name_conflicts_and_leaves_nothing,
    a_taken_external_id_conflicts_and_leaves_nothing,
    of_many_at_once_one_gets_the_name,
    everybody_is_in_the_world_with_all_read,
    an_update_changes_what_it_names,
    an_update_outlives_a_restart,
    an_unknown_user_is_not_updated,
    strange_texts_come_back_unchanged,
    the_largest_id_is_an_id,
    search_goes_by_prefix_of_name_and_nickname,
    search_folds_case_in_every_script,
    search_takes_wildcards_as_plain_characters,
    search_leaves_out_guests_and_the_viewer,
    search_is_in_order_of_the_folded_name_and_limited,
    search_follows_updates,
}

async fn get(fx: &Fixture, id: UserId) -> Option<User> {
    let found = fx.stores.users.by_ids(&[id]).await.expect("answers");
    found[0].as_deref().cloned()
}

fn full(fx: &Fixture) -> NewUser {
    let mut new = fx.new_user("Alice-1");
    new.user.nickname = Some("The First".into());
    new.user.avatar = "https://example.org/a.png".into();
    new.user.created_at = at(7);
    new.password = Some(PasswordHash::new("$2b$12$hash"));
    new.external = Some("host|1".into());
    new
}

async fn a_new_user_is_found_with_every_field(fx: Fixture) {
    let new = full(&fx);
    let users = &fx.stores.users;
    users.create(&new).await.expect("stored");
    assert_eq!(get(&fx, new.user.id).await, Some(new.user.clone()));
    let by_name = users.by_name(&new.user.name.key()).await.expect("answers");
    assert_eq!(by_name.as_deref(), Some(&new.user));
    let by_external = users.by_external("host|1").await.expect("answers");
    assert_eq!(by_external.as_deref(), Some(&new.user));
    assert_eq!(users.by_external("host|2").await.expect("answers"), None);
    assert_eq!(users.by_external("HOST|1").await.expect("answers"), None, "external ids are exact");
    assert_eq!(users.password(new.user.id).await.expect("answers"), new.password);

    let mut guest = fx.new_user("guest-1");
    guest.user.guest = true;
    users.create(&guest).await.expect("stored");
    assert_eq!(get(&fx, guest.user.id).await, Some(guest.user));
}

async fn answers_come_by_position(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let asked = [b, nobody(), a, b];
    let found = fx.stores.users.by_ids(&asked).await.expect("answers");
    let ids: Vec<_> = found.iter().map(|user| user.as_ref().map(|u| u.id)).collect();
    assert_eq!(ids, [Some(b), None, Some(a), Some(b)]);
    assert!(fx.stores.users.by_ids(&[]).await.expect("answers").is_empty());
}

async fn names_are_found_folded(fx: Fixture) {
    let id = fx.user("Straße-Ω").await;
    for typed in ["Straße-Ω", "STRASSE-ω", " straße-Ω ", "ＳＴＲＡＳＳＥ-Ω"] {
        let key = UsernameKey::of(typed).expect("a name");
        let found = fx.stores.users.by_name(&key).await.expect("answers");
        assert_eq!(
            found.map(|u| (u.id, u.name.as_str().to_owned())),
            Some((id, "Straße-Ω".to_owned())),
            "{typed}"
        );
    }
    let key = UsernameKey::of("strase").expect("a name");
    assert_eq!(fx.stores.users.by_name(&key).await.expect("answers"), None);
}

async fn a_user_without_password_has_none(fx: Fixture) {
    let id = fx.user("alice").await;
    assert_eq!(fx.stores.users.password(id).await.expect("answers"), None);
    assert_eq!(fx.stores.users.password(nobody()).await.expect("answers"), None);
}

async fn users_outlive_a_restart(fx: Fixture) {
    let new = full(&fx);
    fx.stores.users.create(&new).await.expect("stored");
    let fx = fx.reopened().await;
    assert_eq!(get(&fx, new.user.id).await, Some(new.user.clone()));
    assert_eq!(fx.stores.users.password(new.user.id).await.expect("answers"), new.password);
    assert!(fx.stores.users.by_external("host|1").await.expect("answers").is_some());
    assert_kind(fx.stores.users.create(&fx.new_user("aLICE-1")).await, ErrorKind::Conflict);
}

async fn a_taken_name_conflicts_and_leaves_nothing(fx: Fixture) {
    fx.user("Alice").await;
    for name in ["Alice", "aLICE", "ＡＬＩＣＥ"] {
        let mut second = fx.new_user(name);
        second.external = Some("second".into());
        assert_kind(fx.stores.users.create(&second).await, ErrorKind::Conflict);
        assert_eq!(get(&fx, second.user.id).await, None);
        assert_eq!(fx.stores.users.by_external("second").await.expect("answers"), None);
        assert_eq!(fx.member(ConversationId::WORLD, second.user.id).await, None);
    }
}

async fn a_taken_external_id_conflicts_and_leaves_nothing(fx: Fixture) {
    let first = full(&fx);
    fx.stores.users.create(&first).await.expect("stored");
    let mut second = fx.new_user("bob");
    second.external.clone_from(&first.external);
    assert_kind(fx.stores.users.create(&second).await, ErrorKind::Conflict);
    assert_eq!(get(&fx, second.user.id).await, None);
    assert_eq!(fx.stores.users.by_name(&second.user.name.key()).await.expect("answers"), None);
    let found = fx.stores.users.by_external("host|1").await.expect("answers");
    assert_eq!(found.map(|u| u.id), Some(first.user.id));
}

async fn of_many_at_once_one_gets_the_name(fx: Fixture) {
    let new: Vec<_> = (0..20).map(|_| fx.new_user("alice")).collect();
    let answers = all_at_once(new.iter().map(|new| fx.stores.users.create(new))).await;
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1);
    for (new, answer) in new.iter().zip(answers) {
        if answer.is_ok() {
            assert_eq!(get(&fx, new.user.id).await.map(|u| u.id), Some(new.user.id));
        } else {
            assert_kind(answer, ErrorKind::Conflict);
            assert_eq!(get(&fx, new.user.id).await, None);
        }
    }
}

async fn everybody_is_in_the_world_with_all_read(fx: Fixture) {
    let first = fx.user("alice").await;
    for client in 1..=3 {
        fx.send(ConversationId::WORLD, first, client).await;
    }
    let second = fx.user("bob").await;
    let entry = fx.entry(second, ConversationId::WORLD).await.expect("a member of the world");
    assert_eq!((entry.unread(), entry.me.joined_seq), (0, Seq::new(3)));
    assert_eq!(fx.listed(second).await, [ConversationId::WORLD]);
    fx.send(ConversationId::WORLD, first, 4).await;
    let entry = fx.entry(second, ConversationId::WORLD).await.expect("a member of the world");
    assert_eq!(entry.unread(), 1);
    assert_eq!(fx.entry(nobody(), ConversationId::WORLD).await, None);

    let mut guest = fx.new_user("guest-1");
    guest.user.guest = true;
    fx.stores.users.create(&guest).await.expect("stored");
    let member = fx.member(ConversationId::WORLD, guest.user.id).await;
    assert_eq!(member.map(|m| m.joined_seq), Some(Seq::new(4)));
}

async fn an_update_changes_what_it_names(fx: Fixture) {
    let new = full(&fx);
    let (users, id) = (&fx.stores.users, new.user.id);
    users.create(&new).await.expect("stored");
    let mut want = new.user.clone();

    let unchanged = users.update(id, &UserPatch::default()).await.expect("updated");
    assert_eq!(*unchanged, want);

    want.nickname = Some("Second".into());
    let patch = UserPatch { nickname: Some(want.nickname.clone()), ..UserPatch::default() };
    assert_eq!(*users.update(id, &patch).await.expect("updated"), want);
    assert_eq!(get(&fx, id).await.as_ref(), Some(&want));

    want.avatar = "other.png".into();
    let patch = UserPatch { avatar: Some("other.png".into()), ..UserPatch::default() };
    assert_eq!(*users.update(id, &patch).await.expect("updated"), want);

    want.nickname = None;
    let patch = UserPatch { nickname: Some(None), ..UserPatch::default() };
    assert_eq!(*users.update(id, &patch).await.expect("updated"), want);
    assert_eq!(get(&fx, id).await.as_ref(), Some(&want));
    assert_eq!(users.password(id).await.expect("answers"), new.password);

    let patch = UserPatch { password: Some(PasswordHash::new("other")), ..UserPatch::default() };
    assert_eq!(*users.update(id, &patch).await.expect("updated"), want);
    assert_eq!(users.password(id).await.expect("answers"), patch.password);
    let by_name = users.by_name(&want.name.key()).await.expect("answers");
    assert_eq!(by_name.as_deref(), Some(&want));
    let by_external = users.by_external("host|1").await.expect("answers");
    assert_eq!(by_external.as_deref(), Some(&want));
}

async fn an_update_outlives_a_restart(fx: Fixture) {
    let id = fx.user("alice").await;
    let patch = UserPatch {
        nickname: Some(Some("Al".into())),
        avatar: Some("a".into()),
        password: Some(PasswordHash::new("h")),
    };
    let want = fx.stores.users.update(id, &patch).await.expect("updated");
    let fx = fx.reopened().await;
    assert_eq!(get(&fx, id).await.as_ref(), Some(&*want));
    assert_eq!(fx.stores.users.password(id).await.expect("answers"), patch.password);
}

async fn an_unknown_user_is_not_updated(fx: Fixture) {
    let patch = UserPatch { nickname: Some(Some("x".into())), ..UserPatch::default() };
    assert_kind(fx.stores.users.update(nobody(), &patch).await, ErrorKind::NotFound);
    assert_eq!(get(&fx, nobody()).await, None);
}

async fn strange_texts_come_back_unchanged(fx: Fixture) {
    for (i, text) in strange_texts().into_iter().enumerate() {
        let mut new = fx.new_user(&format!("user-{i}"));
        new.user.nickname = (!text.is_empty()).then(|| text.as_str().into());
        new.user.avatar = text.as_str().into();
        new.external = Some(text.as_str().into());
        fx.stores.users.create(&new).await.expect("stored");
        assert_eq!(get(&fx, new.user.id).await.as_ref(), Some(&new.user));
        let found = fx.stores.users.by_external(&text).await.expect("answers");
        assert_eq!(found.map(|u| u.id), Some(new.user.id), "{text:?}");
    }
}

async fn the_largest_id_is_an_id(fx: Fixture) {
    let mut new = fx.new_user("alice");
    new.user.id = UserId::new(i64::MAX as u64).expect("in range");
    fx.stores.users.create(&new).await.expect("stored");
    assert_eq!(get(&fx, new.user.id).await, Some(new.user));
}

/// Names found, in order.
async fn search(fx: &Fixture, prefix: &str) -> Vec<String> {
    let found = fx.stores.users.search(prefix, nobody(), limit(100)).await.expect("answers");
    found.iter().map(|u| u.name.as_str().to_owned()).collect()
}

async fn named(fx: &Fixture, name: &str, nickname: &str) -> UserId {
    let mut new = fx.new_user(name);
    new.user.nickname = Some(nickname.into());
    fx.stores.users.create(&new).await.expect("stored");
    new.user.id
}

async fn search_goes_by_prefix_of_name_and_nickname(fx: Fixture) {
    named(&fx, "alice", "Carol C").await;
    named(&fx, "carla", "carrot").await;
    named(&fx, "oscar", "no").await;
    assert_eq!(search(&fx, "car").await, ["alice", "carla"], "each once, and none for the middle of a name");
    assert_eq!(search(&fx, "carol ").await, ["alice"], "blanks count");
    assert_eq!(search(&fx, "al").await, ["alice"]);
    assert_eq!(search(&fx, "alice").await, ["alice"]);
    assert!(search(&fx, "alicex").await.is_empty());
}

async fn search_folds_case_in_every_script(fx: Fixture) {
    for name in ["Straße", "ÄRGER", "张三丰", "Ωmega"] {
        fx.user(name).await;
    }
    named(&fx, "plain", "Éric").await;
    for (prefix, want) in [
        ("STRASS", "Straße"),
        ("straß", "Straße"),
        ("är", "ÄRGER"),
        ("Är", "ÄRGER"),
        ("张", "张三丰"),
        ("张三", "张三丰"),
        ("ωm", "Ωmega"),
        ("éR", "plain"),
        ("PLA", "plain"),
    ] {
        assert_eq!(search(&fx, prefix).await, [want], "{prefix}");
    }
    for prefix in ["\u{10ffff}", "李", "e", "\u{ffff}", "😀"] {
        assert!(search(&fx, prefix).await.is_empty(), "{prefix}");
    }
}

async fn search_takes_wildcards_as_plain_characters(fx: Fixture) {
    fx.user("a_c").await;
    fx.user("abc").await;
    named(&fx, "one", "100% sure").await;
    named(&fx, "two", "100 percent").await;
    named(&fx, "three", "[x]*?\\'\"").await;
    named(&fx, "four", "a\u{10ffff}").await;
    assert_eq!(search(&fx, "a_").await, ["a_c"]);
    assert_eq!(search(&fx, "100%").await, ["one"]);
    assert_eq!(search(&fx, "[x]*?\\'\"").await, ["three"]);
    assert_eq!(search(&fx, "a\u{10ffff}").await, ["four"]);
    for prefix in ["%", "_", "*", "?", "[a-z]", "\\", "'", "a%"] {
        assert!(search(&fx, prefix).await.is_empty(), "{prefix}");
    }
}

async fn search_leaves_out_guests_and_the_viewer(fx: Fixture) {
    let mut guest = fx.new_user("sam-guest");
    guest.user.guest = true;
    fx.stores.users.create(&guest).await.expect("stored");
    let [a, b] = fx.users(["sam-a", "sam-b"]).await;
    let found = fx.stores.users.search("sam", a, limit(10)).await.expect("answers");
    assert_eq!(found.iter().map(|u| u.id).collect::<Vec<_>>(), [b]);
}

async fn search_is_in_order_of_the_folded_name_and_limited(fx: Fixture) {
    for name in ["xc", "XB", "xa", "Xé", "xz"].map(|n| format!("{n}-1")) {
        fx.user(&name).await;
    }
    assert_eq!(search(&fx, "x").await, ["xa-1", "XB-1", "xc-1", "xz-1", "Xé-1"]);
    let found = fx.stores.users.search("x", nobody(), limit(2)).await.expect("answers");
    assert_eq!(found.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["xa-1", "XB-1"]);
}

async fn search_follows_updates(fx: Fixture) {
    let id = named(&fx, "alice", "First").await;
    let patch = UserPatch { nickname: Some(Some("Second".into())), ..UserPatch::default() };
    fx.stores.users.update(id, &patch).await.expect("updated");
    assert_eq!(search(&fx, "sec").await, ["alice"]);
    assert!(search(&fx, "first").await.is_empty());
    let patch = UserPatch { nickname: Some(None), ..UserPatch::default() };
    fx.stores.users.update(id, &patch).await.expect("updated");
    assert!(search(&fx, "sec").await.is_empty());
}
