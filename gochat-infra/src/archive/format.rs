//! What an object is: gzip of lines of JSON, so that it can be read without us. The first line says what it is, each other
//! one is the content of a message.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use gochat_core::model::{ConversationId, Message, Seq};
use serde::{Deserialize, Serialize};

use crate::message_row::checksum;

const FORMAT: &str = "gochat-archive";
const VERSION: u32 = 1;
/// No object holds more, whatever it says: six times the most that goes into one, for what JSON escapes.
const UNPACKED_MAX: u64 = 128 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u32,
    conversation: u64,
    first_seq: u64,
    last_seq: u64,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: u64,
    id: u64,
    checksum: u32,
    content: Cow<'a, str>,
    attachment: Option<Cow<'a, str>>,
}

/// The content of one message.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) text: Arc<str>,
    pub(crate) attachment: Option<Arc<str>>,
    checksum: u32,
}

/// The contents of one object.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) conversation: ConversationId,
    contents: HashMap<Seq, Content>,
}

impl Sheet {
    /// Puts the content back into a message whose row says `wanted`; what is wrong, where it is not that message's.
    pub(crate) fn restore(&self, message: &mut Message, wanted: u32) -> Result<(), String> {
        let bad =
            |what: &str| format!("message {} of conversation {}: {what}", message.id, message.conversation);
        let content = self.contents.get(&message.seq).filter(|_| self.conversation == message.conversation);
        let content = content.ok_or_else(|| bad("its content is not in the archive"))?;
        let mut whole = message.clone();
        whole.body.content = Arc::clone(&content.text);
        whole.body.attachment.clone_from(&content.attachment);
        if content.checksum != wanted || checksum(&whole) != wanted {
            return Err(bad("its content in the archive is another one"));
        }
        *message = whole;
        Ok(())
    }

    /// About how much memory it takes.
    pub(crate) fn weight(&self) -> u64 {
        let bytes = |c: &Content| c.text.len() + c.attachment.as_deref().map_or(0, str::len) + 128;
        self.contents.values().map(bytes).sum::<usize>() as u64
    }
}

/// An object with the contents of messages, all of `conversation` and from `first` to `last`. The same messages make the
/// same bytes.
pub(crate) fn encode(
    conversation: ConversationId,
    (first, last): (Seq, Seq),
    messages: &[Message],
) -> Result<Vec<u8>, Error> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    let mut line = |bytes: Vec<u8>| out.write_all(&bytes).and_then(|()| out.write_all(b"\n"));
    line(serde_json::to_vec(&Head {
        format: FORMAT.to_owned(),
        version: VERSION,
        conversation: conversation.get(),
        first_seq: first.get(),
        last_seq: last.get(),
        count: messages.len() as u64,
    })?)?;
    for message in messages {
        line(serde_json::to_vec(&Line {
            seq: message.seq.get(),
            id: message.id.get(),
            checksum: checksum(message),
            content: Cow::Borrowed(&message.body.content),
            attachment: message.body.attachment.as_deref().map(Cow::Borrowed),
        })?)?;
    }
    out.finish()
}

/// The contents of an object, or what is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Sheet, String> {
    let unpacked = BufReader::new(GzDecoder::new(bytes).take(UNPACKED_MAX));
    let mut lines = unpacked.lines().map(|line| line.map_err(|e| e.to_string()));
    let head = lines.next().ok_or("it is empty")??;
    let head: Head = serde_json::from_str(&head).map_err(|e| format!("its first line: {e}"))?;
    if head.format != FORMAT || head.version != VERSION {
        return Err(format!("it is {} {}, and not {FORMAT} {VERSION}", head.format, head.version));
    }
    let conversation = ConversationId::new(head.conversation).ok_or("it is of no conversation")?;
    let mut contents = HashMap::new();
    for line in lines {
        let line = line?;
        let line: Line<'_> = serde_json::from_str(&line).map_err(|e| format!("a line of it: {e}"))?;
        let Line { seq, checksum, content, attachment, .. } = line;
        let (text, attachment) = (content.into(), attachment.map(Into::into));
        if !(head.first_seq..=head.last_seq).contains(&seq) {
            return Err(format!(
                "it has message {seq}, which is not from {} to {}",
                head.first_seq, head.last_seq
            ));
        }
        contents.insert(Seq::new(seq), Content { text, attachment, checksum });
    }
    if contents.len() as u64 != head.count {
        return Err(format!("it has {} contents of {}", contents.len(), head.count));
    }
    Ok(Sheet { conversation, contents })
}

