//! Programs to copy from; each stands in a file of its own beside this one. Here is what the clients among them share, and
//! what the tests ask.

#[path = "client/http.rs"]
pub mod http;
#[path = "own_store/mod.rs"]
pub mod own_store;
#[path = "client/socket.rs"]
pub mod socket;
