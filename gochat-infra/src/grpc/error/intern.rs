//! Names that came over the wire, as the `&'static str` that core's errors hold.

use std::collections::HashSet;
use std::sync::LazyLock;

use parking_lot::Mutex;

/// Most names that are kept for good, and most bytes of one: what a peer can make us keep.
const NAMES_MAX: usize = 1_024;
const BYTES_MAX: usize = 128;

static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The name, kept for good; `None` when it is too long, or there are too many. Programs have few: they stand in their
/// sources.
pub(super) fn intern(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > BYTES_MAX {
        return None;
    }
    let mut names = NAMES.lock();
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    if names.len() >= NAMES_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(name.into());
    names.insert(kept);
    Some(kept)
}
