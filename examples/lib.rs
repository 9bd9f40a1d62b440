//! Programs to copy from; each stands in a file of its own beside this one.
