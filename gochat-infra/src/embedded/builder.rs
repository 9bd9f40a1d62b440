//! Putting the parts together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gochat_core::Settings;
use gochat_core::model::GatewayId;
use gochat_core::ports::{Clock, Directory, IdGenerator, Ports, StoreError};
use gochat_core::usecase;
use slog::{Discard, Logger, info, o, warn};
use tokio_util::sync::CancellationToken;

use super::chat::{GoChat, Parts};
use super::{Feed, FeedConfig, LocalDedup, LocalSequencer, LocalSessions};
use crate::auth::{BcryptHasher, HasherConfig, HasherError, JwtSigner, KeyError, SigningKeys};
use crate::hub::{Encoder, Hub, Limits};
use crate::runtime::metrics::Metrics;
use crate::runtime::{OsSecrets, Snowflake, Supervisor, SystemClock};
use crate::sqlite::{OpenError, SqliteOptions, SqliteStore};

/// Counters kept for numbering messages: one for each conversation written in lately.
const COUNTERS: usize = 1 << 17;
/// Sends remembered for recognising repeats without asking the store.
const REMEMBERED: usize = 1 << 16;
/// File in the data folder with the secrets that sign tokens.
const KEY_FILE: &str = "jwt.key";

/// Makes a [`GoChat`]. Everything has a default but the folder.
#[derive(Debug)]
pub struct Builder {
    folder: PathBuf,
    settings: Settings,
    sqlite: SqliteOptions,
    hasher: HasherConfig,
    keys: Option<SigningKeys>,
    limits: Limits,
    feed: FeedConfig,
    metrics: Metrics,
    log: Option<Logger>,
    cancellation: CancellationToken,
}

/// Why GoChat could not be started; each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The data folder can't be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The secrets that sign tokens can't be read or made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The password hasher can't be started.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The data folder was opened, and can't be read.
    #[error("the data folder can't be read: {0}")]
    Unreadable(#[source] StoreError),
    /// The thread that opens the store broke.
    #[error("opening the store was interrupted")]
    Interrupted,
}

impl Builder {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            settings: Settings::default(),
            sqlite: SqliteOptions::default(),
            hasher: HasherConfig::default(),
            keys: None,
            limits: Limits::default(),
            feed: FeedConfig::default(),
            metrics: Metrics::new(),
            log: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// The rules' numbers and choices.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sizes of the store.
    #[must_use]
    pub fn sqlite(mut self, options: SqliteOptions) -> Self {
        self.sqlite = options;
        self
    }

    /// How passwords are hashed.
    #[must_use]
    pub fn hasher(mut self, config: HasherConfig) -> Self {
        self.hasher = config;
        self
    }

    /// The cost of a password hash; 4 to 31, each step doubles the time.
    #[must_use]
    pub fn bcrypt_cost(mut self, cost: u32) -> Self {
        self.hasher.cost = cost;
        self
    }

