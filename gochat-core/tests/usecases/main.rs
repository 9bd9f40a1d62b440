//! The use cases over in-memory ports: what each answers, refuses and tells, and what happens when two meet.

mod accounts;
mod conversations;
mod costs;
mod failures;
mod friends;
mod groups;
mod groups_races;
mod groups_ranks;
mod house;
mod logins;
mod messages;
mod mixing;
mod presences;
mod profiles;
mod telling;
