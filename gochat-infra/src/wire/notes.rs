//! Notes of changes.

use gochat_core::model::{Note, Timestamp};
use gochat_proto::pb::repo::v1 as pb;

use super::{Malformed, Wire, id, ids, number, numbers, optional_id};
use crate::note_row::NoteRow;

impl Wire for Note {
    type Pb = pb::Note;

    fn to_pb(&self) -> pb::Note {
        let row = NoteRow::of(&self.subject);
        pb::Note {
            id: self.id.get(),
            kind: row.as_ref().map_or(0, |row| i32::from(row.kind)),
            about_id: row.as_ref().map_or(0, |row| row.about),
            user_ids: row.as_ref().map(|row| numbers(&row.users)).unwrap_or_default(),
            actor_id: number(row.and_then(|row| row.actor)),
            at_ms: self.at.as_millis(),
        }
    }

    fn from_pb(pb: pb::Note) -> Result<Self, Malformed> {
        let row = NoteRow {
            kind: u8::try_from(pb.kind).map_err(|_| Malformed::new("note.kind"))?,
            about: pb.about_id,
            users: ids(&pb.user_ids, "note.user_ids")?,
            actor: optional_id(pb.actor_id, "note.actor_id")?,
        };
        Ok(Self {
            id: id(pb.id, "note.id")?,
            subject: row.subject().ok_or(Malformed::new("note.kind"))?,
            at: Timestamp::from_millis(pb.at_ms),
        })
    }
}
