//! Making accounts.

use gochat_core::error::{Error, Fault};
use gochat_core::service::Registration;
use gochat_core::testing::ManualClock;

use crate::house::{House, PASSWORD, code, faults};

#[tokio::test]
async fn a_registration_keeps_the_name_as_written_and_joins_the_world() {
    let house = House::new();
    let user =
        house.services.accounts.register(Registration::new("  Ａlice ", PASSWORD)).await.expect("free");
    assert_eq!((user.name.as_str(), user.guest, user.created_at), ("Alice", false, ManualClock::START));
    let alice = house.login("aLICE").await;
    assert_eq!((alice.user, alice.guest), (user.id, false));
    let list = house.services.conversations.list(&alice).await.expect("list");
    assert_eq!(list.len(), 1);
    assert!(list[0].entry.conversation.id.is_world());
}

#[tokio::test]
async fn a_registration_is_told_all_its_faults_at_once() {
    let house = House::new();
    let mut new = Registration::new("al", "12345");
    new.avatar = "x".repeat(2_049);
    assert_eq!(
        faults(house.services.accounts.register(new).await),
        [
            ("username", Fault::TooShort { min: 3 }),
            ("password", Fault::TooShort { min: 6 }),
            ("avatar", Fault::TooLong { max: 2_048 }),
        ]
    );
}

#[tokio::test]
async fn one_name_belongs_to_one_whatever_its_case() {
    let house = House::new();
    house.user("straße").await;
    let again = house.services.accounts.register(Registration::new("STRASSE", PASSWORD)).await;
    assert_eq!(code(again), "USERNAME_TAKEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let house = House::new();
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let accounts = house.services.accounts.clone();
        tries.spawn(async move { accounts.register(Registration::new("alice", PASSWORD)).await });
    }
    let (got, refused): (Vec<_>, Vec<_>) = tries.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((got.len(), refused.len()), (1, 19));
    assert!(refused.iter().all(|r| matches!(r, Err(Error::UsernameTaken))));
}

#[tokio::test]
async fn guests_get_a_name_and_keep_to_its_rules() {
    let house = House::new();
    let unnamed = house.services.accounts.guest(" ").await.expect("a chosen name");
    assert!(unnamed.user.guest && unnamed.user.name.as_str().starts_with("guest-"));
    let ann = house.services.accounts.guest("Ann").await.expect("free");
    assert_eq!(ann.user.name.as_str(), "Ann");
    let second = house.services.accounts.guest("ANN").await.expect("with digits");
    let name = second.user.name.as_str();
    assert!(
        name.starts_with("ANN") && name.len() == 7 && name[3..].bytes().all(|b| b.is_ascii_digit()),
        "{name}"
    );
    assert_eq!(faults(house.services.accounts.guest("a b").await), [("guestName", Fault::Malformed)]);
    assert_eq!(faults(house.services.accounts.guest("admin").await), [("guestName", Fault::Reserved)]);
}

#[tokio::test]
async fn a_taken_name_of_full_length_makes_room_for_digits() {
    let house = House::new();
    let long = "x".repeat(20);
    house.user(&long).await;
    let guest = house.services.accounts.guest(&long).await.expect("with digits");
    assert_eq!(guest.user.name.as_str().chars().count(), 20);
    assert_ne!(guest.user.name.as_str(), long);
}

#[tokio::test]
async fn an_adopted_user_is_the_same_each_time() {
    let house = House::new();
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let first = accounts.adopt("crm:7", "alice").await.expect("with digits");
    assert_ne!(first.user.name.as_str(), "alice");
    assert!(!first.user.guest);
    let again = accounts.adopt("crm:7", "another").await.expect("known");
    assert_eq!(first.user.id, again.user.id);
    assert_eq!(again.user.name, first.user.name);
    assert_eq!(faults(accounts.adopt("", "bob").await), [("externalId", Fault::Missing)]);
    assert_eq!(faults(accounts.adopt("crm:8", "b").await), [("username", Fault::TooShort { min: 3 })]);
    // There is no password by which anybody could log in instead.
    assert_eq!(code(accounts.login(first.user.name.as_str(), "").await), "BAD_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedder_that_adopts_one_user_many_times_at_once_gets_one() {
    let house = House::new();
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let accounts = house.services.accounts.clone();
        tries.spawn(async move { accounts.adopt("crm:7", "alice").await.expect("adopted").user.id });
    }
    let mut ids = tries.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}
