//! One suite for each port: what every adapter must do, asked of the adapter.
//!
//! A case is a private function, listed once in its module; [`conformance_tests!`](crate::conformance_tests) makes each a
//! named test on a fresh adapter, in the adapter's own test crate (which has `tokio` with `macros`, `rt` and `time`):
//!
//! ```
//! use std::sync::Arc;
//!
//! use gochat_core::ports::Sequencer;
//! use gochat_core::testing::conformance::{Fixture, Stores};
//! use gochat_core::testing::{Memory as MyStore, MemorySequencer as MySequencer};
//!
//! async fn fresh() -> Fixture {
//!     Fixture::new(Stores::all(Arc::new(MyStore::new())))
//! }
//!
//! // All seven stores at once, or each by its name: `users`, `friends`, `logins`, `conversations`, `directory`, `groups`,
//! // `messages`.
//! gochat_core::conformance_tests!(stores, fresh());
//! gochat_core::conformance_tests!(sequencer, async { Arc::new(MySequencer::new()) as Arc<dyn Sequencer> });
//! # fn main() {}
//! ```
//!
//! An attribute may come first, such as `#[ignore = "needs a server"]`.
//!
//! | name | what the expression gives |
//! | --- | --- |
//! | the seven stores | [`Fixture`] |
//! | `sequencer`, `dedup`, `sessions`, `hasher`, `ids`, `secrets`, `clock` | `Arc<dyn` of the port `>` |
//! | `tokens` | [`TokensFixture`] |
//! | `deliver` | [`DeliverFixture`] |
//! | `upstream` | [`UpstreamFixture`] |
//! | `outbox` | [`OutboxFixture`] |
//! | `push` | [`PushFixture`] |
//! | `moderator` | [`ModeratorFixture`] |

macro_rules! cases {
    (($d:tt) $macro:ident, $fixture:ty: $($case:ident),+ $(,)?) => {
        /// The names of the cases, for a runner that makes its tests itself: one that asks for a server first.
        #[doc(hidden)]
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        /// Runs one case, by its name.
        ///
        /// # Panics
        /// When the adapter fails the case, or there is no such case.
        #[doc(hidden)]
        pub async fn run(case: &str, fixture: $fixture) {
            let case: std::pin::Pin<Box<dyn Future<Output = ()>>> = match case {
                $(stringify!($case) => Box::pin($case(fixture)),)+
                _ => panic!("no case {case}"),
            };
            case.await;
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($d run:path, $d make:expr, $d(#[$d attr:meta])*) => {
                $(
                    $d(#[$d attr])*
                    #[::tokio::test]
                    async fn $case() {
                        let case = async { $d run(stringify!($case), $d make.await).await };
                        let done = ::tokio::time::timeout(::std::time::Duration::from_secs(60), case).await;
                        assert!(done.is_ok(), "the adapter did not answer within a minute");
                    }
                )+
            };
        }
    };
}

pub mod clock;
pub mod conversations;
pub mod dedup;
pub mod deliver;
pub mod directory;
pub mod fixture;
pub mod friends;
pub mod groups;
pub mod hasher;
pub mod ids;
pub mod logins;
pub mod messages;
pub mod moderator;
pub mod outbox;
pub mod push;
pub mod secrets;
pub mod sequencer;
pub mod sessions;
pub mod tokens;
pub mod upstream;
pub mod users;

pub use deliver::{DeliverFixture, Got, Inbox, Wire};
pub use fixture::{Fixture, Reopen, Stores};
pub use moderator::{ModeratorFixture, Rulings};
pub use outbox::OutboxFixture;
pub use push::{PushFixture, Receiver};
pub use tokens::TokensFixture;
pub use upstream::{Downstream, UpstreamFixture};

/// Makes each case of a port's suite a test of its own; see [`testing::conformance`](crate::testing::conformance).
#[macro_export]
macro_rules! conformance_tests {
    ($(#[$attr:meta])* stores, $make:expr) => {
        $crate::conformance_tests!($(#[$attr])* users, $make);
        $crate::conformance_tests!($(#[$attr])* friends, $make);
        $crate::conformance_tests!($(#[$attr])* logins, $make);
        $crate::conformance_tests!($(#[$attr])* conversations, $make);
        $crate::conformance_tests!($(#[$attr])* directory, $make);
        $crate::conformance_tests!($(#[$attr])* groups, $make);
        $crate::conformance_tests!($(#[$attr])* messages, $make);
    };
    ($(#[$attr:meta])* users, $make:expr) => {
        $crate::__conformance!(users, __conformance_users, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* friends, $make:expr) => {
        $crate::__conformance!(friends, __conformance_friends, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* logins, $make:expr) => {
        $crate::__conformance!(logins, __conformance_logins, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* conversations, $make:expr) => {
        $crate::__conformance!(conversations, __conformance_conversations, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* directory, $make:expr) => {
        $crate::__conformance!(directory, __conformance_directory, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* groups, $make:expr) => {
        $crate::__conformance!(groups, __conformance_groups, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* messages, $make:expr) => {
        $crate::__conformance!(messages, __conformance_messages, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* sequencer, $make:expr) => {
        $crate::__conformance!(sequencer, __conformance_sequencer, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* dedup, $make:expr) => {
        $crate::__conformance!(dedup, __conformance_dedup, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* sessions, $make:expr) => {
        $crate::__conformance!(sessions, __conformance_sessions, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* hasher, $make:expr) => {
        $crate::__conformance!(hasher, __conformance_hasher, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* tokens, $make:expr) => {
        $crate::__conformance!(tokens, __conformance_tokens, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* ids, $make:expr) => {
        $crate::__conformance!(ids, __conformance_ids, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* secrets, $make:expr) => {
        $crate::__conformance!(secrets, __conformance_secrets, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* clock, $make:expr) => {
        $crate::__conformance!(clock, __conformance_clock, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* deliver, $make:expr) => {
        $crate::__conformance!(deliver, __conformance_deliver, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* upstream, $make:expr) => {
        $crate::__conformance!(upstream, __conformance_upstream, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* push, $make:expr) => {
        $crate::__conformance!(push, __conformance_push, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* outbox, $make:expr) => {
        $crate::__conformance!(outbox, __conformance_outbox, $make, $(#[$attr])*);
    };
    ($(#[$attr:meta])* moderator, $make:expr) => {
        $crate::__conformance!(moderator, __conformance_moderator, $make, $(#[$attr])*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($module:ident, $macro:ident, $make:expr, $(#[$attr:meta])*) => {
        mod $module {
            #[allow(unused_imports, reason = "what makes the fixture stands outside")]
            use super::*;

            $crate::$macro!($crate::testing::conformance::$module::run, $make, $(#[$attr])*);
        }
    };
}
