//! Calls between services.
