//! Users as others see them.

use gochat_core::error::Fault;
use gochat_core::model::UserId;
use gochat_core::service::{ProfileChange, Secret};

use crate::house::{House, PASSWORD, code, faults};

#[tokio::test]
async fn users_are_found_by_name_and_id() {
    let house = House::new();
    let alice = house.user("Alice").await;
    let profiles = &house.services.profiles;
    assert_eq!(profiles.by_name(" alice ").await.expect("found").id, alice.user);
    assert_eq!(code(profiles.by_name("bob").await), "USER_NOT_FOUND");
    assert_eq!(code(profiles.by_name("").await), "USER_NOT_FOUND");
    let nobody = UserId::new(77).expect("an id");
    let found = profiles.by_ids(&[nobody, alice.user]).await.expect("store");
    assert!(found[0].is_none());
    assert_eq!(found[1].as_ref().map(|u| u.id), Some(alice.user));
    assert!(profiles.by_ids(&[]).await.expect("store").is_empty());
}

#[tokio::test]
async fn a_search_leaves_out_the_caller_and_guests_and_takes_signs_plainly() {
    let house = House::new();
    let alice = house.user("alice").await;
    for name in ["alan", "al_x", "alx", "bob"] {
        house.user(name).await;
    }
    house.guest("algast").await;
    let search = async |q: &str, limit| {
        let found = house.services.profiles.search(&alice, q, limit).await.expect("found");
        found.iter().map(|u| u.name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(search("AL", None).await, ["al_x", "alan", "alx"]);
    assert_eq!(search("al_", None).await, ["al_x"]);
    assert_eq!(search("%", None).await, [""; 0]);
    assert_eq!(search("al", Some(2)).await, ["al_x", "alan"]);
    let search = async |q: &str, limit| faults(house.services.profiles.search(&alice, q, limit).await);
    assert_eq!(search(" ", Some(0)).await, [("q", Fault::Missing), ("limit", Fault::Malformed)]);
    assert_eq!(search(&"x".repeat(2_000), None).await, [("q", Fault::TooLong { max: 50 })]);
}

#[tokio::test]
async fn a_profile_changes_in_what_is_named() {
    let house = House::new();
    let alice = house.user("alice").await;
    let profiles = &house.services.profiles;
    let change = |nickname: Option<&str>, avatar: Option<&str>| ProfileChange {
        nickname: nickname.map(str::to_owned),
        avatar: avatar.map(str::to_owned),
        password: None,
    };
    let user = profiles.update(&alice, change(Some(" Ali "), Some("/a.png"))).await.expect("changed");
    assert_eq!((user.shown_name(), &*user.avatar), ("Ali", "/a.png"));
    let user = profiles.update(&alice, change(None, None)).await.expect("nothing to do");
    assert_eq!((user.shown_name(), &*user.avatar), ("Ali", "/a.png"));
    let user = profiles.update(&alice, change(Some(""), None)).await.expect("removed");
    assert_eq!((user.shown_name(), user.nickname.is_none()), ("alice", true));
}

#[tokio::test]
async fn a_profile_is_told_all_its_faults_at_once() {
    let house = House::new();
    let alice = house.user("alice").await;
    let secret = |s: &str| Secret(s.to_owned());
    let change = ProfileChange {
        nickname: Some("x".repeat(51)),
        avatar: Some("a\nb".to_owned()),
        password: Some((secret(PASSWORD), secret("short"))),
    };
    assert_eq!(
        faults(house.services.profiles.update(&alice, change).await),
        [
            ("nickname", Fault::TooLong { max: 50 }),
            ("avatar", Fault::Malformed),
            ("password", Fault::TooShort { min: 6 })
        ]
    );
    let guest = house.guest("gast").await;
    let long = format!("{PASSWORD}{}", "x".repeat(72));
    for (who, old) in [(&alice, "wrong one"), (&alice, long.as_str()), (&guest, "")] {
        let change = ProfileChange {
            nickname: Some("Ali".to_owned()),
            password: Some((secret(old), secret("battery staple"))),
            ..ProfileChange::default()
        };
        let refused = faults(house.services.profiles.update(who, change).await);
        assert_eq!(refused, [("password", Fault::WrongPassword)]);
    }
    let user = house.services.profiles.by_name("alice").await.expect("found");
    assert_eq!(user.nickname, None, "nothing was done");
}
