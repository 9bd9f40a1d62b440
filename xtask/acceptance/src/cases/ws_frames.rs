//! Frames as they should not be, and at the limits.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::Outcome;
use crate::client::Socket;
use crate::json::Json;
use crate::world::{World, fresh};

cases! { "ws_frames";
    "not JSON, no or unknown type: error BAD_REQUEST; the socket stays open" => bad_frames_are_bad_request,
    "binary: error BAD_REQUEST; the socket stays open" => binary_frames_are_bad_request,
    "a wrong field: VALIDATION with fields" => wrong_fields_are_validation,
    "closes with 4502 after 10 bad frames in a row" => ten_bad_frames_close_with_4502,
    "10 bad frames in a row: a good one between begins anew" => a_good_frame_forgives,
    "65,536 bytes are allowed" => exactly_64_kib_are_allowed,
    "1009 frame too large: one byte more" => one_byte_more_closes_with_1009,
    "64 KiB is for the whole message, in fragments too" => fragments_count_together,
    "fragmented messages are put together" => fragments_are_put_together,
    "pings between fragments are answered" => pings_between_fragments_are_answered,
    "a wrong field of each request" => each_request_checks_its_fields,
    "exactly one JSON object each" => two_objects_in_a_frame_are_bad,
    "the request's id comes back in errors; without one there is none" => errors_carry_the_requests_id,
    "text that is no UTF-8 ends the session, the server stays well" => bad_utf8_ends_the_session,
    "unknown fields are ignored" => unknown_fields_are_ignored,
    "deeply nested JSON is a bad frame, not a crash" => deep_nesting_is_refused,
}

async fn bad(socket: &mut Socket, text: &str, code: &str) -> anyhow::Result<Value> {
    socket.put_text(text).await?;
    let frame = socket.expect("error", |_| true).await?;
    same!(frame.text("data.code")?, code, "the code of {text:?}");
    Ok(frame)
}

async fn bad_frames_are_bad_request(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    for text in [
        "hello",
        "",
        "{",
        "[]",
        "5",
        "null",
        "\"ping\"",
        "{}",
        r#"{"type":5}"#,
        r#"{"type":"nonsense","data":{}}"#,
        r#"{"data":{}}"#,
        r#"{"type":"Ping"}"#,
        r#"{"type":null}"#,
    ] {
        bad(&mut a, text, "BAD_REQUEST").await?;
        a.settle().await?;
    }
    Ok(())
}

async fn binary_frames_are_bad_request(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    for bytes in [&b"{\"type\":\"ping\"}"[..], &[0, 159, 146, 150], b""] {
        a.put(Message::Binary(bytes.to_vec().into())).await?;
        let frame = a.expect("error", |_| true).await?;
        same!(frame.text("data.code")?, "BAD_REQUEST", "the code of a binary frame");
    }
    a.settle().await
}

async fn wrong_fields_are_validation(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let data = json!({"conversationId": chat, "content": ["x"], "messageType": "text", "tempMessageId": "t"});
    let frame = a.refused("send-message", data, "VALIDATION").await?;
    ensure!(frame.at("data.fields")?.to_string().contains("content"), "fields name `content` in {frame}");
    Ok(())
}

async fn ten_bad_frames_close_with_4502(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    for _ in 0..9 {
        bad(&mut a, "nonsense", "BAD_REQUEST").await?;
    }
    a.put_text("nonsense").await?;
    same!(a.ends().await?.code, Some(4502), "the tenth to close with 4502");
    alice.connect().await?.settle().await
}

async fn a_good_frame_forgives(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    for _ in 0..3 {
        for _ in 0..9 {
            bad(&mut a, "nonsense", "BAD_REQUEST").await?;
        }
        a.settle().await?;
    }
    Ok(())
}

