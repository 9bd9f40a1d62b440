//! Logging in, refresh tokens, and logging out.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::client::Reply;
use crate::json::Json;
use crate::shape;
use crate::user::User;
use crate::world::{PASSWORD, World, fresh};

cases! { "login";
    "POST /auth/login: token, user (also accessToken = token, refreshToken, expiresIn seconds)" => gives_token_and_user,
    "wrong: 401 BAD_CREDENTIALS, same text whether or not the user exists" => wrong_credentials_look_the_same,
    "same time whether or not the user exists" => wrong_credentials_take_the_same_time,
    "the user at login is the user everywhere" => user_info_has_three_spellings,
    "tokens of one user work side by side" => several_logins_work_side_by_side,
    "login limits count failures by name; 429 with Retry-After" => ten_failures_of_a_name_are_limited,
    "many successful logins from one address are normal" => many_successful_logins_are_fine,
    "POST /auth/refresh: as login" => refresh_answers_as_login,
    "after a refresh the earlier access token works until it expires" => the_earlier_token_works_after_a_refresh,
    "the same refresh token within 10 s gets the same answer (a lost reply)" => a_lost_refresh_reply_is_given_again,
    "later it ends the whole login, 401 UNAUTHENTICATED, sockets 4500" => a_reused_refresh_token_ends_the_login,
    "a reused refresh token leaves the user's other logins" => a_reused_refresh_token_leaves_other_logins,
    "a refresh token that is none is 401" => nonsense_refresh_tokens_are_401,
    "an access token is no refresh token, nor the other way" => the_two_tokens_are_not_interchangeable,
    "POST /auth/logout: null; the token stops working at once" => logout_ends_the_token_at_once,
    "its sockets close with 4500" => logout_closes_its_sockets,
    "logout ends its refresh token" => logout_ends_the_refresh_token,
    "other logins stay" => logout_leaves_other_logins,
    "logout after a refresh ends the earlier tokens of that login too" => logout_ends_the_whole_login,
    "POST /auth/logout is 2xx whatever the token" => logout_is_2xx_whatever_the_token,
}

async fn login(t: &World, name: &str, password: &str) -> anyhow::Result<Reply> {
    t.call("POST", "/auth/login").json(&json!({"username": name, "password": password})).send().await
}

async fn refresh(t: &World, token: &str) -> anyhow::Result<Reply> {
    t.call("POST", "/auth/refresh").json(&json!({"refreshToken": token})).send().await
}

async fn gives_token_and_user(t: World) -> Outcome {
    let name = fresh("u_");
    let registered = t.register(&name).await?;
    let reply = login(&t, &name, PASSWORD).await?;
    let data = reply.ok(200)?;
    shape::login(data)?;
    same!(*data.at("user")?, registered, "the user of the login to be the registered one");
    Ok(())
}

async fn wrong_credentials_look_the_same(t: World) -> Outcome {
    let user = t.user().await?;
    let wrong = login(&t, &user.name, "wrong password").await?;
    let nobody = login(&t, &fresh("nobody_"), "wrong password").await?;
    let (wrong, nobody) = (wrong.fails(401, "BAD_CREDENTIALS")?, nobody.fails(401, "BAD_CREDENTIALS")?);
    same!(wrong.text("message")?, nobody.text("message")?, "the same text for both");
    let guest = t.guest().await?;
    login(&t, &guest.name, "").await?;
    login(&t, &guest.name, "wrong password").await?.fails(401, "BAD_CREDENTIALS")?;
    login(&t, "a name that can't be", PASSWORD).await?.fails(401, "BAD_CREDENTIALS")?;
    login(&t, &user.name, &"x".repeat(100)).await?.fails(401, "BAD_CREDENTIALS")?;
    Ok(())
}

async fn wrong_credentials_take_the_same_time(t: World) -> Outcome {
    let user = t.user().await?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        known.push(login(&t, &user.name, "wrong password").await?.took);
        unknown.push(login(&t, &fresh("nobody_"), "wrong password").await?.took);
    }
    known.sort();
    unknown.sort();
    // The fastest of each: noise of a busy machine only ever adds.
    let (known, unknown) = (known[0].as_secs_f64(), unknown[0].as_secs_f64());
    ensure!(
        unknown > known * 0.4 && unknown < known * 2.5,
        "known user {known:.4} s, unknown {unknown:.4} s: who exists can be told by the time"
    );
    Ok(())
}

