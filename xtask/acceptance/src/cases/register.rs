//! Registering, and what a name and a password may be.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::client::Reply;
use crate::json::Json;
use crate::shape;
use crate::world::{PASSWORD, World, fresh};

cases! { "register";
    "POST /auth/register: 201 {user}" => answers_201_with_the_user,
    "register takes avatar?" => keeps_the_avatar,
    "taken: 409 USERNAME_TAKEN" => a_taken_name_is_409,
    "unique without regard to case after NFKC" => names_are_unique_without_case,
    "unique after NFKC" => names_are_unique_after_nfkc,
    "names are shown so, with their case" => names_keep_their_case,
    "NFKC, then trimmed" => names_are_normalised_and_trimmed,
    "username 3 to 20" => names_have_three_to_twenty_characters,
    "counted in scalar values, letters of any script" => names_of_any_script_count_in_scalar_values,
    "letters, digits, _ and -" => other_characters_are_refused,
    "not a reserved word, folded too: 400 VALIDATION" => reserved_words_are_refused,
    "password 6 characters to 72 bytes; longer is a 400, not cut" => passwords_have_six_characters_to_72_bytes,
    "a missing or wrong field is VALIDATION with fields" => missing_fields_are_named,
    "one of many registering one name wins" => a_race_for_a_name_has_one_winner,
    "a stale Authorization header on /auth/* is ignored" => a_stale_authorization_is_ignored,
    "no answer shows a password or its hash" => no_answer_shows_the_password,
}

async fn register(t: &World, name: &str) -> anyhow::Result<Reply> {
    t.call("POST", "/auth/register").json(&json!({"username": name, "password": PASSWORD})).send().await
}

async fn answers_201_with_the_user(t: World) -> Outcome {
    let name = fresh("u_");
    let reply = register(&t, &name).await?;
    let user = reply.ok(201)?.at("user")?;
    shape::user(user)?;
    same!(user.text("username")?, name, "the username");
    same!(user.flag("isGuest")?, false, "isGuest of a registered user");
    Ok(())
}

async fn keeps_the_avatar(t: World) -> Outcome {
    let name = fresh("u_");
    let avatar = "https://example.org/a.png";
    let body = json!({"username": name, "password": PASSWORD, "avatar": avatar});
    let reply = t.call("POST", "/auth/register").json(&body).send().await?;
    same!(reply.ok(201)?.text("user.avatar")?, avatar, "the avatar at registration");
    let user = t.login(&name, PASSWORD).await?;
    same!(user.get("/user/info").await?.ok(200)?.text("avatar")?, avatar, "the avatar in /user/info");
    Ok(())
}

async fn a_taken_name_is_409(t: World) -> Outcome {
    let name = fresh("u_");
    register(&t, &name).await?.ok(201)?;
    register(&t, &name).await?.fails(409, "USERNAME_TAKEN")?;
    t.login(&name, PASSWORD).await?;
    Ok(())
}

async fn names_are_unique_without_case(t: World) -> Outcome {
    let name = fresh("Abc_");
    register(&t, &name).await?.ok(201)?;
    register(&t, &name.to_uppercase()).await?.fails(409, "USERNAME_TAKEN")?;
    register(&t, &name.to_lowercase()).await?.fails(409, "USERNAME_TAKEN")?;
    t.login(&name.to_uppercase(), PASSWORD).await?;
    let other = t.user().await?;
    let found = other.get(&format!("/users/{}", name.to_lowercase())).await?;
    same!(found.ok(200)?.text("username")?, name, "a name looked up by its folded form");
    Ok(())
}

async fn names_are_unique_after_nfkc(t: World) -> Outcome {
    let tail = fresh("");
    register(&t, &format!("Ａ{tail}")).await?.ok(201)?;
    register(&t, &format!("A{tail}")).await?.fails(409, "USERNAME_TAKEN")?;
    register(&t, &format!("a{tail}")).await?.fails(409, "USERNAME_TAKEN")?;
    let composed = fresh("é");
    register(&t, &composed).await?.ok(201)?;
    register(&t, &composed.replace('é', "e\u{301}")).await?.fails(409, "USERNAME_TAKEN")?;
    Ok(())
}

async fn names_keep_their_case(t: World) -> Outcome {
    let name = fresh("CamelCase");
    let name: String = name.chars().take(20).collect();
    same!(register(&t, &name).await?.ok(201)?.text("user.username")?, name, "a name shown with its case");
    Ok(())
}

async fn names_are_normalised_and_trimmed(t: World) -> Outcome {
    let name = fresh("b");
    let reply = register(&t, &format!("  Ａ{name}\u{3000}")).await?;
    same!(reply.ok(201)?.text("user.username")?, format!("A{name}"), "NFKC, then trimmed");
    let login = t.login(&format!(" a{name} "), PASSWORD).await?;
    same!(login.name, format!("A{name}"), "the login's name");
    Ok(())
}

async fn names_have_three_to_twenty_characters(t: World) -> Outcome {
    register(&t, "ab").await?.invalid("username")?;
    register(&t, "").await?.invalid("username")?;
    register(&t, "   ").await?.invalid("username")?;
    register(&t, &format!("  {}  ", "a")).await?.invalid("username")?;
    let twenty = fresh("abcdefgh");
    same!(twenty.len(), 20, "the test's own name");
    register(&t, &twenty).await?.ok(201)?;
    register(&t, &format!("{twenty}x")).await?.invalid("username")?;
    let three: String = fresh("").chars().take(3).collect();
    let reply = register(&t, &three).await?;
    ensure!(reply.status == 201 || reply.status == 409, "three characters are a name{}", reply.shown());
    Ok(())
}

