//! The running chat.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gochat_core::model::{Caller, LoginGrant};
use gochat_core::ports::Ports;
use gochat_core::service::{Registration, Services};
use gochat_core::{Error, Settings};
use slog::Logger;

use super::builder::{BuildError, Builder};
use super::{Client, Feed};
use crate::hub::Hub;
use crate::runtime::{Shutdown, Supervisor};
use crate::sqlite::SqliteStore;

/// How long tasks may take to end when the host shuts the chat down without naming a time.
const GRACE: Duration = Duration::from_secs(10);

/// A chat inside this program. A handle: clones are the same chat.
#[derive(Clone)]
pub struct GoChat(Arc<Parts>);

pub(super) struct Parts {
    pub(super) ports: Ports,
    pub(super) services: Services,
    pub(super) hub: Hub,
    pub(super) feed: Feed,
    pub(super) supervisor: Supervisor,
    pub(super) settings: Arc<Settings>,
    pub(super) store: SqliteStore,
    pub(super) log: Logger,
}

impl fmt::Debug for GoChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoChat").field("hub", &self.0.hub).finish_non_exhaustive()
    }
}

impl GoChat {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Opens the chat in `folder`, with all defaults.
    ///
    /// # Errors
    /// See [`Builder::build`].
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::builder(folder).build().await
    }

    /// Begins to describe a chat in `folder`.
    #[must_use]
    pub fn builder(folder: impl AsRef<Path>) -> Builder {
        Builder::new(folder.as_ref())
    }

    /// Makes an account and logs it in.
    ///
    /// # Errors
    /// `Validation`, `UsernameTaken`.
    pub async fn register(&self, name: &str, password: &str) -> Result<Client, Error> {
        self.services().accounts.register(Registration::new(name, password)).await?;
        self.login(name, password).await
    }

    /// Logs in.
    ///
    /// # Errors
    /// `BadCredentials`.
    pub async fn login(&self, name: &str, password: &str) -> Result<Client, Error> {
        self.client(self.services().accounts.login(name, password).await?).await
    }

    /// Takes in a user of the host program, known there as `id`, and logs them in. The same id is always the same user;
    /// `name` is what others see of a new one, with some digits more if it is taken.
    ///
    /// # Errors
    /// `Validation`.
    pub async fn user(&self, id: &str, name: &str) -> Result<Client, Error> {
        self.client(self.services().accounts.adopt(id, name).await?).await
    }

    /// Who an access token belongs to, as a client.
    ///
    /// # Errors
    /// `Unauthenticated`, `TokenExpired`.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, Error> {
        self.services().accounts.authenticate(access_token).await
    }

    async fn client(&self, grant: LoginGrant) -> Result<Client, Error> {
        let caller = self.authenticate(&grant.access_token).await?;
        Ok(Client::new(self.clone(), grant, caller))
    }

    /// All that can be asked, by whoever holds a [`Caller`].
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The ports underneath.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.0.ports
    }

    /// The way into the send pipeline.
    #[must_use]
    pub fn upstream(&self) -> &Feed {
        &self.0.feed
    }

    /// The sessions of this process.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The tasks of this chat.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.0.supervisor
    }

    /// The rules' numbers and choices.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    /// Where log records go.
    pub fn log(&self) -> &Logger {
        &self.0.log
    }

    /// Ends sessions, takes queued sends to their end, closes the store, and waits for it all.
    pub async fn shutdown(&self) {
        let _late_tasks_are_logged = self.shutdown_within(GRACE).await;
    }

    /// As [`shutdown`](Self::shutdown), with a time of the caller's; says what did not end in it. The store is closed last
    /// and always waited for.
    pub async fn shutdown_within(&self, grace: Duration) -> Shutdown {
        let shutdown = self.0.supervisor.shutdown(grace).await;
        self.0.store.close().await;
        shutdown
    }
}
