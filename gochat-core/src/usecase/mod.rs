//! The services, implemented over the ports.
//!
//! Each use case reads, decides by [`rules`](crate::rules), writes, and then tells others. It costs a constant number of
//! port calls, however many members, conversations or messages it is about. Nothing here knows how bytes travel or rest.

mod context;
mod views;

pub mod accounts;
pub mod conversations;
pub mod friends;
pub mod groups;
pub mod messages;
pub mod presences;
pub mod profiles;

use std::sync::Arc;

use crate::Settings;
use crate::ports::Ports;
use crate::service::Services;

/// Makes all services over these ports.
#[must_use]
pub fn services(ports: &Ports, settings: Arc<Settings>, log: &slog::Logger) -> Services {
    let new = || (ports.clone(), Arc::clone(&settings), log.clone());
    let (p, s, l) = new();
    let accounts = Arc::new(accounts::Accounts::new(p, s, l));
    let (p, s, l) = new();
    let profiles = Arc::new(profiles::Profiles::new(p, s, l));
    let (p, s, l) = new();
    let friends = Arc::new(friends::Friends::new(p, s, l));
    let (p, s, l) = new();
    let conversations = Arc::new(conversations::Conversations::new(p, s, l));
    let (p, s, l) = new();
    let messages = Arc::new(messages::Messages::new(p, s, l));
    let (p, s, l) = new();
    let groups = Arc::new(groups::Groups::new(p, s, l));
    let (p, s, l) = new();
    let presences = Arc::new(presences::Presences::new(p, s, l));
    Services { accounts, profiles, friends, conversations, messages, groups, presences }
}
