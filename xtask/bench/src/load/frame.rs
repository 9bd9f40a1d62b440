//! The frame that the generator sends: prepared once for a conversation, its client id patched in place.

use crate::ws;

pub(crate) const CONTENT_LEN: usize = 128;
pub(crate) const CLIENT_ID_LEN: usize = 36;
const TAIL: &str = "\"}}";
const BETWEEN: &str = "\",\"messageType\":\"text\",\"tempMessageId\":\"";
/// Where the client id and the content begin, from the end of the payload: what the bare server goes by.
pub(crate) const CLIENT_ID_FROM_END: usize = CLIENT_ID_LEN + TAIL.len();
pub(crate) const CONTENT_FROM_END: usize = CONTENT_LEN + BETWEEN.len() + CLIENT_ID_FROM_END;

const CONTENT: &str = "See you at seven in front of the station, I have the tickets and the umbrella; \
                       write to me when your train is in, please. :-)";

/// A `send-message` frame with a slot for the client id.
///
/// The masking key is zero, which leaves the payload as it is: the server has the same work with any key, and
/// the generator has none.
pub(crate) struct SendFrame {
    bytes: Vec<u8>,
    client_id: usize,
}

impl SendFrame {
    pub(crate) fn new(conversation: &str, lane: usize) -> Self {
        let json = format!(
            "{{\"type\":\"send-message\",\"data\":{{\"conversationId\":\"{conversation}\",\"content\":\"{}{BETWEEN}{}{TAIL}",
            content(),
            client_id(lane)
        );
        let mut bytes = Vec::new();
        ws::write(&mut bytes, ws::TEXT, Some([0; 4]), json.as_bytes());
        let client_id = bytes.len() - CLIENT_ID_FROM_END;
        Self { bytes, client_id }
    }

    /// Appends the frame of message `index`, sent at `unix_millis`.
    ///
    /// The client id is a UUID of version 7 in its layout: the time leads, so that ids grow with it.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, index: u64, unix_millis: u64) {
        let id = &mut self.bytes[self.client_id..][..CLIENT_ID_LEN];
        let (high, low) = (unix_millis >> 16, unix_millis & 0xffff);
        hex(&mut id[0..8], high);
        hex(&mut id[9..13], low);
        hex(&mut id[24..36], index);
        out.extend_from_slice(&self.bytes);
    }
}

/// The text of every message, exactly [`CONTENT_LEN`] bytes.
pub(crate) fn content() -> String {
    format!("{CONTENT:.<CONTENT_LEN$.CONTENT_LEN$}")
}

fn client_id(lane: usize) -> String {
    format!("00000000-0000-7{:03x}-8{:03x}-000000000000", lane >> 12 & 0xfff, lane & 0xfff)
}

fn hex(slot: &mut [u8], mut value: u64) {
    for byte in slot.iter_mut().rev() {
        *byte = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scan;

    #[test]
    fn the_slots_are_where_both_ends_look_for_them() {
        let mut out = Vec::new();
        let mut frame = SendFrame::new("7296349123456789504", 4097);
        frame.write(&mut out, 0xabc, 0x0123_4567_89ab);
        let parsed = ws::parse(&out).expect("a whole frame");
        let json = &out[parsed.start..parsed.end];
        serde_json::from_slice::<serde_json::Value>(json).expect("valid JSON");
        assert_eq!(&json[json.len() - CONTENT_FROM_END..][..CONTENT_LEN], content().as_bytes());
        assert_eq!(
            &json[json.len() - CLIENT_ID_FROM_END..][..CLIENT_ID_LEN],
            b"01234567-89ab-7001-8001-000000000abc"
        );
        assert_eq!(Scan::new().client_index(json), Some(0xabc));
    }
}
