//! Frames of the bare server: prepared once, with slots that a message's values are copied into.
//!
//! They are as long as what GoChat sends for the same event, so that a ratio compares servers, not envelopes.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::load::{CLIENT_ID_FROM_END, CLIENT_ID_LEN, CONTENT_FROM_END, CONTENT_LEN};
use crate::ws;

/// Digits of a sequence: enough for every run, and few, as the template must not be longer than what it stands for.
const SEQ_LEN: usize = 7;
const ID: &str = "7296349123456789504";
const TIME: &str = "2026-01-31T09:30:00.123Z";

/// The `new-message` frame.
pub(crate) struct Delivery {
    frame: Vec<u8>,
    id: usize,
    seq: usize,
    content: usize,
    client_id: usize,
    time: usize,
}

impl Delivery {
    pub(crate) fn new(payload_len: usize) -> Self {
        let content = "~".repeat(CONTENT_LEN);
        let client_id = "!".repeat(CLIENT_ID_LEN);
        let mut json = format!(
            "{{\"type\":\"new-message\",\"data\":{{\"conversationId\":\"{ID}\",\"message\":{{\"messageId\":\"@@@@@@@@@@@@@@@@@@@\",\
             \"conversationId\":\"{ID}\",\"seq\":#######,\"senderId\":\"{ID}\",\"senderName\":\"bench-00001\",\
             \"content\":\"{content}\",\"type\":\"text\",\"sendTime\":\"{TIME}\",\"status\":\"sent\",\"clientMsgId\":\"{client_id}\"}}}}"
        );
        json.push_str(&" ".repeat(payload_len.saturating_sub(json.len() + 1)));
        json.push('}');
        let frame = framed(&json);
        Self {
            id: slot(&frame, b"@@@"),
            seq: slot(&frame, b"###"),
            content: slot(&frame, b"~~~"),
            client_id: slot(&frame, b"!!!"),
            time: slot(&frame, TIME.as_bytes()),
            frame,
        }
    }

    /// Sets the send time of this loop turn.
    pub(crate) fn set_time(&mut self) {
        let time = timestamp();
        self.frame[self.time..][..TIME.len()].copy_from_slice(&time);
    }

    /// Appends the frame for the client's `message`; `None` if that is too short to be one.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, id: u64, seq: u64, message: &[u8]) -> Option<()> {
        let content = message.len().checked_sub(CONTENT_FROM_END)?;
        digits(&mut self.frame[self.id..][..19], id, b'0');
        digits(&mut self.frame[self.seq..][..SEQ_LEN], seq, b' ');
        self.frame[self.content..][..CONTENT_LEN].copy_from_slice(&message[content..][..CONTENT_LEN]);
        self.frame[self.client_id..][..CLIENT_ID_LEN].copy_from_slice(client_id(message));
        out.extend_from_slice(&self.frame);
        Some(())
    }
}

/// The `message-ack` frame.
pub(crate) struct Ack {
    frame: Vec<u8>,
    id: usize,
    seq: usize,
    temp_id: usize,
    client_id: usize,
    time: usize,
}

impl Ack {
    pub(crate) fn new(payload_len: usize) -> Self {
        let temp_id = "~".repeat(CLIENT_ID_LEN);
        let client_id = "!".repeat(CLIENT_ID_LEN);
        let mut json = format!(
            "{{\"type\":\"message-ack\",\"data\":{{\"tempMessageId\":\"{temp_id}\",\"clientMsgId\":\"{client_id}\",\
             \"status\":\"stored\",\"messageId\":\"@@@@@@@@@@@@@@@@@@@\",\"seq\":#######,\"sendTime\":\"{TIME}\"}}"
        );
        json.push_str(&" ".repeat(payload_len.saturating_sub(json.len() + 1)));
        json.push('}');
        let frame = framed(&json);
        Self {
            id: slot(&frame, b"@@@"),
            seq: slot(&frame, b"###"),
            temp_id: slot(&frame, b"~~~"),
            client_id: slot(&frame, b"!!!"),
            time: slot(&frame, TIME.as_bytes()),
            frame,
        }
    }

    pub(crate) fn set_time(&mut self, delivery: &Delivery) {
        self.frame[self.time..][..TIME.len()].copy_from_slice(&delivery.frame[delivery.time..][..TIME.len()]);
    }

    pub(crate) fn write(&mut self, out: &mut Vec<u8>, id: u64, seq: u64, message: &[u8]) {
        digits(&mut self.frame[self.id..][..19], id, b'0');
        digits(&mut self.frame[self.seq..][..SEQ_LEN], seq, b' ');
        self.frame[self.temp_id..][..CLIENT_ID_LEN].copy_from_slice(client_id(message));
        self.frame[self.client_id..][..CLIENT_ID_LEN].copy_from_slice(client_id(message));
        out.extend_from_slice(&self.frame);
    }
}

/// The payload of the `connected` frame.
pub(crate) fn connected() -> Vec<u8> {
    format!(
        "{{\"type\":\"connected\",\"data\":{{\"userId\":\"{ID}\",\"sessionId\":\"{ID}\",\"serverTime\":\"{TIME}\",\
         \"heartbeatMs\":30000,\"limits\":{{\"frameBytes\":65536,\"contentChars\":5000,\"pageSize\":100}}}}}}"
    )
    .into_bytes()
}

fn client_id(message: &[u8]) -> &[u8] {
    &message[message.len() - CLIENT_ID_FROM_END..][..CLIENT_ID_LEN]
}

fn framed(json: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    ws::write(&mut frame, ws::TEXT, None, json.as_bytes());
    frame
}

fn slot(frame: &[u8], mark: &[u8]) -> usize {
    memchr::memmem::find(frame, mark).expect("the template holds its own marks")
}

/// Writes `value` right-aligned and filled up in front.
fn digits(slot: &mut [u8], mut value: u64, fill: u8) {
    for byte in slot.iter_mut().rev() {
        *byte = if value == 0 { fill } else { b'0' + (value % 10) as u8 };
        value /= 10;
    }
}

/// Now as RFC 3339 in UTC with milliseconds; civil date after Howard Hinnant's `civil_from_days`.
fn timestamp() -> [u8; 24] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], year, b'0');
    digits(&mut text[5..7], month, b'0');
    digits(&mut text[8..10], day, b'0');
    digits(&mut text[11..13], rest / 3600, b'0');
    digits(&mut text[14..16], rest / 60 % 60, b'0');
    digits(&mut text[17..19], rest % 60, b'0');
    digits(&mut text[20..23], u64::from(since.subsec_millis()), b'0');
    text
}
