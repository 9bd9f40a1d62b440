//! The WebSocket half of the client contract.
