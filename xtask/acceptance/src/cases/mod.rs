//! The suite, one module for each area of the contract.

use crate::case::Case;

mod common;
mod conversations;
mod cors;
mod crowds;
mod groups;
mod guests;
mod login;
mod messages;
mod paging;
mod people;
mod recall;
mod register;
mod rights;
mod sync;
mod unread;

/// Cases that count who is online, or load the server: the server is theirs alone.
const ALONE: [&str; 1] = ["conversations::world_counts_who_is_online"];

/// Every case, in the order of the contract.
pub fn all() -> Vec<Case> {
    let areas = [
        common::cases(),
        cors::cases(),
        register::cases(),
        login::cases(),
        people::cases(),
        guests::cases(),
        conversations::cases(),
        messages::cases(),
        paging::cases(),
        unread::cases(),
        sync::cases(),
        groups::cases(),
        rights::cases(),
        crowds::cases(),
        recall::cases(),
    ];
    let alone = |case: Case| if ALONE.contains(&case.name) { case.alone() } else { case };
    areas.into_iter().flatten().map(alone).collect()
}
