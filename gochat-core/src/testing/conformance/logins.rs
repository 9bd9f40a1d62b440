//! Cases of [`LoginStore`](crate::ports::LoginStore).

use std::time::Duration;

use super::fixture::{Fixture, all_at_once, at};
use crate::model::{LoginId, Timestamp, UserId};
use crate::ports::{NewLogin, Rotate, Rotation};

cases! { ($) __conformance_logins, Fixture:
    a_new_login_is_active,
    a_token_is_exchanged_once,
    a_used_token_gets_the_same_answer_within_the_grace,
    a_used_token_ends_the_login_after_the_grace,
    a_clock_that_went_back_is_within_the_grace,
    a_token_is_good_until_it_expires,
    a_successor_has_its_own_end,
    an_unknown_token_is_unknown,
    tokens_of_an_ended_login_are_unknown,
    ending_twice_is_no_error,
    ending_others_keeps_one_and_names_the_rest,
    of_many_at_once_one_exchanges_the_token,
    logins_outlive_a_restart,
}

const GRACE: Duration = Duration::from_secs(10);

fn digest(n: u8) -> [u8; 32] {
    // All byte values occur, zero among them.
    std::array::from_fn(|i| n.wrapping_mul(31).wrapping_add(u8::try_from(i).expect("small")))
}

async fn login(fx: &Fixture, user: UserId, token: u8) -> LoginId {
    let id = LoginId::new(fx.id()).expect("in range");
    let new = NewLogin { id, user, refresh: digest(token), at: at(0), expires_at: at(1_000) };
    fx.stores.logins.create(&new).await.expect("stored");
    id
}

fn exchange(current: u8, next: u8, at_: Timestamp) -> Rotate {
    Rotate { current: digest(current), next: digest(next), at: at_, expires_at: at(2_000), grace: GRACE }
}

async fn rotate(fx: &Fixture, current: u8, next: u8, at: Timestamp) -> Rotation {
    fx.stores.logins.rotate(&exchange(current, next, at)).await.expect("answers")
}

async fn active(fx: &Fixture, login: LoginId) -> bool {
    fx.stores.logins.active(&[login]).await.expect("answers")[0]
}

async fn a_new_login_is_active(fx: Fixture) {
    let user = fx.user("alice").await;
    let (a, b) = (login(&fx, user, 1).await, login(&fx, user, 2).await);
    fx.stores.logins.end(&[a], at(1)).await.expect("ended");
    let unknown = LoginId::new(fx.id()).expect("in range");
    let found = fx.stores.logins.active(&[b, a, unknown, b]).await.expect("answers");
    assert_eq!(found, [true, false, false, true]);
    assert!(fx.stores.logins.active(&[]).await.expect("answers").is_empty());
}

async fn a_token_is_exchanged_once(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    assert_eq!(rotate(&fx, 1, 2, at(1)).await, Rotation::Done { login, user });
    assert_eq!(rotate(&fx, 2, 3, at(2)).await, Rotation::Done { login, user });
    assert_eq!(rotate(&fx, 3, 4, at(500)).await, Rotation::Done { login, user });
    assert!(active(&fx, login).await);
}

async fn a_used_token_gets_the_same_answer_within_the_grace(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    rotate(&fx, 1, 2, at(100)).await;
    for now in [at(100), at(105), at(110)] {
        let again = rotate(&fx, 1, 9, now).await;
        assert_eq!(again, Rotation::Again { login, user, at: at(100) }, "the grace's end belongs to it");
    }
    assert!(active(&fx, login).await);
    assert_eq!(rotate(&fx, 9, 10, at(110)).await, Rotation::Unknown, "nothing changed");
    assert_eq!(rotate(&fx, 2, 3, at(110)).await, Rotation::Done { login, user });
    // Its successor has been used by now; that changes nothing.
    assert_eq!(rotate(&fx, 1, 9, at(110)).await, Rotation::Again { login, user, at: at(100) });
}

async fn a_used_token_ends_the_login_after_the_grace(fx: Fixture) {
    let user = fx.user("alice").await;
    let ends = login(&fx, user, 1).await;
    let stays = login(&fx, user, 50).await;
    rotate(&fx, 1, 2, at(100)).await;
    let late = at(110).after(Duration::from_millis(1));
    assert_eq!(rotate(&fx, 1, 9, late).await, Rotation::Reused { login: ends, user });
    assert!(!active(&fx, ends).await);
    assert_eq!(rotate(&fx, 2, 3, late).await, Rotation::Unknown);
    assert_eq!(rotate(&fx, 1, 9, late).await, Rotation::Unknown);
    assert_eq!(rotate(&fx, 9, 10, late).await, Rotation::Unknown);
    assert!(active(&fx, stays).await);
    assert_eq!(rotate(&fx, 50, 51, late).await, Rotation::Done { login: stays, user });
}

async fn a_clock_that_went_back_is_within_the_grace(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    rotate(&fx, 1, 2, at(100)).await;
    assert_eq!(rotate(&fx, 1, 9, at(50)).await, Rotation::Again { login, user, at: at(100) });
}

