//! The business rules of GoChat.
