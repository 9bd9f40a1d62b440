//! Clients that mean harm, or are broken: others must not notice, and the server must be well afterwards.

use crate::case::Case;

mod floods;
mod garbage;
mod slow;

/// All of them have the server to themselves and some time.
pub(crate) fn cases() -> Vec<Case> {
    let all = [garbage::cases(), slow::cases(), floods::cases()];
    all.into_iter().flatten().map(|case| case.alone().within(180)).collect()
}
