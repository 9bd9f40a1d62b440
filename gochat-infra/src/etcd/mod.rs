//! Who is there: registration, discovery, node ids, live configuration; all of it in etcd.
//!
//! - [`Registration`] tells the others where this instance is, for as long as it lives.
//! - [`Discovery`] tells where the instances of a service are, as a value that changes.
//! - [`NodeIds`] makes identifiers that no other process makes, whatever happens to leases, clocks and networks.
//! - [`ConfigWatch`] gives the text of the settings that operators change while services run.
//!
//! Everything goes on with what it knew while etcd is away, and mends itself when it is back. This room knows nothing of what
//! the services do.

mod client;
mod config;
mod discovery;
mod error;
mod follow;
mod ids;
mod lease;
mod names;
mod node;
mod registry;

pub use client::{Etcd, EtcdConfig, EtcdUser};
pub use config::{ConfigWatch, LiveText};
pub use discovery::{Discovery, Instances};
pub use error::{EtcdError, EtcdFault};
pub use names::{BadName, InstanceId, ServiceName};
pub use node::{NodeIds, NodeOptions, NodeState};
pub use registry::{Instance, Registration};
