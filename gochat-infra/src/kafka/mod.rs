//! Records between services.
