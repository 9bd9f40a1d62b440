//! What needs control of the server's process: starting, stopping, killing, its settings, its disk.
//!
//! Knows the program's command line (`--listen`, `--data`, `--set`), and nothing else of how it was made.

use crate::case::Case;

mod crash;
mod disk;
mod drain;
mod server;
mod settings;
mod start;

pub use disk::can_mount;

/// Every case. `mounts`: whether this machine lets us mount a small file system; without, those report ignored.
pub fn all(mounts: bool) -> Vec<Case> {
    let areas = [start::cases(), drain::cases(), settings::cases(), crash::cases(), disk::cases()];
    let mut all: Vec<Case> = areas.into_iter().flatten().map(|case| case.within(240)).collect();
    for case in &mut all {
        case.later = !mounts && case.name == disk::NEEDS_MOUNT;
    }
    all
}
