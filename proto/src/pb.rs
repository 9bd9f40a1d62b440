//! Protobuf: generated from the files in `proto/`, where every field is described.
#![allow(clippy::all, unused_qualifications, reason = "generated")]

mod secrets;

/// The model.
pub mod types {
    /// Version 1.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gochat.types.v1.rs"));
    }
}

/// Records on Kafka.
pub mod events {
    /// Version 1.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gochat.events.v1.rs"));
    }
}

/// The services of im-repo.
pub mod repo {
    /// Version 1.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gochat.repo.v1.rs"));
    }
}

/// The services of im-logic.
pub mod logic {
    /// Version 1.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gochat.logic.v1.rs"));
    }
}

/// All files, encoded as a `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gochat.bin"));