    /// The secrets that sign tokens. Without them they are read from `jwt.key` in the data folder, or made there.
    #[must_use]
    pub fn signing_keys(mut self, keys: SigningKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Bounds of each session's queue.
    #[must_use]
    pub fn queue_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Bounds of the queue of sends.
    #[must_use]
    pub fn feed(mut self, config: FeedConfig) -> Self {
        self.feed = config;
        self
    }

    /// Where it is counted what happens; its own by default, see [`Hub::metrics`].
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Where log records go; nowhere by default.
    #[must_use]
    pub fn logger(mut self, log: Logger) -> Self {
        self.log = Some(log);
        self
    }

    /// Stops when `outside` is cancelled, too. [`GoChat::shutdown`] still has to be called to wait for the end.
    #[must_use]
    pub fn cancellation(mut self, outside: CancellationToken) -> Self {
        self.cancellation = outside;
        self
    }

    /// Opens the data folder and starts the tasks. Needs a tokio runtime, of either flavour; two instances in one process
    /// are fine, on two folders.
    ///
    /// # Errors
    /// Each says what to do; nothing is left running.
    pub async fn build(self) -> Result<GoChat, BuildError> {
        let log = self.log.unwrap_or_else(|| Logger::root(Discard, o!()));
        let (folder, options, store_log) = (self.folder.clone(), self.sqlite, log.clone());
        // Opening migrates and recovers, which may take long: not on a thread that moves messages.
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&folder, options, store_log))
            .await
            .map_err(|_| BuildError::Interrupted)??;
        let keys = match self.keys {
            Some(keys) => keys,
            None => SigningKeys::load_or_create(&self.folder.join(KEY_FILE))?,
        };
        let hasher = BcryptHasher::start(self.hasher)?;

        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn IdGenerator> = Arc::new(identifiers(&store, &clock, &log).await?);
        let gateway = GatewayId::new("local").expect("a short ASCII name is a gateway's name");
        let hub = Hub::new(gateway, encoder(), self.limits, self.metrics.clone());
        let stored = Arc::new(store.clone());
        hub.set_directory(Arc::clone(&stored) as Arc<dyn Directory>);
        let ports = Ports {
            clock,
            ids,
            secrets: Arc::new(OsSecrets),
            users: Arc::clone(&stored) as _,
            friends: Arc::clone(&stored) as _,
            logins: Arc::clone(&stored) as _,
            hasher: Arc::new(hasher),
            tokens: Arc::new(JwtSigner::new(&keys)),
            conversations: Arc::clone(&stored) as _,
            directory: Arc::clone(&stored) as _,
            groups: Arc::clone(&stored) as _,
            messages: stored,
            sequencer: Arc::new(LocalSequencer::new(COUNTERS)),
            dedup: Arc::new(LocalDedup::new(REMEMBERED)),
            deliver: Arc::new(hub.clone()),
            sessions: Arc::new(LocalSessions::default()),
            tellings: None,
        };
        let settings = Arc::new(self.settings);
        let services = usecase::services(&ports, Arc::clone(&settings), &log);
        let supervisor = Supervisor::inside(&log, &self.cancellation);
        self.metrics.watch_tasks(&supervisor);
        let feed = Feed::start(ports.clone(), &hub, Arc::clone(&settings), self.feed, &supervisor, &log);
        info!(log, "chat is open"; "folder" => %self.folder.display());
        Ok(GoChat::new(Parts { ports, services, hub, feed, supervisor, settings, store, log }))
    }
}

/// A generator that goes on behind everything in the store: a clock that was set back while nothing ran must not have
/// identifiers made again.
async fn identifiers(
    store: &SqliteStore,
    clock: &Arc<dyn Clock>,
    log: &Logger,
) -> Result<Snowflake, BuildError> {
    let newest = store.newest_id().await.map_err(BuildError::Unreadable)?;
    let (made, now) = (Snowflake::made_at(newest), clock.now());
    if made > now {
        warn!(log, "the clock is behind the newest entry of the data folder, identifiers go on from there";
            "milliseconds" => made.as_millis() - now.as_millis());
    }
    let ids = Snowflake::new(0, Arc::clone(clock));
    ids.resume_after(newest);
    Ok(ids)
}

#[cfg(feature = "web")]
fn encoder() -> Arc<dyn Encoder> {
    Arc::new(crate::web::ws::JsonEncoder)
}

#[cfg(not(feature = "web"))]
fn encoder() -> Arc<dyn Encoder> {
    Arc::new(super::silent::Silent)
}

#[cfg(test)]
mod tests {
    use gochat_core::model::{Timestamp, User, UserId, Username};
    use gochat_core::ports::{NewUser, UserStore};

    use super::*;

    #[derive(Debug)]
    struct Ahead;

    impl Clock for Ahead {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(SystemClock.now().as_millis() + 86_400_000)
        }
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_repeats_no_identifier() {
        let folder = tempfile::tempdir().expect("a folder");
        let id = UserId::new(Snowflake::new(0, Arc::new(Ahead)).next_id()).expect("in range");
        let user = User {
            id,
            name: Username::new("tomorrow").expect("a name"),
            nickname: None,
            avatar: "".into(),
            guest: false,
            created_at: Ahead.now(),
        };
        let log = Logger::root(Discard, o!());
        let store = SqliteStore::open(folder.path(), SqliteOptions::default(), log).expect("opened");
        store.create(&NewUser { user, password: None, external: None }).await.expect("stored");
        store.close().await;

        let chat = Builder::new(folder.path()).bcrypt_cost(4).build().await.expect("started");
        let client = chat.register("today", "correct horse").await.expect("registered");
        assert!(client.id() > id, "{} after {id}", client.id());
        chat.shutdown().await;
    }
}
