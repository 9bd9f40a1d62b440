//! MySQL storage does what every port's suite asks.

fn main() {}
