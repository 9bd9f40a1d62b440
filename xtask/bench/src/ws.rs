//! WebSocket frames and the upgrade, as little of RFC 6455 as both ends of the benchmark need.
//!
//! Must not allocate on the way of a message.

/// The key that the generator always sends, and what RFC 6455 section 1.3 says is the answer to it: so neither
/// end of the benchmark needs SHA-1.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// One frame inside a read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
    /// Where the payload begins, from the start of the slice given to [`parse`].
    pub(crate) start: usize,
    /// Where it ends, and the next frame begins.
    pub(crate) end: usize,
}

/// The first frame of `buf`, or `None` until all of it is there.
pub(crate) fn parse(buf: &[u8]) -> Option<Frame> {
    let (&[first, second], rest) = buf.split_first_chunk::<2>()?;
    let (len, mut start) = match second & 0x7f {
        126 => (u16::from_be_bytes(*rest.first_chunk::<2>()?) as usize, 4),
        127 => (u64::from_be_bytes(*rest.first_chunk::<8>()?) as usize, 10),
        short => (short as usize, 2),
    };
    let mask = if second & 0x80 != 0 {
        let key = *buf.get(start..)?.first_chunk::<4>()?;
        start += 4;
        Some(key)
    } else {
        None
    };
    let end = start.checked_add(len)?;
    (buf.len() >= end).then_some(Frame { opcode: first & 0x0f, mask, start, end })
}

/// Appends a whole frame; `mask` is what a client must send.
pub(crate) fn write(out: &mut Vec<u8>, opcode: u8, mask: Option<[u8; 4]>, payload: &[u8]) {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        len @ 0..126 => out.push(bit | len as u8),
        len @ 126..65_536 => {
            out.push(bit | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(bit | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    match mask {
        None => out.extend_from_slice(payload),
        Some(key) => {
            out.extend_from_slice(&key);
            out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_parses_at_every_length_form() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
                let mut buf = Vec::new();
                write(&mut buf, TEXT, mask, &payload);
                for cut in 0..buf.len().min(16) {
                    assert_eq!(parse(&buf[..cut]), None, "{len} cut at {cut}");
                }
                let frame = parse(&buf).expect("whole");
                let key = mask.unwrap_or_default();
                let clear: Vec<u8> =
                    buf[frame.start..frame.end].iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k).collect();
                assert_eq!((frame.opcode, frame.mask, clear), (TEXT, mask, payload));
                assert_eq!(frame.end, buf.len());
            }
        }
    }
}
