//! Clock, identifiers, chance, and the supervisor of all tasks.
