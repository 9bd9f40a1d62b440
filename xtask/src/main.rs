//! The development commands of GoChat.
fn main() {}
