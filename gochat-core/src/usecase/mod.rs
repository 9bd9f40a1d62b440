//! The services, implemented over the ports.
