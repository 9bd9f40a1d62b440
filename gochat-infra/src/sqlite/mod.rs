//! Storage in an SQLite file.
