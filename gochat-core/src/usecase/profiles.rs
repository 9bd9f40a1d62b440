//! Users as others see them.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Profiles`](service::Profiles) over the ports.
#[derive(Debug)]
pub struct Profiles {
    cx: Context,
}

impl Profiles {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Profiles for Profiles {
    async fn by_ids(&self, ids: &[UserId]) -> service::Result<Vec<Option<Arc<User>>>> {
        todo!()
    }

    async fn by_name(&self, name: &str) -> service::Result<Arc<User>> {
        todo!()
    }

    async fn search(
        &self,
        caller: &Caller,
        query: &str,
        limit: Option<u32>,
    ) -> service::Result<Vec<Arc<User>>> {
        todo!()
    }

    async fn update(&self, caller: &Caller, change: ProfileChange) -> service::Result<Arc<User>> {
        todo!()
    }
}
