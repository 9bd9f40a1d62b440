//! Programs to copy from; each stands in a file of its own beside this one. Here is what the clients among them share.

#[path = "client/http.rs"]
pub mod http;
#[path = "client/socket.rs"]
pub mod socket;
