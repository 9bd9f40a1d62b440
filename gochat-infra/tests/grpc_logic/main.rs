//! The services of core over gRPC: the use cases' own tests with a network in between, and what only a network can do.
#![cfg(feature = "grpc")]

#[path = "../../../gochat-core/tests/usecases/accounts.rs"]
mod accounts;
mod away;
#[path = "../../../gochat-core/tests/usecases/conversations.rs"]
mod conversations;
#[path = "../../../gochat-core/tests/usecases/costs.rs"]
mod costs;
mod errors;
mod exact;
#[path = "../../../gochat-core/tests/usecases/failures.rs"]
mod failures;
#[path = "../../../gochat-core/tests/usecases/friends.rs"]
mod friends;
#[path = "../../../gochat-core/tests/usecases/groups.rs"]
mod groups;
#[path = "../../../gochat-core/tests/usecases/groups_races.rs"]
mod groups_races;
#[path = "../../../gochat-core/tests/usecases/groups_ranks.rs"]
mod groups_ranks;
mod hostile;
#[path = "../../../gochat-core/tests/usecases/house.rs"]
mod house;
mod line;
#[path = "../../../gochat-core/tests/usecases/logins.rs"]
mod logins;
#[path = "../../../gochat-core/tests/usecases/messages.rs"]
mod messages;
#[path = "../../../gochat-core/tests/usecases/mixing.rs"]
mod mixing;
#[path = "../../../gochat-core/tests/usecases/presences.rs"]
mod presences;
#[path = "../../../gochat-core/tests/usecases/profiles.rs"]
mod profiles;
mod secrets;
#[path = "../../../gochat-core/tests/usecases/telling.rs"]
mod telling;

use line::{Line, connect};
