//! A cached value: its format's version, a checksum over its key and content, and the content.

/// The format of today. Values of another are as good as missing.
const VERSION: u8 = 1;
const HEAD: usize = 5;

/// What was found is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rotten;

/// Wraps a content for its key.
pub(super) fn seal(key: &str, content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEAD + content.len());
    sealed.push(VERSION);
    sealed.extend(checksum(key, content).to_le_bytes());
    sealed.extend(content);
    sealed
}

/// The content of a value; `None` for one of another version's format.
pub(super) fn open<'a>(key: &str, sealed: &'a [u8]) -> Result<Option<&'a [u8]>, Rotten> {
    match sealed.split_first_chunk::<HEAD>() {
        Some(([VERSION, sum @ ..], content)) if *sum == checksum(key, content).to_le_bytes() => {
            Ok(Some(content))
        }
        Some(([VERSION, ..], _)) | None => Err(Rotten),
        Some(_) => Ok(None),
    }
}

fn checksum(key: &str, content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(key.as_bytes());
    sum.update(&[0]);
    sum.update(content);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        for content in [&b""[..], b"a", b"some content"] {
            let sealed = seal("key", content);
            assert_eq!(open("key", &sealed), Ok(Some(content)));
            assert_eq!(open("kez", &sealed), Err(Rotten), "of another key");
            for at in 1..sealed.len() {
                let mut rotten = sealed.clone();
                rotten[at] ^= 1;
                assert_eq!(open("key", &rotten), Err(Rotten), "byte {at}");
            }
            assert_eq!(open("key", &sealed[..sealed.len() - 1]), Err(Rotten), "cut short");
            let mut newer = sealed;
            newer[0] = VERSION + 1;
            assert_eq!(open("key", &newer), Ok(None));
        }
    }
}