async fn user_info_has_three_spellings(t: World) -> Outcome {
    let alice = t.user().await?;
    let first = alice.get("/user/info").await?;
    shape::user(first.ok(200)?)?;
    for path in ["/users/info", "/users/profile"] {
        same!(*alice.get(path).await?.ok(200)?, *first.ok(200)?, "{path} to be as /user/info");
    }
    Ok(())
}

async fn several_logins_work_side_by_side(t: World) -> Outcome {
    let one = t.user().await?;
    let two = one.login_again().await?;
    ensure!(one.token != two.token && one.refresh != two.refresh, "two logins have tokens of their own");
    one.get("/friends").await?.ok(200)?;
    two.get("/friends").await?.ok(200)?;
    Ok(())
}

async fn ten_failures_of_a_name_are_limited(t: World) -> Outcome {
    let user = t.user().await?;
    for _ in 0..10 {
        login(&t, &user.name, "wrong password").await?.fails(401, "BAD_CREDENTIALS")?;
    }
    let limited = login(&t, &user.name, "wrong password").await?;
    limited.fails(429, "RATE_LIMITED")?;
    let after: u64 = limited.header("retry-after").parse().unwrap_or(0);
    ensure!((1..=300).contains(&after), "Retry-After in seconds{}", limited.shown());
    login(&t, &user.name.to_uppercase(), "wrong password").await?.fails(429, "RATE_LIMITED")?;
    // Neither others nor the sessions that the user has are held up.
    user.get("/friends").await?.ok(200)?;
    t.user().await?;
    Ok(())
}

async fn many_successful_logins_are_fine(t: World) -> Outcome {
    let user = t.user().await?;
    for _ in 0..15 {
        login(&t, &user.name, PASSWORD).await?.ok(200)?;
    }
    Ok(())
}

async fn refresh_answers_as_login(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = refresh(&t, &alice.refresh).await?;
    let data = reply.ok(200)?;
    shape::login(data)?;
    same!(data.text("user.userId")?, alice.id, "the user");
    let renewed = User::from_login(&t.http, data, PASSWORD)?;
    ensure!(renewed.refresh != alice.refresh, "one use each: the refresh token changes");
    renewed.get("/friends").await?.ok(200)?;
    refresh(&t, &renewed.refresh).await?.ok(200)?;
    let guest = t.guest().await?;
    refresh(&t, &guest.refresh).await?.ok(200)?;
    let snake = json!({"refresh_token": t.user().await?.refresh});
    t.call("POST", "/auth/refresh").json(&snake).send().await?.ok(200)?;
    Ok(())
}

async fn the_earlier_token_works_after_a_refresh(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut socket = alice.connect().await?;
    refresh(&t, &alice.refresh).await?.ok(200)?;
    alice.get("/friends").await?.ok(200)?;
    socket.settle().await
}

async fn a_lost_refresh_reply_is_given_again(t: World) -> Outcome {
    let alice = t.user().await?;
    let (first, second) = (refresh(&t, &alice.refresh).await?, refresh(&t, &alice.refresh).await?);
    same!(second.ok(200)?.text("refreshToken")?, first.ok(200)?.text("refreshToken")?, "the same answer");
    let renewed = User::from_login(&t.http, second.ok(200)?, PASSWORD)?;
    renewed.get("/friends").await?.ok(200)?;
    // Shortly before the grace of 10 s ends.
    tokio::time::sleep(Duration::from_millis(7500)).await;
    let late = refresh(&t, &alice.refresh).await?;
    same!(
        late.ok(200)?.text("refreshToken")?,
        first.ok(200)?.text("refreshToken")?,
        "the same answer after 7.5 s"
    );
    let both = tokio::try_join!(refresh(&t, &renewed.refresh), refresh(&t, &renewed.refresh))?;
    same!(
        both.0.ok(200)?.text("refreshToken")?,
        both.1.ok(200)?.text("refreshToken")?,
        "the same to two at once"
    );
    Ok(())
}

async fn a_reused_refresh_token_ends_the_login(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut socket = alice.connect().await?;
    let renewed = User::from_login(&t.http, refresh(&t, &alice.refresh).await?.ok(200)?, PASSWORD)?;
    // The contract's grace: 10 s on the server's clock. There is no condition to wait for but the time.
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    refresh(&t, &alice.refresh).await?.fails(401, "UNAUTHENTICATED")?;
    same!(socket.ends().await?.code, Some(4500), "the login's sockets to close with 4500");
    renewed.get("/friends").await?.fails(401, "UNAUTHENTICATED")?;
    alice.get("/friends").await?.fails(401, "UNAUTHENTICATED")?;
    refresh(&t, &renewed.refresh).await?.fails(401, "UNAUTHENTICATED")?;
    Ok(())
}

