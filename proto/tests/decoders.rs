//! What comes in may be anything: decoders answer, they never panic.

use gochat_proto::http::*;
use gochat_proto::ws::*;
use gochat_proto::{WireTime, body};

/// Marsaglia, "Xorshift RNGs" (2003): the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("below a usize")
    }
}

/// Everything that reads a text from outside.
fn decode(text: &str) {
    if let Ok(frame) = ClientFrame::parse(text) {
        if let Ok(data) = frame.data::<SendMessage<'_>>() {
            let _ = (data.client_id(), strings(data.mentions), data.message_type.optional_number());
        }
        let _ = (frame.data::<MarkRead<'_>>(), frame.data::<Typing<'_>>());
        let _ = frame.data::<Sync<'_>>().map(|data| data.conversations().map(|list| list.len()));
    }
    let _ = (body::<Credentials<'_>>(text), body::<Profile<'_>>(text), body::<MemberForm<'_>>(text));
    let _ = (body::<GroupForm<'_>>(text), body::<NewMembers<'_>>(text), WireTime::parse(text));
}

#[test]
fn a_million_random_bytes() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut left = 1_000_000;
    while left > 0 {
        let n = 1 + random.below(300);
        let bytes: Vec<u8> = (0..n).map(|_| random.next() as u8).collect();
        decode(&String::from_utf8_lossy(&bytes));
        left -= n.min(left);
    }
}

#[test]
fn good_frames_with_some_of_their_bytes_changed() {
    const SEEDS: [&str; 5] = [
        r#"{"type":"send-message","id":"r1","data":{"conversationId":"5","content":"h\u00e9 😀","messageType":1,"tempMessageId":"t","mentions":["1","2"],"attachment":{"a":[1,{"b":null}]}}}"#,
        r#"{"type":"sync","data":{"conversations":[{"conversationId":"world","afterSeq":3}],"limit":20}}"#,
        r#"{"role":"admin","mutedUntil":null,"groupName":"g","members":["1"],"password":{"old":"a","new":"b"}}"#,
        r#"{"type":"mark-read","data":{"conversation_id":"world","seq_id":"7"},"id":1e9}"#,
        "2026-01-31T09:30:00.123+08:00",
    ];
    const PIECES: [&str; 12] = ["\"", "{", "}", "[", "]", ",", ":", "\\u", "\\ud800", "null", "-1e999", "é"];
    let mut random = Random(42);
    for round in 0..20_000 {
        let mut text = SEEDS[round % SEEDS.len()].to_owned();
        for _ in 0..=random.below(4) {
            let mut at = random.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match random.below(3) {
                0 => text.insert_str(at, PIECES[random.below(PIECES.len())]),
                1 => text.truncate(at),
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        decode(&text);
    }
}

#[test]
fn depth_costs_no_stack() {
    for opening in ["[", "{\"data\":", "{\"mentions\":[", "{\"type\":["] {
        decode(&opening.repeat(100_000));
    }
}
