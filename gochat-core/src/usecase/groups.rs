//! Groups and the rights in them.

use std::sync::Arc;

use async_trait::async_trait;
use slog::Logger;

use super::context::Context;
use crate::Settings;
use crate::model::*;
use crate::ports::*;
use crate::service::{self, *};

/// The service [`Groups`](service::Groups) over the ports.
#[derive(Debug)]
pub struct Groups {
    cx: Context,
}

impl Groups {
    /// Makes the service.
    #[must_use]
    pub fn new(ports: Ports, settings: Arc<Settings>, log: Logger) -> Self {
        Self { cx: Context { ports, settings, log } }
    }
}

#[async_trait]
impl service::Groups for Groups {
    async fn create(&self, caller: &Caller, new: GroupCreation) -> service::Result<GroupDetail> {
        todo!()
    }

    async fn get(&self, caller: &Caller, id: ConversationId) -> service::Result<GroupDetail> {
        todo!()
    }

    async fn members(
        &self,
        caller: &Caller,
        id: ConversationId,
        after: Option<UserId>,
        limit: Option<u32>,
    ) -> service::Result<MemberPage> {
        todo!()
    }

    async fn update(
        &self,
        caller: &Caller,
        id: ConversationId,
        change: GroupChange,
    ) -> service::Result<GroupDetail> {
        todo!()
    }

    async fn dissolve(&self, caller: &Caller, id: ConversationId) -> service::Result<()> {
        todo!()
    }

    async fn add(
        &self,
        caller: &Caller,
        id: ConversationId,
        users: &[UserId],
    ) -> service::Result<GroupDetail> {
        todo!()
    }

    async fn remove(&self, caller: &Caller, id: ConversationId, user: UserId) -> service::Result<()> {
        todo!()
    }

    async fn change_member(
        &self,
        caller: &Caller,
        id: ConversationId,
        user: UserId,
        change: MemberChange,
    ) -> service::Result<MemberView> {
        todo!()
    }
}
