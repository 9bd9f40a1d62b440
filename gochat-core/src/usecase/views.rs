//! Conversations and messages with the faces that clients show.