async fn names_of_any_script_count_in_scalar_values(t: World) -> Outcome {
    let tail = fresh("");
    for head in ["张三", "Ольга", "محمد", "さくら", "한글", "אבג", "𝒜𝒷", "ไทย"]
    {
        let reply = register(&t, &format!("{head}{tail}")).await?;
        reply.ok(201)?;
    }
    // Twenty characters of three or four bytes each.
    let long: String = "汉字名字".chars().cycle().take(8).chain(tail.chars()).collect();
    same!(long.chars().count(), 20, "the test's own name");
    register(&t, &long).await?.ok(201)?;
    register(&t, &format!("{long}字")).await?.invalid("username")?;
    // Two scalar values are too few, though they are six bytes.
    register(&t, "张三").await?.invalid("username")
}

async fn other_characters_are_refused(t: World) -> Outcome {
    for bad in [
        "a b c",
        "a.b.c",
        "a@b.c",
        "a/b/c",
        "<script>",
        "abc\u{0}",
        "abc\n1",
        "a😀bc",
        "a\u{202e}bc",
        "a'--",
        "a%bc",
        "../abc",
    ] {
        register(&t, bad).await?.invalid("username")?;
    }
    register(&t, &fresh("a_-")).await?.ok(201)?;
    Ok(())
}

async fn reserved_words_are_refused(t: World) -> Outcome {
    for word in ["info", "profile", "search", "status", "me", "world", "admin", "system"] {
        for name in [word.to_owned(), word.to_uppercase(), format!(" {word} ")] {
            let reply = register(&t, &name).await?;
            reply.invalid("username")?;
        }
    }
    register(&t, "ａｄｍｉｎ").await?.invalid("username")
}

async fn passwords_have_six_characters_to_72_bytes(t: World) -> Outcome {
    let with = async |password: String| {
        let body = json!({"username": fresh("u_"), "password": password});
        t.call("POST", "/auth/register").json(&body).send().await
    };
    with("12345".into()).await?.invalid("password")?;
    with("密码密码密".into()).await?.invalid("password")?;
    with("123456".into()).await?.ok(201)?;
    with("密码密码密码".into()).await?.ok(201)?;
    with("x".repeat(72)).await?.ok(201)?;
    with("x".repeat(73)).await?.invalid("password")?;
    with("密".repeat(24)).await?.ok(201)?;
    with("密".repeat(25)).await?.invalid("password")
}

async fn missing_fields_are_named(t: World) -> Outcome {
    let post = async |body| t.call("POST", "/auth/register").json(&body).send().await;
    post(json!({"password": PASSWORD})).await?.invalid("username")?;
    post(json!({"username": fresh("u_")})).await?.invalid("password")?;
    post(json!({"username": 5, "password": PASSWORD})).await?.invalid("username")?;
    post(json!({"username": null, "password": PASSWORD})).await?.invalid("username")?;
    post(json!({"username": fresh("u_"), "password": ["a"]})).await?.invalid("password")
}

async fn a_race_for_a_name_has_one_winner(t: World) -> Outcome {
    let name = fresh("race_");
    let tries = (0..8).map(|n| {
        let (t, name) = (t.clone(), if n % 2 == 0 { name.clone() } else { name.to_uppercase() });
        async move { register(&t, &name).await }
    });
    let mut made = 0;
    for reply in futures_util::future::try_join_all(tries).await? {
        if reply.status == 201 {
            made += 1;
        } else {
            reply.fails(409, "USERNAME_TAKEN")?;
        }
    }
    same!(made, 1, "exactly one to get the name");
    Ok(())
}

async fn a_stale_authorization_is_ignored(t: World) -> Outcome {
    let name = fresh("u_");
    let body = json!({"username": name, "password": PASSWORD});
    for stale in ["Bearer stale.stale.stale", "Bearer ", "nonsense"] {
        let call = t.call("POST", "/auth/login").json(&body).header("authorization", stale);
        call.send().await?.fails(401, "BAD_CREDENTIALS")?;
    }
    t.call("POST", "/auth/register").json(&body).token("stale").send().await?.ok(201)?;
    t.call("POST", "/auth/login").json(&body).token("stale").send().await?.ok(200)?;
    t.call("POST", "/auth/guest").json(&json!({"guestName": ""})).token("stale").send().await?.fine()?;
    let user = t.login(&name, PASSWORD).await?;
    let refresh = json!({"refreshToken": user.refresh});
    t.call("POST", "/auth/refresh").json(&refresh).token("stale").send().await?.ok(200)?;
    Ok(())
}

async fn no_answer_shows_the_password(t: World) -> Outcome {
    let name = fresh("u_");
    let body = json!({"username": name, "password": "s3cret-needle"});
    let mut replies = vec![t.call("POST", "/auth/register").json(&body).send().await?];
    replies.push(t.call("POST", "/auth/register").json(&body).send().await?);
    replies.push(t.call("POST", "/auth/login").json(&body).send().await?);
    let user = t.login(&name, "s3cret-needle").await?;
    replies.push(user.get("/user/info").await?);
    for reply in replies {
        let text = String::from_utf8_lossy(&reply.body).to_lowercase();
        ensure!(
            !text.contains("s3cret") && !text.contains("$2b$") && !text.contains("passwordhash"),
            "{}",
            reply.shown()
        );
    }
    Ok(())
}
