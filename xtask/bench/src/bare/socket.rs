//! One connection of the bare server: what it has read and not used, what it has to write.

use std::io::{self, ErrorKind, Write};

use mio::net::TcpStream;

pub(crate) enum Phase {
    Request,
    Open { room: usize },
}

pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    pub(crate) phase: Phase,
    /// The front of a frame whose end hasn't come yet.
    pub(crate) rest: Vec<u8>,
    pub(crate) out: Vec<u8>,
    /// Whether the turn's list holds it.
    pub(crate) marked: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, phase: Phase::Request, rest: Vec::new(), out: Vec::new(), marked: false }
    }

    pub(crate) fn mark(&mut self, at: usize, list: &mut Vec<usize>) {
        if !self.marked {
            self.marked = true;
            list.push(at);
        }
    }

    /// Writes `bytes` past an empty `out`, and keeps what the kernel doesn't take.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = write_some(&mut self.stream, bytes)?;
        self.out.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Writes what is queued.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let taken = write_some(&mut self.stream, &self.out)?;
        self.out.drain(..taken);
        // An idle socket holds no buffer.
        if self.out.is_empty() && self.out.capacity() > 64 * 1024 {
            self.out = Vec::new();
        }
        Ok(())
    }
}

fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Ok(taken) => Ok(taken),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}
