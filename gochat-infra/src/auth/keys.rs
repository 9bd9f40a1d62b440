//! The secrets that tokens are signed with, and the file they rest in.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Fewest bytes of a secret: the output of SHA-256, below which a key is the weakest part of HMAC (RFC 7518, 3.2).
const SECRET_MIN: usize = 32;

/// A secret could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file can't be read or made.
    #[error("can't use the key file {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of the file is none that is known.
    #[error("line {line} of the signing keys is neither `sign <secret>` nor `digest <secret>`")]
    Line {
        /// From 1.
        line: usize,
    },
    /// A secret is too short.
    #[error(
        "a signing secret has fewer than 32 bytes; use 64 random hexadecimal digits (openssl rand -hex 32)"
    )]
    Short,
    /// There is nothing to sign with.
    #[error("there is no signing secret")]
    Empty,
    /// The system gave no random bytes.
    #[error("the system has no random bytes to make a secret of")]
    Random,
}

/// A secret. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Box<[u8]>);

impl Secret {
    fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() < SECRET_MIN {
            return Err(KeyError::Short);
        }
        Ok(Self(bytes.into()))
    }

    pub(super) fn reveal(&self) -> &[u8] {
        &self.0
    }
}

/// The key ring: the first secret signs, all verify. A separate one makes digests, so that changing the signing secret ends
/// no login.
///
/// As text, one secret a line: `sign <secret>`, newest first, and `digest <secret>`. Lines that begin with `#` are
/// remarks. A secret is taken byte for byte. To rotate, put a new `sign` line on top and restart; drop the old one when the
/// tokens that it signed have expired. Without a `digest` line the last `sign` secret makes the digests.
#[derive(Clone)]
pub struct SigningKeys {
    pub(super) sign: Vec<Secret>,
    pub(super) digest: Secret,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({} secrets)", self.sign.len())
    }
}

impl SigningKeys {
    /// One secret for everything.
    ///
    /// # Errors
    /// It has fewer than 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyError> {
        let secret = Secret::new(secret)?;
        Ok(Self { sign: vec![secret.clone()], digest: secret })
    }

    /// Reads the text of a key file, or a bare secret (one line without a space).
    ///
    /// # Errors
    /// A line is unknown, a secret too short, or there is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bare = text.trim();
        if !bare.is_empty() && !bare.starts_with('#') && !bare.contains(char::is_whitespace) {
            return Self::from_secret(bare.as_bytes());
        }
        let (mut sign, mut digest) = (Vec::new(), None);
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(char::is_whitespace) {
                Some(("sign", secret)) => sign.push(Secret::new(secret.trim().as_bytes())?),
                Some(("digest", secret)) => digest = Some(Secret::new(secret.trim().as_bytes())?),
                _ => return Err(KeyError::Line { line: at + 1 }),
            }
        }
        let last = sign.last().cloned().ok_or(KeyError::Empty)?;
        Ok(Self { sign, digest: digest.unwrap_or(last) })
    }

    /// Reads the file, or makes it with fresh secrets, readable by its owner only. One process at a time may do this in a
    /// folder.
    ///
    /// # Errors
    /// The file can't be read, made or understood.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let broken = |source| KeyError::Io { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let text = fresh()?;
                write_whole(path, &text).map_err(broken)?;
                Self::parse(&text)
            }
            Err(e) => Err(broken(e)),
        }
    }
}

/// The text of a new key file.
fn fresh() -> Result<String, KeyError> {
    let mut text = String::from(
        "# Secrets of this server: whoever has them can sign in as anybody. Keep the file private.\n\
         # To rotate, put a new `sign` line above the old one and restart.\n",
    );
    for name in ["sign", "digest"] {
        let mut bytes = [0; SECRET_MIN];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
        text.push_str(name);
        text.push(' ');
        for byte in bytes {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
    }
    Ok(text)
}

/// Writes a file so that it is there whole, durably and privately, or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // Left over from a crash: what is in it was never used.
    if let Err(e) = fs::remove_file(&unfinished)
        && e.kind() != io::ErrorKind::NotFound
    {
        return Err(e);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        // The name is durable when the folder is.
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn made_once_private_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        let made = SigningKeys::load_or_create(&path).expect("made");
        let read = SigningKeys::load_or_create(&path).expect("read");
        assert!(made.sign == read.sign && made.digest == read.digest);
        assert!(made.sign[0] != made.digest);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
        let other = SigningKeys::load_or_create(&folder.path().join("others")).expect("made");
        assert!(other.sign != made.sign);
    }

    #[test]
    fn a_left_over_file_is_no_hindrance_and_a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("keys.new"), "half").expect("written");
        assert!(SigningKeys::load_or_create(&folder.path().join("keys")).is_ok());
        let error = SigningKeys::load_or_create(&folder.path().join("none/keys")).expect_err("no folder");
        assert!(matches!(error, KeyError::Io { .. }), "{error}");
    }

    #[test]
    fn rings_and_bare_secrets() {
        let ring = SigningKeys::parse(&format!("# remark\n\nsign {A}\n  sign {B}\n")).expect("a ring");
        assert_eq!(ring.sign.iter().map(Secret::reveal).collect::<Vec<_>>(), [A.as_bytes(), B.as_bytes()]);
        assert_eq!(ring.digest.reveal(), B.as_bytes());
        let bare = SigningKeys::parse(&format!("{A}\n")).expect("a secret");
        assert_eq!(bare.sign[0].reveal(), A.as_bytes());
    }

    #[test]
    fn what_is_wrong_is_named_without_showing_it() {
        for (text, want) in [
            ("", "there is no signing secret"),
            ("# only a remark", "there is no signing secret"),
            ("sign short", "fewer than 32 bytes"),
            ("short", "fewer than 32 bytes"),
            ("sign 0123456789abcdef0123456789abcdef\nseal x", "line 2"),
        ] {
            let error = SigningKeys::parse(text).expect_err(text).to_string();
            assert!(error.contains(want), "{text:?}: {error}");
            assert!(!error.contains("0123456789"), "{error}");
        }
        let shown = format!("{:?}", SigningKeys::parse(A).expect("a secret"));
        assert_eq!(shown, "SigningKeys(1 secrets)");
    }
}
