//! The keys that take one of a few words, and those.

use super::raw::Raw;
use super::setting::{Setting, choice, quoted};

choice! {
    /// Who may write to whom.
    WritePolicy {
        /// Anybody to anybody.
        Anyone = "anyone",
        /// Friends only.
        Friends = "friends",
    }
}

choice! {
    /// Who may add members to a group.
    AddMembers {
        /// Every member.
        Member = "member",
        /// Its owner and admins.
        Admin = "admin",
    }
}

choice! {
    /// How records of Kafka are packed.
    Compression {
        /// Not at all.
        None = "none",
        /// Quick.
        Lz4 = "lz4",
        /// Small.
        Zstd = "zstd",
    }
}

choice! {
    /// What log records look like.
    LogFormat {
        /// For people.
        Terminal = "terminal",
        /// For programs.
        Json = "json",
    }
}

choice! {
    /// Importance of log records.
    LogLevel {
        /// The program can't go on.
        Critical = "critical",
        /// A fault of ours.
        Error = "error",
        /// Something to look at.
        Warning = "warning",
        /// What happens.
        Info = "info",
        /// Clients' mistakes and details.
        Debug = "debug",
        /// Everything; only in builds without optimisation.
        Trace = "trace",
    }
}

choice! {
    /// Who may read the counters.
    MetricsAccess {
        /// This machine.
        Loopback = "loopback",
        /// Everybody.
        All = "all",
        /// Nobody.
        Off = "off",
    }
}
