//! Black-box acceptance suite for any implementation of the client contract.
fn main() {}
