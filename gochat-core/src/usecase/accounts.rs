//! Accounts and logins.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Accounts`](service::Accounts) over the ports.
#[derive(Debug)]
pub struct Accounts {
    cx: Context,
}

impl Accounts {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Accounts for Accounts {
    async fn register(&self, new: Registration) -> service::Result<Arc<User>> {
        todo!()
    }

    async fn login(&self, username: &str, password: &str) -> service::Result<LoginGrant> {
        todo!()
    }

    async fn guest(&self, name: &str) -> service::Result<LoginGrant> {
        todo!()
    }

    async fn refresh(&self, refresh_token: &str) -> service::Result<LoginGrant> {
        todo!()
    }

    async fn logout(&self, access_token: &str) -> service::Result<()> {
        todo!()
    }

    async fn authenticate(&self, access_token: &str) -> service::Result<Caller> {
        todo!()
    }

    async fn adopt(&self, external: &str, name: &str) -> service::Result<LoginGrant> {
        todo!()
    }
}
