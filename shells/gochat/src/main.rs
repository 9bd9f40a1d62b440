//! GoChat in one process.
fn main() {}
