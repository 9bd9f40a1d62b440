//! Friendships.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Friends`](service::Friends) over the ports.
#[derive(Debug)]
pub struct Friends {
    cx: Context,
}

impl Friends {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Friends for Friends {
    async fn befriend(&self, caller: &Caller, other: UserId) -> service::Result<NewFriend> {
        todo!()
    }

    async fn unfriend(&self, caller: &Caller, other: UserId) -> service::Result<()> {
        todo!()
    }

    async fn list(&self, caller: &Caller) -> service::Result<Vec<(Arc<User>, bool)>> {
        todo!()
    }

    async fn online(&self, caller: &Caller) -> service::Result<Vec<(UserId, bool)>> {
        todo!()
    }
}
