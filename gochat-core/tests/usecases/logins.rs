//! Logging in and out, and renewing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gochat_core::model::*;
use gochat_core::ports::*;
use gochat_core::service::{ProfileChange, Registration, Secret};

use crate::house::{House, PASSWORD, code};

#[tokio::test]
async fn wrong_names_and_passwords_are_one_and_the_same() {
    let house = House::new();
    house.user("alice").await;
    house.guest("gast").await;
    let nul = format!("{PASSWORD}\0tail");
    for (name, password) in [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("gast", ""),
        ("alice", &nul),
        ("alice", &"x".repeat(99)),
    ] {
        let refused = house.services.accounts.login(name, password).await;
        assert_eq!(code(refused), "BAD_CREDENTIALS", "{name} {password:?}");
    }
}

/// Notes each call that a login makes.
#[derive(Debug)]
struct Noting {
    users: Arc<dyn UserStore>,
    hasher: Arc<dyn PasswordHasher>,
    calls: Mutex<Vec<&'static str>>,
    /// Something that another caller does right after a password was compared.
    after_verify: Mutex<Option<(UserId, PasswordHash)>>,
}

impl Noting {
    fn note(&self, call: &'static str) {
        self.calls.lock().expect("no panic").push(call);
    }
}

#[async_trait]
impl PasswordHasher for Noting {
    async fn hash(&self, password: Password) -> Result<PasswordHash> {
        self.note("hash");
        self.hasher.hash(password).await
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verdict> {
        self.note("verify");
        // As bcrypt reads: up to a NUL, and 72 bytes at most.
        let read = password.split('\0').next().unwrap_or_default();
        let verdict = self.hasher.verify(&read[..read.len().min(72)], hash).await;
        let change = self.after_verify.lock().expect("no panic").take();
        if let Some((user, hash)) = change {
            self.users.update(user, &UserPatch { password: Some(hash), ..UserPatch::default() }).await?;
        }
        verdict
    }
}

#[async_trait]
impl UserStore for Noting {
    async fn create(&self, new: &NewUser) -> Result<()> {
        self.users.create(new).await
    }
    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        self.users.by_ids(ids).await
    }
    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        self.note("by_name");
        self.users.by_name(key).await
    }
    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        self.users.by_external(external).await
    }
    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        self.note("password");
        self.users.password(user).await
    }
    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        self.users.update(user, patch).await
    }
    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        self.users.search(prefix, viewer, limit).await
    }
}

fn noting() -> (House, Arc<Noting>) {
    let mut noting = None;
    let house = House::over(
        |_| {},
        |ports| {
            let it = Arc::new(Noting {
                users: ports.users.clone(),
                hasher: ports.hasher.clone(),
                calls: Mutex::default(),
                after_verify: Mutex::default(),
            });
            ports.users = it.clone();
            ports.hasher = it.clone();
            noting = Some(it);
        },
    );
    (house, noting.expect("made"))
}

#[tokio::test]
async fn a_refused_login_makes_the_same_calls_whether_or_not_the_user_exists() {
    let (house, noting) = noting();
    house.user("alice").await;
    let mut paths = Vec::new();
    for (name, password) in
        [("alice", "wrong password"), ("nobody", "wrong password"), ("alice", &"x".repeat(99))]
    {
        noting.calls.lock().expect("no panic").clear();
        assert_eq!(code(house.services.accounts.login(name, password).await), "BAD_CREDENTIALS");
        paths.push(noting.calls.lock().expect("no panic").clone());
    }
    assert_eq!(paths[0], ["by_name", "password", "verify"]);
    assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
}

