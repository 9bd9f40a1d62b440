//! Load generator, bare reference server and report of the benchmark.
fn main() {}
