//! Sizes, times, and odd but proper HTTP.

use anyhow::ensure;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Outcome;
use crate::client::raw;
use crate::world::World;

cases! { "sizes";
    "body 1 MiB; TOO_LARGE 413" => bodies_over_a_mebibyte_are_413,
    "body 1 MiB: as much is read" => bodies_of_a_mebibyte_are_read,
    "a call answers within 5 s" => calls_answer_within_five_seconds,
    "ids that no one has, of any form, are not found: never an error of ours" => odd_ids_are_not_found,
    "requests sent one after the other on one connection are answered in order" => pipelined_requests_are_answered_in_order,
    "a chunked body is as good as one with a length" => chunked_bodies_are_read,
    "a client that waits for 100 Continue gets it" => continue_is_answered,
}

async fn bodies_over_a_mebibyte_are_413(t: World) -> Outcome {
    let alice = t.user().await?;
    let body = format!("{{\"friendId\":\"{}\"}}", "1".repeat(1024 * 1024));
    let head = format!(
        "POST {}/api/friends HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        t.base().prefix,
        t.base().authority,
        alice.token,
        body.len()
    );
    let told = raw::exchange(t.base(), head.as_bytes()).await?;
    same!(raw::status(&told), 413, "413 from the length alone, seen {told}");
    let answer = raw::exchange(t.base(), (head + &body).as_bytes()).await?;
    same!(raw::status(&answer), 413, "413 with the whole body, seen {answer}");
    ensure!(answer.contains("TOO_LARGE"), "the code TOO_LARGE in {answer}");
    let head = format!(
        "POST {}/api/friends HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n",
        t.base().prefix,
        t.base().authority,
        alice.token,
        body.len()
    );
    let chunked = raw::exchange(t.base(), format!("{head}{body}\r\n0\r\n\r\n").as_bytes()).await?;
    same!(raw::status(&chunked), 413, "413 without a length too, seen {chunked}");
    Ok(())
}

async fn bodies_of_a_mebibyte_are_read(t: World) -> Outcome {
    let alice = t.user().await?;
    let frame = "{\"groupName\":\"big\",\"members\":[],\"x\":\"\"}";
    let body = format!(
        "{{\"groupName\":\"big\",\"members\":[],\"x\":\"{}\"}}",
        "y".repeat(1024 * 1024 - frame.len())
    );
    same!(body.len(), 1024 * 1024, "the test's own body");
    let call = alice.call("POST", "/groups").header("content-type", "application/json").bytes(body);
    call.send().await?.ok(201)?;
    Ok(())
}

async fn calls_answer_within_five_seconds(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    for path in
        ["/friends", "/conversations", "/user/info", "/sync", &format!("/conversations/{chat}/messages")]
    {
        let reply = alice.get(path).await?;
        ensure!(reply.took.as_secs_f32() < 5.0, "{:?} for{}", reply.took, reply.shown());
    }
    let reply = alice.post("/messages", json!({"conversationId": chat, "content": "x"})).await?;
    ensure!(reply.took.as_secs_f32() < 5.0, "{:?} for{}", reply.took, reply.shown());
    Ok(())
}

async fn odd_ids_are_not_found(t: World) -> Outcome {
    let alice = t.user().await?;
    let odd = [
        "0",
        "-1",
        "1.0",
        "007",
        "18446744073709551616",
        "99999999999999999999999999",
        "%00",
        "%20",
        "%F0%9F%98%80",
        "..%2f..",
        "world%00",
        "WORLD",
        "1e3",
        "0x10",
        "%25",
    ];
    for id in odd {
        alice.get(&format!("/conversations/{id}/messages")).await?.fails(404, "CONVERSATION_NOT_FOUND")?;
        alice.get(&format!("/messages/{id}")).await?.fails(404, "MESSAGE_NOT_FOUND")?;
        alice.get(&format!("/groups/{id}")).await?.fails(404, "GROUP_NOT_FOUND")?;
        alice.get(&format!("/users/{id}")).await?.fails(404, "USER_NOT_FOUND")?;
    }
    let reply = alice.get("/users/%FF%FE").await?;
    ensure!(reply.status.is_client_error(), "a path that is no UTF-8 is a client error{}", reply.shown());
    Ok(())
}

async fn pipelined_requests_are_answered_in_order(t: World) -> Outcome {
    let alice = t.user().await?;
    let one = |path: &str, close: &str| {
        format!(
            "GET {}/api{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: {close}\r\n\r\n",
            t.base().prefix,
            t.base().authority,
            alice.token
        )
    };
    let mut tcp = raw::open(t.base()).await?;
    let all =
        [one("/user/info", "keep-alive"), one("/nowhere", "keep-alive"), one("/friends", "close")].concat();
    tcp.write_all(all.as_bytes()).await?;
    let mut bytes = Vec::new();
    tokio::time::timeout(std::time::Duration::from_secs(20), tcp.read_to_end(&mut bytes)).await??;
    let text = String::from_utf8_lossy(&bytes);
    let statuses: Vec<&str> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    same!(statuses, vec!["200", "404", "200"], "three answers in order, seen {text}");
    Ok(())
}

async fn chunked_bodies_are_read(t: World) -> Outcome {
    let alice = t.user().await?;
    let body = r#"{"groupName":"chunks","members":[]}"#;
    let (one, two) = body.split_at(10);
    let head = format!(
        "POST {}/api/groups HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        t.base().prefix,
        t.base().authority,
        alice.token,
        one.len(),
        two.len()
    );
    let answer = raw::exchange(t.base(), head.as_bytes()).await?;
    same!(raw::status(&answer), 201, "201 for a chunked body, seen {answer}");
    Ok(())
}

async fn continue_is_answered(t: World) -> Outcome {
    let alice = t.user().await?;
    let body = r#"{"groupName":"waits","members":[]}"#;
    let head = format!(
        "POST {}/api/groups HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        t.base().prefix,
        t.base().authority,
        alice.token,
        body.len()
    );
    let mut tcp = raw::open(t.base()).await?;
    tcp.write_all(head.as_bytes()).await?;
    let first = tokio::time::timeout(std::time::Duration::from_secs(20), raw::answer(&mut tcp)).await?;
    same!(raw::status(&first), 100, "100 Continue, seen {first}");
    tcp.write_all(body.as_bytes()).await?;
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), raw::answer(&mut tcp)).await?;
    same!(raw::status(&answer), 201, "201, seen {answer}");
    Ok(())
}
