//! The one pipeline that every message goes through.
