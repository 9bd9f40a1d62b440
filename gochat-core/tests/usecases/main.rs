//! The use cases over in-memory ports: what each answers, refuses and tells, and what happens when two meet.
//!
//! An adapter that carries services elsewhere runs the same tests over its own [`connect`].

mod accounts;
mod conversations;
mod costs;
mod failures;
mod friends;
mod groups;
mod groups_races;
mod groups_ranks;
mod hooks;
mod house;
mod logins;
mod messages;
mod mixing;
mod outbox;
mod presences;
mod profiles;
mod telling;

/// What stands between the tests and the services.
#[derive(Debug)]
struct Line;

/// Nothing: they are in the same process.
fn connect(services: gochat_core::service::Services) -> (gochat_core::service::Services, Line) {
    (services, Line)
}