async fn a_reused_refresh_token_leaves_other_logins(t: World) -> Outcome {
    let alice = t.user().await?;
    let other = alice.login_again().await?;
    refresh(&t, &alice.refresh).await?.ok(200)?;
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    refresh(&t, &alice.refresh).await?.fails(401, "UNAUTHENTICATED")?;
    other.get("/friends").await?.ok(200)?;
    refresh(&t, &other.refresh).await?.ok(200)?;
    Ok(())
}

async fn nonsense_refresh_tokens_are_401(t: World) -> Outcome {
    for token in ["x", "a.b.c", &"0".repeat(500), "🐢"] {
        refresh(&t, token).await?.fails(401, "UNAUTHENTICATED")?;
    }
    t.call("POST", "/auth/refresh").json(&json!({})).send().await?.invalid("refreshToken")
}

async fn the_two_tokens_are_not_interchangeable(t: World) -> Outcome {
    let alice = t.user().await?;
    refresh(&t, &alice.token).await?.fails(401, "UNAUTHENTICATED")?;
    t.call("GET", "/friends").token(&alice.refresh).send().await?.fails(401, "UNAUTHENTICATED")?;
    alice.get("/friends").await?.ok(200)?;
    Ok(())
}

async fn logout_ends_the_token_at_once(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = alice.call("POST", "/auth/logout").send().await?;
    ensure!(reply.ok(200)?.is_null(), "data is null{}", reply.shown());
    alice.get("/friends").await?.fails(401, "UNAUTHENTICATED")?;
    let refused = t.dial(&format!("/ws?token={}", alice.token), &[]).await?;
    same!(refused.err(), Some(401), "401 before the upgrade");
    Ok(())
}

async fn logout_closes_its_sockets(t: World) -> Outcome {
    let alice = t.user().await?;
    let (mut one, mut two) = (alice.connect().await?, alice.connect().await?);
    alice.call("POST", "/auth/logout").send().await?.ok(200)?;
    same!(one.ends().await?.code, Some(4500), "the first socket to close with 4500");
    same!(two.ends().await?.code, Some(4500), "the second too");
    Ok(())
}

async fn logout_ends_the_refresh_token(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.call("POST", "/auth/logout").send().await?.ok(200)?;
    refresh(&t, &alice.refresh).await?.fails(401, "UNAUTHENTICATED")?;
    Ok(())
}

async fn logout_leaves_other_logins(t: World) -> Outcome {
    let alice = t.user().await?;
    let other = alice.login_again().await?;
    let mut socket = other.connect().await?;
    alice.call("POST", "/auth/logout").send().await?.ok(200)?;
    other.get("/friends").await?.ok(200)?;
    refresh(&t, &other.refresh).await?.ok(200)?;
    socket.settle().await
}

async fn logout_ends_the_whole_login(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut socket = alice.connect().await?;
    let renewed = User::from_login(&t.http, refresh(&t, &alice.refresh).await?.ok(200)?, PASSWORD)?;
    renewed.call("POST", "/auth/logout").send().await?.ok(200)?;
    same!(socket.ends().await?.code, Some(4500), "a socket of the earlier token to close with 4500");
    alice.get("/friends").await?.fails(401, "UNAUTHENTICATED")?;
    refresh(&t, &renewed.refresh).await?.fails(401, "UNAUTHENTICATED")?;
    Ok(())
}

async fn logout_is_2xx_whatever_the_token(t: World) -> Outcome {
    let alice = t.user().await?;
    alice.call("POST", "/auth/logout").send().await?.ok(200)?;
    let calls = [
        alice.call("POST", "/auth/logout"),
        t.call("POST", "/auth/logout"),
        t.call("POST", "/auth/logout").token("nonsense"),
        t.call("POST", "/auth/logout").header("authorization", "Basic x"),
        t.call("POST", "/auth/logout").json(&json!({})),
    ];
    for call in calls {
        let reply = call.send().await?;
        ensure!(reply.status.is_success(), "2xx whatever the token{}", reply.shown());
    }
    Ok(())
}