/// A `ping` frame of exactly `size` bytes.
fn ping_of(size: usize) -> String {
    let bare = r#"{"type":"ping","id":"big","data":{"x":""}}"#.len();
    format!(r#"{{"type":"ping","id":"big","data":{{"x":"{}"}}}}"#, "y".repeat(size - bare))
}

async fn exactly_64_kib_are_allowed(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    let text = ping_of(65_536);
    same!(text.len(), 65_536, "the test's own frame");
    a.put_text(&text).await?;
    a.answer("pong", "big").await?;
    Ok(())
}

async fn one_byte_more_closes_with_1009(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    a.put_text(&ping_of(65_537)).await?;
    same!(a.ends().await?.code, Some(1009), "65,537 bytes to close with 1009");
    alice.connect().await?.settle().await
}

async fn fragments(a: &mut Socket, text: &str, size: usize) -> Outcome {
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), n + 1 == pieces.len());
        if a.put(Message::Frame(frame)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn fragments_count_together(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    fragments(&mut a, &ping_of(65_536), 10_000).await?;
    a.answer("pong", "big").await?;
    fragments(&mut a, &ping_of(65_537), 10_000).await?;
    same!(a.ends().await?.code, Some(1009), "65,537 bytes in fragments to close with 1009");
    Ok(())
}

async fn fragments_are_put_together(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    let data = json!({"type": "send-message", "data": {"conversationId": chat, "content": "in pieces: 字😀é",
        "messageType": "text", "tempMessageId": "pieces"}});
    // One byte a fragment cuts every character of more than one byte.
    fragments(&mut a, &data.to_string(), 1).await?;
    a.stored("pieces").await?;
    b.hears("in pieces: 字😀é").await?;
    Ok(())
}

async fn pings_between_fragments_are_answered(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    let text = r#"{"type":"ping","id":"cut"}"#.as_bytes();
    a.put(Message::Frame(Frame::message(text[..9].to_vec(), OpCode::Data(Data::Text), false))).await?;
    a.put(Message::Ping(b"between".to_vec().into())).await?;
    a.put(Message::Frame(Frame::message(text[9..].to_vec(), OpCode::Data(Data::Continue), true))).await?;
    a.answer("pong", "cut").await?;
    ensure!(a.pongs.contains(&b"between".to_vec()), "the ping between is answered");
    Ok(())
}

async fn each_request_checks_its_fields(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let wrong = [
        ("mark-read", json!({"seq": 1})),
        ("mark-read", json!({"conversationId": chat, "seq": "one"})),
        ("typing", json!({"typing": true})),
        ("typing", json!({"conversationId": chat, "typing": 5})),
        ("sync", json!({"conversations": "all"})),
        ("sync", json!({"conversations": [{"conversationId": chat, "afterSeq": "x"}]})),
        ("sync", json!({"conversations": [{"conversationId": chat, "afterSeq": 0}], "limit": 0})),
    ];
    for (kind, data) in wrong {
        a.refused(kind, data, "VALIDATION").await?;
        a.settle().await?;
    }
    Ok(())
}

async fn two_objects_in_a_frame_are_bad(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    bad(&mut a, r#"{"type":"ping"}{"type":"ping"}"#, "BAD_REQUEST").await?;
    a.settle().await?;
    same!(a.count("pong", |_| true), 1, "the settling pong alone");
    Ok(())
}

async fn errors_carry_the_requests_id(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    a.refused("nonsense", json!({}), "BAD_REQUEST").await?;
    let frame = bad(&mut a, "not json", "BAD_REQUEST").await?;
    ensure!(frame.get("id").is_none_or(Value::is_null), "no id was given: {frame}");
    Ok(())
}

async fn bad_utf8_ends_the_session(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    let frame = Frame::message(vec![b'"', 0xff, 0xfe, b'"'], OpCode::Data(Data::Text), true);
    a.put(Message::Frame(frame)).await?;
    let code = a.ends().await?.code;
    ensure!(
        code.is_none_or(|c| c == 1007 || c == 1002 || c == 4502),
        "1007 for text that is no UTF-8, seen {code:?}"
    );
    alice.connect().await?.settle().await
}

async fn unknown_fields_are_ignored(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let id = fresh("c");
    let data = json!({"conversationId": chat, "content": "x", "messageType": "text", "tempMessageId": id, "colour": [1]});
    a.request("send-message", data).await?;
    a.stored(&id).await?;
    Ok(())
}

async fn deep_nesting_is_refused(t: World) -> Outcome {
    let alice = t.user().await?;
    let mut a = alice.connect().await?;
    let deep = format!(r#"{{"type":"ping","data":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    a.put_text(&deep).await?;
    let first = a.next().await?;
    ensure!(first["type"] == "error" || first["type"] == "pong", "an answer, seen {first}");
    let call = alice.call("POST", "/friends").header("content-type", "application/json");
    let reply = call.bytes(format!("{}{}", "[".repeat(200_000), "]".repeat(200_000))).send().await?;
    ensure!(reply.status == 400, "deeply nested JSON over HTTP is a 400{}", reply.shown());
    a.settle().await
}
