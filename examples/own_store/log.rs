//! A file of records that is never left half written.
//!
//! A record is its length and its checksum (4 bytes each, little-endian), then the payload. It is taken whole or not at all:
//! what a crash left half written at the end is cut off at opening. Damage elsewhere is an error, for what stands behind it
//! was acknowledged.

use std::fs::{File, OpenOptions, TryLockError, rename};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

/// Length and checksum.
const HEAD: usize = 8;

/// An open log. The file is locked: a second process would write over the first one's records.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
}

impl Log {
    /// Opens or makes the file; answers what is in it, too.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Vec<u8>>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => Error::new(ErrorKind::ResourceBusy, "another process has it open"),
            TryLockError::Error(e) => e,
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (records, end) = parse(&bytes)?;
        if end < bytes.len() {
            // Nobody was told that this is stored, and later records must not stand behind it. Kept aside: was it no crash but
            // a damaged length, somebody will want to look.
            std::fs::write(path.with_extension("torn"), &bytes[end..])?;
            file.set_len(end as u64)?;
        }
        file.sync_all()?;
        sync_folder(path)?; // a new file is there for good only when its folder is
        file.seek(SeekFrom::Start(end as u64))?;
        Ok((Self { file }, records))
    }

    /// Appends a record; on disk when this returns. After an error it is not known what the disk has: open it anew.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| Error::from(ErrorKind::FileTooLarge))?;
        let mut record = Vec::with_capacity(HEAD + payload.len());
        record.extend(length.to_le_bytes());
        record.extend(crc32fast::hash(payload).to_le_bytes());
        record.extend(payload);
        self.file.write_all(&record)?;
        self.file.sync_data()
    }

    /// Puts a file with these records in the place of the one at `path`; either is there, whatever happens.
    pub(super) fn replace(path: &Path, payloads: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        let beside = path.with_extension("new");
        if beside.exists() {
            std::fs::remove_file(&beside)?; // of a crash in the middle of this
        }
        let (mut log, _) = Self::open(&beside)?;
        for payload in payloads {
            log.append(&payload)?;
        }
        rename(&beside, path)?;
        sync_folder(path)?;
        Ok(log)
    }
}

/// The whole records, and where the last of them ends.
fn parse(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, usize)> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some((head, rest)) = bytes[at..].split_first_chunk::<HEAD>() {
        let [length, sum] = [&head[..4], &head[4..]]
            .map(|part| u32::from_le_bytes(part.try_into().expect("half of eight bytes is four")));
        let length = length as usize;
        match rest.get(..length) {
            Some(payload) if length > 0 && crc32fast::hash(payload) == sum => records.push(payload.to_vec()),
            // The last one, or room that the file system had made for it.
            Some(_) if length > 0 && length < rest.len() => {
                return Err(Error::new(ErrorKind::InvalidData, format!("the record at {at} is damaged")));
            }
            _ => break,
        }
        at += HEAD + length;
    }
    Ok((records, at))
}

fn sync_folder(path: &Path) -> Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
