//! The client comes from another origin.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::client::Reply;
use crate::world::World;

cases! { "cors";
    "OPTIONS on any path needs no token and names the allowed headers in full, not *" => preflights_name_the_headers,
    "OPTIONS on any path" => preflights_answer_on_unknown_paths,
    "the default allows localhost on any port" => localhost_on_any_port_is_allowed,
    "allowed origins are configured" => other_origins_are_not_allowed,
    "CORS is present on errors too" => errors_carry_cors,
    "CORS on answers" => successes_carry_cors,
    "Retry-After and the like stay readable: a page without an Origin gets no harm" => calls_without_origin_work,
}

const ORIGIN: &str = "http://localhost:5173";

fn allows(reply: &Reply, origin: &str) -> Outcome {
    let allowed = reply.header("access-control-allow-origin");
    ensure!(
        allowed == origin || allowed == "*",
        "access-control-allow-origin is {allowed:?}{}",
        reply.shown()
    );
    Ok(())
}

async fn preflight(t: &World, path: &str, method: &str) -> anyhow::Result<Reply> {
    let call = t.call("OPTIONS", path).header("origin", ORIGIN);
    let call = call.header("access-control-request-method", method);
    call.header("access-control-request-headers", "authorization,content-type").send().await
}

async fn preflights_name_the_headers(t: World) -> Outcome {
    let calls = [
        ("/auth/login", "POST"),
        ("/friends", "POST"),
        ("/users/profile", "PUT"),
        ("/groups/1", "DELETE"),
        ("/messages", "POST"),
    ];
    for (path, method) in calls {
        let reply = preflight(&t, path, method).await?;
        ensure!(reply.status.is_success(), "a preflight is 2xx{}", reply.shown());
        allows(&reply, ORIGIN)?;
        let headers = reply.header("access-control-allow-headers").to_lowercase();
        for name in ["authorization", "content-type"] {
            ensure!(headers.split(',').any(|h| h.trim() == name), "{name} is not in {headers:?}");
        }
        let methods = reply.header("access-control-allow-methods").to_uppercase();
        ensure!(methods.split(',').any(|m| m.trim() == method), "{method} is not in {methods:?}");
    }
    Ok(())
}

async fn preflights_answer_on_unknown_paths(t: World) -> Outcome {
    for path in ["/nowhere", "/a/b/c/d", "/conversations/999/messages", "/"] {
        let reply = preflight(&t, path, "GET").await?;
        ensure!(reply.status.is_success(), "a preflight is 2xx{}", reply.shown());
        allows(&reply, ORIGIN)?;
    }
    Ok(())
}

async fn localhost_on_any_port_is_allowed(t: World) -> Outcome {
    for origin in
        ["http://localhost:5173", "http://localhost:3000", "http://localhost:8080", "http://localhost"]
    {
        let reply = t.call("GET", "/friends").header("origin", origin).send().await?;
        allows(&reply, origin)?;
    }
    Ok(())
}

async fn other_origins_are_not_allowed(t: World) -> Outcome {
    for origin in
        ["https://evil.example", "http://localhost.evil.example", "http://localhost:80@evil.example", "null"]
    {
        let reply = t.call("GET", "/friends").header("origin", origin).send().await?;
        let allowed = reply.header("access-control-allow-origin");
        ensure!(allowed != origin && allowed != "*", "{origin} is allowed{}", reply.shown());
    }
    Ok(())
}

async fn errors_carry_cors(t: World) -> Outcome {
    let alice = t.user().await?;
    let failing = [
        t.call("GET", "/friends"),
        t.call("GET", "/nowhere"),
        alice.call("GET", "/nowhere"),
        alice.call("PATCH", "/friends"),
        alice.call("POST", "/friends").header("content-type", "text/plain").bytes("x"),
        alice.call("POST", "/friends").header("content-type", "application/json").bytes("{"),
        t.call("POST", "/auth/login").json(&json!({"username": "nobody", "password": "whatever"})),
    ];
    for call in failing {
        let reply = call.header("origin", ORIGIN).send().await?;
        ensure!(reply.status.is_client_error(), "an error expected{}", reply.shown());
        allows(&reply, ORIGIN)?;
    }
    Ok(())
}

async fn successes_carry_cors(t: World) -> Outcome {
    let alice = t.user().await?;
    let reply = alice.call("GET", "/conversations").header("origin", ORIGIN).send().await?;
    reply.ok(200)?;
    allows(&reply, ORIGIN)?;
    ensure!(
        reply.header("vary").to_lowercase().contains("origin")
            || reply.header("access-control-allow-origin") == "*",
        "an answer that depends on Origin says so in Vary{}",
        reply.shown()
    );
    Ok(())
}

async fn calls_without_origin_work(t: World) -> Outcome {
    t.user().await?.get("/friends").await?.ok(200)?;
    Ok(())
}