#[cfg(test)]
mod tests {
    use gochat_core::model::{ClientMsgId, MessageBody, MessageId, MessageKind, Timestamp, UserId};
    use proptest::prelude::*;

    use super::*;

    fn message(seq: u64, content: &str, attachment: Option<&str>) -> Message {
        let mut body = MessageBody::text(content);
        body.kind = MessageKind::ALL[seq as usize % MessageKind::ALL.len()];
        body.attachment = attachment.map(Into::into);
        Message {
            id: MessageId::new(100 + seq).expect("in range"),
            conversation: ConversationId::new(5).expect("in range"),
            seq: Seq::new(seq),
            sender: UserId::new(9).expect("in range"),
            client_msg_id: ClientMsgId::new("c-1").expect("a good id"),
            body,
            sent_at: Timestamp::from_millis(1_700_000_000_000),
            edited_at: None,
            recalled: None,
        }
    }

    fn object(messages: &[Message]) -> Vec<u8> {
        let last = messages.last().expect("some").seq;
        encode(messages[0].conversation, (messages[0].seq, last), messages).expect("memory takes all")
    }

    fn emptied(message: &Message) -> Message {
        let mut stub = message.clone();
        (stub.body.content, stub.body.attachment) = ("".into(), None);
        stub
    }

    proptest! {
        /// Any text, of any language, with control characters and line ends, comes back to the byte.
        #[test]
        fn contents_come_back(texts in proptest::collection::vec(("\\PC*|[\\x00-\\x1f\\n]{0,9}", proptest::option::of(".*")), 1..20)) {
            let messages: Vec<_> =
                texts.iter().zip(1..).map(|((text, more), seq)| message(seq, text, more.as_deref())).collect();
            let sheet = decode(&object(&messages)).expect("what was written");
            for whole in &messages {
                let mut stub = emptied(whole);
                sheet.restore(&mut stub, checksum(whole)).expect("its own");
                prop_assert_eq!(&stub, whole);
            }
        }

        /// Not every byte of gzip's head means something; but what is read is what was written, or an error.
        #[test]
        fn a_flipped_bit_never_makes_another_content(at in 0_usize..10_000, bit in 0_u8..8) {
            let whole = message(1, "h\u{e9}llo \u{1f600}", Some("{}"));
            let mut bytes = object(std::slice::from_ref(&whole));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let mut stub = emptied(&whole);
            if decode(&bytes).and_then(|sheet| sheet.restore(&mut stub, checksum(&whole))).is_ok() {
                prop_assert_eq!(stub, whole);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn another_messages_content_is_refused() {
        let (one, two) = (message(1, "one", None), message(2, "two", None));
        let sheet = decode(&object(std::slice::from_ref(&one))).expect("what was written");
        let mut stub = emptied(&two);
        assert!(sheet.restore(&mut stub, checksum(&two)).expect_err("not there").contains("message 102"));
        let mut stub = emptied(&one);
        sheet.restore(&mut stub, checksum(&two)).expect_err("another one");
        assert_eq!(stub, emptied(&one), "nothing half restored");
    }

    #[test]
    fn half_an_object_and_another_format_are_refused() {
        let whole = object(&[message(1, "one", None), message(2, "two", None)]);
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "{end} bytes");
        }
        let mut other = GzEncoder::new(Vec::new(), Compression::default());
        let head = br#"{"format":"gochat-archive","version":2,"conversation":5,"first_seq":1,"last_seq":1,"count":0}"#;
        other.write_all(head).expect("memory takes all");
        let other = other.finish().expect("memory takes all");
        assert!(decode(&other).expect_err("newer").contains("gochat-archive 2"));
    }
}