async fn a_token_is_good_until_it_expires(fx: Fixture) {
    let user = fx.user("alice").await;
    let last = Timestamp::from_millis(at(1_000).as_millis() - 1);
    let living = login(&fx, user, 1).await;
    login(&fx, user, 50).await;
    assert_eq!(rotate(&fx, 50, 51, at(1_000)).await, Rotation::Unknown, "the end is outside");
    assert_eq!(rotate(&fx, 1, 2, last).await, Rotation::Done { login: living, user });
}

async fn a_successor_has_its_own_end(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    rotate(&fx, 1, 2, at(900)).await;
    assert_eq!(rotate(&fx, 2, 3, at(1_999)).await, Rotation::Done { login, user });
    assert_eq!(rotate(&fx, 3, 4, at(2_000)).await, Rotation::Unknown);
}

async fn an_unknown_token_is_unknown(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    assert_eq!(rotate(&fx, 7, 8, at(1)).await, Rotation::Unknown);
    assert_eq!(rotate(&fx, 8, 9, at(1)).await, Rotation::Unknown, "its successor is as unknown");
    assert!(active(&fx, login).await);
}

async fn tokens_of_an_ended_login_are_unknown(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    rotate(&fx, 1, 2, at(100)).await;
    fx.stores.logins.end(&[login], at(101)).await.expect("ended");
    for token in [1, 2] {
        assert_eq!(rotate(&fx, token, 9, at(102)).await, Rotation::Unknown);
    }
    assert_eq!(rotate(&fx, 1, 9, at(500)).await, Rotation::Unknown);
    assert!(!active(&fx, login).await);
}

async fn ending_twice_is_no_error(fx: Fixture) {
    let user = fx.user("alice").await;
    let (a, b) = (login(&fx, user, 1).await, login(&fx, user, 2).await);
    let unknown = LoginId::new(fx.id()).expect("in range");
    for _ in 0..2 {
        fx.stores.logins.end(&[a, unknown, b], at(1)).await.expect("ended");
        assert!(!active(&fx, a).await && !active(&fx, b).await && !active(&fx, unknown).await);
    }
    fx.stores.logins.end(&[], at(1)).await.expect("nothing to end");
}

async fn ending_others_keeps_one_and_names_the_rest(fx: Fixture) {
    let [alice, bob] = fx.users(["alice", "bob"]).await;
    let mut hers = Vec::new();
    for token in 1..=4 {
        hers.push(login(&fx, alice, token).await);
    }
    let his = login(&fx, bob, 50).await;
    fx.stores.logins.end(&hers[..1], at(1)).await.expect("ended");

    let mut ended = fx.stores.logins.end_others(alice, Some(hers[2]), at(2)).await.expect("ended");
    ended.sort_unstable();
    assert_eq!(ended, [hers[1], hers[3]], "without the one that had ended before");
    let found = fx.stores.logins.active(&hers).await.expect("answers");
    assert_eq!(found, [false, false, true, false]);
    assert_eq!(rotate(&fx, 2, 20, at(3)).await, Rotation::Unknown);

    assert_eq!(fx.stores.logins.end_others(alice, None, at(4)).await.expect("ended"), [hers[2]]);
    assert!(!active(&fx, hers[2]).await);
    assert!(active(&fx, his).await);
    assert!(fx.stores.logins.end_others(alice, None, at(5)).await.expect("ended").is_empty());
}

async fn of_many_at_once_one_exchanges_the_token(fx: Fixture) {
    let user = fx.user("alice").await;
    let login = login(&fx, user, 1).await;
    let answers = all_at_once((0..50).map(|_| rotate(&fx, 1, 2, at(100)))).await;
    let done = answers.iter().filter(|a| matches!(a, Rotation::Done { .. })).count();
    let again = Rotation::Again { login, user, at: at(100) };
    assert_eq!((done, answers.iter().filter(|a| **a == again).count()), (1, 49));
    assert_eq!(rotate(&fx, 2, 3, at(101)).await, Rotation::Done { login, user });
}

async fn logins_outlive_a_restart(fx: Fixture) {
    let user = fx.user("alice").await;
    let (a, b, c) = (login(&fx, user, 1).await, login(&fx, user, 50).await, login(&fx, user, 60).await);
    rotate(&fx, 1, 2, at(100)).await;
    rotate(&fx, 60, 61, at(100)).await;
    rotate(&fx, 60, 61, at(500)).await;
    fx.stores.logins.end(&[b], at(101)).await.expect("ended");
    let fx = fx.reopened().await;
    let found = fx.stores.logins.active(&[a, b, c]).await.expect("answers");
    assert_eq!(found, [true, false, false]);
    assert_eq!(rotate(&fx, 1, 9, at(110)).await, Rotation::Again { login: a, user, at: at(100) });
    assert_eq!(rotate(&fx, 2, 3, at(110)).await, Rotation::Done { login: a, user });
    assert_eq!(rotate(&fx, 50, 51, at(110)).await, Rotation::Unknown);
}
