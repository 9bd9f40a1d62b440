//! Text of every kind arrives as it was sent.

use anyhow::ensure;
use serde_json::json;

use crate::Outcome;
use crate::json::Json;
use crate::world::{World, fresh};

cases! { "texts";
    "messages in any language" => any_language,
    "emoji, joined and with modifiers" => emoji,
    "right-to-left, with marks of direction" => right_to_left,
    "control characters next to NUL, and NUL itself: kept, or refused with VALIDATION, never cut" => control_characters,
    "<script> and the like are plain text" => markup_is_text,
    "texts that look like SQL, JSON, paths and formats" => other_languages_of_machines,
    "combining marks and characters outside the basic plane are kept as sent" => unnormalised_text,
    "group names, nicknames in any script" => names_of_things,
    "escapes in JSON: \\u0041, surrogate pairs; a lone surrogate is refused" => json_escapes,
}

async fn carry(t: &World, texts: &[&str]) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
    for text in texts {
        a.say(&chat, text).await?;
        b.hears(text).await?;
        alice.say(&chat, text).await?;
        same!(bob.conversation(&chat).await?.text("lastMessage")?, *text, "lastMessage");
    }
    let expected: Vec<&str> = texts.iter().flat_map(|text| [*text, *text]).collect();
    same!(bob.contents(&chat).await?, expected, "history as sent");
    Ok(())
}

async fn any_language(t: World) -> Outcome {
    carry(
        &t,
        &[
            "你好,世界",
            "こんにちは世界",
            "안녕하세요",
            "Привет, мир",
            "Γειά σου Κόσμε",
            "नमस्ते दुनिया",
            "สวัสดีชาวโลก",
            "வணக்கம் உலகம்",
            "Chào thế giới",
            "Þetta er íslenska",
            "ሰላም ልዑል",
            "ᠮᠣᠩᠭᠣᠯ",
        ],
    )
    .await
}

async fn emoji(t: World) -> Outcome {
    carry(&t, &["😀", "👨‍👩‍👧‍👦", "👍🏽", "🏴‍☠️", "🇨🇳🇺🇳", "❤️", "1️⃣", "🫠🫡", "text 🙂 text"]).await
}

async fn right_to_left(t: World) -> Outcome {
    carry(
        &t,
        &[
            "مرحبا بالعالم",
            "שלום עולם",
            "abc אבג 123",
            "\u{202e}reversed\u{202c}",
            "\u{2067}isolated\u{2069}",
            "\u{200f}mark",
        ],
    )
    .await
}

async fn control_characters(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let mut a = alice.connect().await?;
    let mut kept = Vec::new();
    for code in (0u8..32).chain([127]) {
        let text = format!("before{}after", char::from(code));
        let body = json!({"conversationId": chat, "content": text, "clientMsgId": fresh("c")});
        let reply = alice.post("/messages", body).await?;
        if reply.status == 201 {
            same!(reply.ok(201)?.text("content")?, text, "U+{code:04X} kept");
            kept.push(text);
        } else {
            reply.invalid("content")?;
        }
    }
    same!(bob.contents(&chat).await?, kept, "what was taken, whole");
    ensure!(kept.len() >= 2, "tab and line feed at least are text");
    a.say(&chat, "the socket too\u{1}\u{1f}").await?;
    Ok(())
}

async fn markup_is_text(t: World) -> Outcome {
    carry(
        &t,
        &[
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "&lt;b&gt;",
            "</textarea><svg/onload=1>",
            "javascript:alert(1)",
            "<!-- -->",
            "{{constructor}}",
        ],
    )
    .await
}

async fn other_languages_of_machines(t: World) -> Outcome {
    carry(
        &t,
        &[
            "'; DROP TABLE messages; --",
            "\" OR 1=1",
            "{\"type\":\"message-ack\"}",
            "../../etc/passwd",
            "%s%n%d",
            "${jndi:x}",
            "\\u0000 \\n \\",
            "C:\\temp\\",
            "`rm -rf`",
            "null",
            "undefined",
            "NaN",
            "%00%0a",
        ],
    )
    .await
}

async fn unnormalised_text(t: World) -> Outcome {
    carry(
        &t,
        &[
            "e\u{301}",
            "é",
            "\u{1F1E6}",
            "𝒳𝔘",
            "a\u{300}\u{301}\u{302}\u{303}",
            "\u{fb01}",
            "\u{feff}",
            "zero\u{200b}width",
            "\u{10ffff}",
            "\u{e000}",
        ],
    )
    .await
}

async fn names_of_things(t: World) -> Outcome {
    let (alice, bob) = t.two().await?;
    for name in ["群聊 🎉", "<b>bold</b>", "مجموعة", "O'Brien \"x\"", "a\u{202e}b"] {
        let group = alice.group_named(name, &[&bob.id]).await?;
        same!(bob.conversation(&group.conversation).await?.text("target.groupName")?, name, "groupName");
        alice.put("/users/profile", json!({"nickname": name})).await?.ok(200)?;
        same!(alice.get("/users/info").await?.ok(200)?.text("nickname")?, name, "nickname");
    }
    Ok(())
}

async fn json_escapes(t: World) -> Outcome {
    let (alice, bob, chat) = t.two_friends().await?;
    let send = async |content: &str| {
        let body =
            format!(r#"{{"conversationId":"{chat}","content":"{content}","clientMsgId":"{}"}}"#, fresh("c"));
        alice.call("POST", "/messages").header("content-type", "application/json").bytes(body).send().await
    };
    same!(send(r"\u0041\ud83d\ude00\/").await?.ok(201)?.text("content")?, "A😀/", "escapes understood");
    let lone = send(r"\ud83d").await?;
    ensure!(lone.status == 400, "a lone surrogate is no text{}", lone.shown());
    same!(bob.history(&chat).await?.len(), 1, "one message");
    Ok(())
}
