//! One room of the bare server: its members, and the frames of this loop turn as they will be on the wire.

use super::Fault;

#[derive(Default)]
pub(crate) struct Room {
    pub(crate) members: Vec<usize>,
    pub(crate) last_seq: u64,
    /// The turn's deliveries, one after the other: most sockets get exactly these bytes.
    pub(crate) frames: Vec<u8>,
    /// Who sent which of them: `(socket, where its frame begins)`.
    pub(crate) senders: Vec<(usize, usize)>,
    pub(crate) marked: bool,
}

impl Room {
    pub(crate) fn is_sender(&self, socket: usize) -> bool {
        self.senders.iter().any(|(sender, _)| *sender == socket)
    }

    /// Appends all frames but those that `socket` sent.
    pub(crate) fn append_others(&self, socket: usize, out: &mut Vec<u8>) {
        for (index, (sender, start)) in self.senders.iter().enumerate() {
            if *sender != socket {
                let end = self.senders.get(index + 1).map_or(self.frames.len(), |(_, next)| *next);
                out.extend_from_slice(&self.frames[*start..end]);
            }
        }
    }

    pub(crate) fn finish_turn(&mut self) {
        self.marked = false;
        self.frames.clear();
        self.senders.clear();
    }

    /// Spoils the frame from `start` on, if it is one of those to spoil.
    pub(crate) fn damage(&mut self, fault: Fault, start: usize) {
        if !self.last_seq.is_multiple_of(1000) {
            return;
        }
        match fault {
            Fault::Drop => self.frames.truncate(start),
            Fault::Double => self.frames.extend_from_within(start..),
            Fault::Swap => {
                if let Some((_, before)) = self.senders.iter().rev().nth(1) {
                    let len = self.frames.len() - start;
                    self.frames[*before..].rotate_right(len);
                }
            }
        }
    }
}
