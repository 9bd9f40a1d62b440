//! The suite, one module for each area of the contract.

use crate::case::Case;

mod common;
mod conversations;
mod cors;
mod crowds;
mod gateways;
mod group_events;
mod groups;
mod guests;
mod hostile;
mod later;
mod login;
mod messages;
mod order;
mod paging;
mod people;
mod recall;
mod register;
mod rights;
mod sizes;
mod storm;
mod sync;
mod texts;
mod unread;
pub(crate) mod walk;
mod ws_connect;
mod ws_events;
mod ws_frames;
mod ws_send;
mod ws_sync;

/// Cases that count who is online, or compare times: the server is theirs alone.
const ALONE: [&str; 2] =
    ["conversations::world_counts_who_is_online", "login::wrong_credentials_take_the_same_time"];

/// Every case, in the order of the contract.
pub fn all() -> Vec<Case> {
    let areas = [
        common::cases(),
        sizes::cases(),
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
        group_events::cases(),
        rights::cases(),
        crowds::cases(),
        gateways::cases(),
        recall::cases(),
        ws_connect::cases(),
        ws_send::cases(),
        ws_events::cases(),
        ws_frames::cases(),
        ws_sync::cases(),
        order::cases(),
        texts::cases(),
        walk::cases(),
        storm::cases(),
    ];
    let alone = |case: Case| if ALONE.contains(&case.name) { case.alone() } else { case };
    let mut all: Vec<Case> = areas.into_iter().flatten().map(alone).collect();
    all.extend(hostile::cases());
    all.extend(later::cases().into_iter().map(Case::later));
    all
}
