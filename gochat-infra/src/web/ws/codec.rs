//! WebSocket frames in and out (RFC 6455), without a buffer for each connection.
//!
//! Headers are read by tungstenite; what is ours is where the bytes lie: frames are unmasked and read in the buffer that a
//! thread shares, only what is incomplete is copied, and outgoing frames are built once for all who get them.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Text(&'a str),
    Binary,
    Ping(&'a [u8]),
    Pong,
    /// With the code that it gave; 1005 when it gave none (RFC 6455, 7.1.5).
    Close(u16),
}

/// Why a connection can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    Protocol,
    InvalidText,
}

/// A message that comes in several frames.
#[derive(Debug)]
struct Fragments {
    text: bool,
    bytes: Vec<u8>,
}

/// What a connection keeps between reads: nothing, unless a frame or message is under way.
#[derive(Debug)]
pub(super) struct Decoder {
    max: usize,
    rest: Vec<u8>,
    fragments: Option<Box<Fragments>>,
}

impl Decoder {
    /// Takes messages of up to `max` bytes.
    pub(super) fn new(max: usize) -> Self {
        Self { max, rest: Vec::new(), fragments: None }
    }

    /// Reads all whole frames in `bytes` and calls `take` with each message; keeps what is incomplete. Stops when `take`
    /// answers `false`.
    pub(super) fn feed(
        &mut self,
        bytes: &mut [u8],
        mut take: impl FnMut(Incoming<'_>) -> bool,
    ) -> Result<(), Fault> {
        if self.rest.is_empty() {
            let used = self.frames(bytes, &mut take)?;
            if used < bytes.len() {
                self.rest = bytes[used..].to_vec();
            }
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let used = self.frames(&mut all, &mut take)?;
        if used < all.len() {
            all.drain(..used);
            self.rest = all;
        }
        Ok(())
    }

    /// How many bytes belong to whole frames.
    fn frames(
        &mut self,
        bytes: &mut [u8],
        take: &mut impl FnMut(Incoming<'_>) -> bool,
    ) -> Result<usize, Fault> {
        let mut used = 0;
        while used < bytes.len() {
            let mut cursor = Cursor::new(&bytes[used..]);
            let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Fault::Protocol)?;
            let Some((header, length)) = parsed else { break };
            let head = usize::try_from(cursor.position()).map_err(|_| Fault::TooLarge)?;
            let length = self.check(&header, length)?;
            let Some(payload) = bytes.get_mut(used + head..used + head + length) else { break };
            unmask(payload, header.mask.ok_or(Fault::Protocol)?);
            used += head + length;
            if !self.frame(&header, payload, take)? {
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    /// Refuses a frame by its header, before its payload is waited for.
    fn check(&self, header: &FrameHeader, length: u64) -> Result<usize, Fault> {
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let length = usize::try_from(length).map_err(|_| Fault::TooLarge)?;
        match header.opcode {
            _ if reserved || header.mask.is_none() => Err(Fault::Protocol),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => Err(Fault::Protocol),
            OpCode::Control(_) if length > 125 || !header.is_final => Err(Fault::Protocol),
            OpCode::Data(Data::Continue) if self.fragments.is_none() => Err(Fault::Protocol),
            OpCode::Data(Data::Text | Data::Binary) if self.fragments.is_some() => Err(Fault::Protocol),
            OpCode::Data(_) => {
                let before = self.fragments.as_ref().map_or(0, |f| f.bytes.len());
                if length > self.max.saturating_sub(before) { Err(Fault::TooLarge) } else { Ok(length) }
            }
            OpCode::Control(_) => Ok(length),
        }
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        take: &mut impl FnMut(Incoming<'_>) -> bool,
    ) -> Result<bool, Fault> {
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(take(Incoming::Ping(payload))),
            OpCode::Control(Control::Pong) => Ok(take(Incoming::Pong)),
            OpCode::Control(_) => Ok(take(Incoming::Close(close_code(payload)?))),
            OpCode::Data(Data::Continue) => {
                let fragments = self.fragments.as_mut().ok_or(Fault::Protocol)?;
                fragments.bytes.extend_from_slice(payload);
                if !header.is_final {
                    return Ok(true);
                }
                match self.fragments.take() {
                    Some(whole) => message(whole.text, &whole.bytes, take),
                    None => Err(Fault::Protocol),
                }
            }
            OpCode::Data(kind) => {
                let text = kind == Data::Text;
                if header.is_final {
                    return message(text, payload, take);
                }
                self.fragments = Some(Box::new(Fragments { text, bytes: payload.to_vec() }));
                Ok(true)
            }
        }
    }
}

fn message(text: bool, bytes: &[u8], take: &mut impl FnMut(Incoming<'_>) -> bool) -> Result<bool, Fault> {
    if !text {
        return Ok(take(Incoming::Binary));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::InvalidText)?;
    Ok(take(Incoming::Text(text)))
}

fn close_code(payload: &[u8]) -> Result<u16, Fault> {
    match payload {
        [] => Ok(1005),
        [_] => Err(Fault::Protocol),
        [a, b, reason @ ..] => {
            std::str::from_utf8(reason).map_err(|_| Fault::InvalidText)?;
            match u16::from_be_bytes([*a, *b]) {
                // RFC 6455, 7.4: what may stand in a close frame.
                code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(code),
                _ => Err(Fault::Protocol),
            }
        }
    }
}

/// Takes the mask off, eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Bytes before the payload of a frame of 126 to 65,535 bytes, which most are.
const HEAD: usize = 4;

/// Appends a text frame whose payload `write` appends.
pub(super) fn text_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x81, 126, 0, 0]);
    write(out);
    let length = out.len() - start - HEAD;
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        out[start + 1] = short;
        out.drain(start + 2..start + HEAD);
    } else if let Ok(medium) = u16::try_from(length) {
        out[start + 2..start + HEAD].copy_from_slice(&medium.to_be_bytes());
    } else {
        out[start + 1] = 127;
        let long = (length as u64).to_be_bytes();
        out.splice(start + 2..start + HEAD, long);
    }
}

/// Appends a control frame: at most 125 bytes of payload.
fn control_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let payload = &payload[..payload.len().min(125)];
    out.push(0x80 | opcode);
    out.push(payload.len() as u8);
    out.extend_from_slice(payload);
}

/// Appends a ping.
pub(super) fn ping_frame(out: &mut Vec<u8>) {
    control_frame(out, 0x9, &[]);
}

/// Appends the answer to a ping.
pub(super) fn pong_frame(out: &mut Vec<u8>, payload: &[u8]) {
    control_frame(out, 0xA, payload);
}

/// Appends a close frame. 1005 means: without a code.
pub(super) fn close_frame(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut payload = Vec::with_capacity(2 + reason.len());
    if code != 1005 {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
    }
    control_frame(out, 0x8, &payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client_frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            n @ 0..126 => out.push(0x80 | n as u8),
            n @ 126..65_536 => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(n as u16).to_be_bytes());
            }
            n => {
                out.push(0x80 | 127);
                out.extend_from_slice(&(n as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
        out
    }

    fn read(chunks: &[Vec<u8>], max: usize) -> Result<Vec<String>, Fault> {
        let mut decoder = Decoder::new(max);
        let mut got = Vec::new();
        for chunk in chunks {
            let mut chunk = chunk.clone();
            decoder.feed(&mut chunk, |m| {
                got.push(match m {
                    Incoming::Text(t) => t.to_owned(),
                    other => format!("{other:?}"),
                });
                true
            })?;
        }
        Ok(got)
    }

    const MASK: [u8; 4] = [1, 200, 3, 77];

    #[test]
    fn limits_are_exact_and_known_from_the_header() {
        for (n, want) in [(100, Ok(1)), (101, Err(Fault::TooLarge))] {
            let frame = client_frame(0x81, &vec![b'x'; n], MASK);
            assert_eq!(read(&[frame], 100).map(|got| got.len()), want, "{n}");
        }
        let header_only = client_frame(0x81, &[b'x'; 200], MASK)[..8].to_vec();
        assert_eq!(read(&[header_only], 100), Err(Fault::TooLarge));
        let huge = vec![0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4];
        assert_eq!(read(&[huge], 100), Err(Fault::TooLarge));
    }

    #[test]
    fn fragments_join_with_controls_between_and_count_together() {
        let parts = [
            client_frame(0x01, "he\u{e9}".as_bytes(), MASK),
            client_frame(0x89, b"p", MASK),
            client_frame(0x00, b"l", MASK),
            client_frame(0x80, b"lo", MASK),
        ];
        assert_eq!(read(&parts, 7), Ok(vec!["Ping([112])".to_owned(), "heéllo".to_owned()]));
        assert_eq!(read(&parts, 6), Err(Fault::TooLarge));
    }

    #[test]
    fn what_breaks_the_protocol() {
        let unmasked = vec![0x81, 1, b'x'];
        let continuation_of_nothing = client_frame(0x80, b"x", MASK);
        let long_ping = client_frame(0x89, &[0; 126], MASK);
        let fragmented_ping = client_frame(0x09, b"", MASK);
        let reserved_bit = client_frame(0xC1, b"x", MASK);
        let reserved_opcode = client_frame(0x83, b"x", MASK);
        let half_a_code = client_frame(0x88, &[3], MASK);
        let forbidden_code = client_frame(0x88, &1005u16.to_be_bytes(), MASK);
        for bad in [
            unmasked,
            continuation_of_nothing,
            long_ping,
            fragmented_ping,
            reserved_bit,
            reserved_opcode,
            half_a_code,
            forbidden_code,
        ] {
            assert_eq!(read(std::slice::from_ref(&bad), 100), Err(Fault::Protocol), "{bad:?}");
        }
        assert_eq!(read(&[client_frame(0x81, &[0xFF], MASK)], 100), Err(Fault::InvalidText));
    }

    #[test]
    fn outgoing_lengths() {
        for n in [0, 1, 125, 126, 65_535, 65_536] {
            let mut out = b"before".to_vec();
            text_frame(&mut out, |out| out.extend(std::iter::repeat_n(b'x', n)));
            let mut cursor = Cursor::new(&out[6..]);
            let (header, length) = FrameHeader::parse(&mut cursor).expect("a frame").expect("a whole header");
            assert!(header.is_final && length == n as u64, "{n}");
            assert_eq!(out.len(), 6 + cursor.position() as usize + n);
            assert!(out[out.len() - n..].iter().all(|b| *b == b'x'));
        }
    }

    proptest! {
        #[test]
        fn any_split_reads_the_same(texts in proptest::collection::vec("\\PC{0,300}", 1..6), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8)) {
            let bytes: Vec<u8> = texts.iter().flat_map(|t| client_frame(0x81, t.as_bytes(), MASK)).collect();
            let mut at: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks: Vec<_> = at.windows(2).map(|w| bytes[w[0]..w[1]].to_vec()).collect();
            prop_assert_eq!(read(&chunks, 2_000), Ok(texts));
        }

        #[test]
        fn noise_never_panics(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..10)) {
            let _outcome = read(&chunks, 1_000);
        }
    }
}
