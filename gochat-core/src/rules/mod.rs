//! Decisions without I/O: each is a function of what it is given, times included.

pub mod arrivals;
pub mod fields;
pub mod groups;
pub mod names;
pub mod paging;
pub mod presence;
pub mod recall;
pub mod tokens;
pub mod typing;
