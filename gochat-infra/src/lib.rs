//! Adapters of GoChat.