#[tokio::test]
async fn a_password_is_all_of_it_though_hashers_read_the_beginning() {
    let (house, _noting) = noting();
    let (accounts, profiles) = (&house.services.accounts, &house.services.profiles);
    let long = "x".repeat(72);
    accounts.register(Registration::new("alice", long.as_str())).await.expect("the longest");
    let grant = accounts.login("alice", &long).await.expect("the password");
    let alice = accounts.authenticate(&grant.access_token).await.expect("fresh");
    for longer in [format!("{long}x"), format!("{long}\0")] {
        assert_eq!(code(accounts.login("alice", &longer).await), "BAD_CREDENTIALS");
        let change = ProfileChange {
            password: Some((Secret(longer), Secret("battery staple".to_owned()))),
            ..ProfileChange::default()
        };
        assert_eq!(code(profiles.update(&alice, change).await), "VALIDATION");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_costs_no_hash() {
    let (house, noting) = noting();
    house.user("alice").await;
    noting.calls.lock().expect("no panic").clear();
    let again = house.services.accounts.register(Registration::new("Alice", PASSWORD)).await;
    assert_eq!(code(again), "USERNAME_TAKEN");
    assert_eq!(*noting.calls.lock().expect("no panic"), ["by_name"]);
}

#[tokio::test]
async fn a_password_changed_while_the_old_one_is_compared_lets_nobody_in() {
    let (house, noting) = noting();
    let alice = house.user("alice").await;
    let new = noting.hasher.hash(Password::new("another one").expect("long")).await.expect("hash");
    *noting.after_verify.lock().expect("no panic") = Some((alice.user, new));
    assert_eq!(code(house.services.accounts.login("alice", PASSWORD).await), "BAD_CREDENTIALS");
}

#[tokio::test]
async fn tokens_end_at_their_time_and_with_their_login() {
    let house = House::with(|s| s.access_ttl = Duration::from_secs(60));
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let grant = accounts.login("alice", PASSWORD).await.expect("login");
    assert_eq!(grant.expires_in, Duration::from_secs(60));
    house.kit.clock.advance(Duration::from_millis(59_999));
    assert_eq!(accounts.authenticate(&grant.access_token).await.expect("valid").login, grant.login);
    house.kit.clock.advance(Duration::from_millis(1));
    assert_eq!(code(accounts.authenticate(&grant.access_token).await), "TOKEN_EXPIRED");
    for garbage in ["", "x", &format!("{}x", grant.access_token)] {
        assert_eq!(code(accounts.authenticate(garbage).await), "UNAUTHENTICATED", "{garbage}");
    }
}

#[tokio::test]
async fn logging_out_ends_this_login_only_and_its_sockets() {
    let house = House::new();
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let phone = accounts.login("alice", PASSWORD).await.expect("login");
    let laptop = accounts.login("alice", PASSWORD).await.expect("login");
    house.forget();
    accounts.logout(&phone.access_token).await.expect("ended");
    assert_eq!(house.heard(), [format!("login {} of alice: end: LoginEnded", phone.login)]);
    assert_eq!(code(accounts.authenticate(&phone.access_token).await), "UNAUTHENTICATED");
    assert_eq!(code(accounts.refresh(&phone.refresh_token).await), "UNAUTHENTICATED");
    accounts.authenticate(&laptop.access_token).await.expect("lives on");
    accounts.refresh(&laptop.refresh_token).await.expect("lives on");
}

#[tokio::test]
async fn logging_out_succeeds_whatever_the_token() {
    let house = House::with(|s| s.access_ttl = Duration::from_secs(60));
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let grant = accounts.login("alice", PASSWORD).await.expect("login");
    house.forget();
    accounts.logout("garbage").await.expect("nothing to end");
    assert_eq!(house.heard(), [""; 0]);
    // Expired, but genuine: its login is still there by its refresh token, and ends.
    house.kit.clock.advance(Duration::from_secs(61));
    accounts.logout(&grant.access_token).await.expect("ended");
    assert_eq!(house.heard().len(), 1);
    assert_eq!(code(accounts.refresh(&grant.refresh_token).await), "UNAUTHENTICATED");
    accounts.logout(&grant.access_token).await.expect("again");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_answer_can_be_asked_for_again() {
    let house = House::new();
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let first = accounts.login("alice", PASSWORD).await.expect("login");
    house.kit.clock.advance(Duration::from_secs(100));
    let second = accounts.refresh(&first.refresh_token).await.expect("exchanged");
    assert_eq!(second.login, first.login);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    accounts.authenticate(&first.access_token).await.expect("works until it expires");

    house.kit.clock.advance(Duration::from_secs(10));
    let again = accounts.refresh(&first.refresh_token).await.expect("within the grace");
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(again.access_token, second.access_token);
    assert_eq!(again.expires_in, second.expires_in);
    accounts.refresh(&second.refresh_token).await.expect("the successor is current");
}

#[tokio::test]
async fn a_refresh_token_shown_later_again_ends_the_whole_login() {
    let house = House::new();
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let first = accounts.login("alice", PASSWORD).await.expect("login");
    let second = accounts.refresh(&first.refresh_token).await.expect("exchanged");
    house.kit.clock.advance(Duration::from_millis(10_001));
    house.forget();
    assert_eq!(code(accounts.refresh(&first.refresh_token).await), "UNAUTHENTICATED");
    assert_eq!(house.heard(), [format!("login {} of alice: end: LoginEnded", first.login)]);
    assert_eq!(code(accounts.authenticate(&second.access_token).await), "UNAUTHENTICATED");
    assert_eq!(code(accounts.refresh(&second.refresh_token).await), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_refresh_token_ends_at_its_time_and_garbage_is_none() {
    let house = House::with(|s| s.refresh_ttl = Duration::from_secs(100));
    house.user("alice").await;
    let accounts = &house.services.accounts;
    let grant = accounts.login("alice", PASSWORD).await.expect("login");
    for garbage in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        assert_eq!(code(accounts.refresh(garbage).await), "UNAUTHENTICATED");
    }
    house.kit.clock.advance(Duration::from_secs(101));
    assert_eq!(code(accounts.refresh(&grant.refresh_token).await), "UNAUTHENTICATED");
}

#[tokio::test]
async fn guests_can_refresh_and_stay_guests() {
    let house = House::new();
    let accounts = &house.services.accounts;
    let grant = accounts.guest("").await.expect("guest");
    let next = accounts.refresh(&grant.refresh_token).await.expect("exchanged");
    assert!(accounts.authenticate(&next.access_token).await.expect("valid").guest);
}

#[tokio::test]
async fn another_password_ends_the_other_logins() {
    let house = House::new();
    let alice = house.user("alice").await;
    let accounts = &house.services.accounts;
    let other = accounts.login("alice", PASSWORD).await.expect("login");
    house.forget();
    let change = |old: &str, new: &str| ProfileChange {
        password: Some((Secret(old.to_owned()), Secret(new.to_owned()))),
        ..ProfileChange::default()
    };
    house.services.profiles.update(&alice, change(PASSWORD, "battery staple")).await.expect("changed");
    assert_eq!(house.heard(), [format!("login {} of alice: end: LoginEnded", other.login)]);
    assert_eq!(code(accounts.authenticate(&other.access_token).await), "UNAUTHENTICATED");
    assert_eq!(code(accounts.refresh(&other.refresh_token).await), "UNAUTHENTICATED");
    assert_eq!(house.ports.logins.active(&[alice.login]).await.expect("store"), [true]);
    assert_eq!(code(accounts.login("alice", PASSWORD).await), "BAD_CREDENTIALS");
    accounts.login("alice", "battery staple").await.expect("the new one");
}
