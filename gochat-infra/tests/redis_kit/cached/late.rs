//! Fills that come late.

use super::*;

/// A store whose next look-up waits, with its answer, until it is told to go on.
#[derive(Debug)]
struct Slow {
    inner: Arc<Memory>,
    held: Mutex<Option<(Arc<Notify>, Arc<Notify>)>>,
}

#[async_trait]
impl UserStore for Slow {
    async fn create(&self, new: &NewUser) -> Result<()> {
        self.inner.create(new).await
    }

    async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<Arc<User>>>> {
        let found = UserStore::by_ids(&*self.inner, ids).await;
        let held = self.held.lock().take();
        if let Some((read, go_on)) = held {
            read.notify_one();
            go_on.notified().await;
        }
        found
    }

    async fn by_name(&self, key: &UsernameKey) -> Result<Option<Arc<User>>> {
        self.inner.by_name(key).await
    }

    async fn by_external(&self, external: &str) -> Result<Option<Arc<User>>> {
        self.inner.by_external(external).await
    }

    async fn password(&self, user: UserId) -> Result<Option<PasswordHash>> {
        self.inner.password(user).await
    }

    async fn update(&self, user: UserId, patch: &UserPatch) -> Result<Arc<User>> {
        UserStore::update(&*self.inner, user, patch).await
    }

    async fn search(&self, prefix: &str, viewer: UserId, limit: PageLimit) -> Result<Vec<Arc<User>>> {
        self.inner.search(prefix, viewer, limit).await
    }
}

/// Whether a reader that read before a write, and fills after it, is seen by those who read later.
async fn late_fill(config: RedisConfig, between: impl AsyncFnOnce(&Arc<dyn UserStore>)) {
    let slow = Arc::new(Slow { inner: Arc::new(Memory::new()), held: Mutex::new(None) });
    // Two processes.
    let users = Caches::new(open(config.clone()), Metrics::new()).users(slow.clone());
    let others = Caches::new(open(config), Metrics::new()).users(slow.clone());
    users.create(&new_user(2)).await.expect("stored");
    let (read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    *slow.held.lock() = Some((read.clone(), go_on.clone()));
    let ids = [user(2)];
    let (late, ()) = tokio::join!(users.by_ids(&ids), async {
        read.notified().await;
        let nickname = Some(Some("new".into()));
        others.update(user(2), &UserPatch { nickname, ..UserPatch::default() }).await.expect("updated");
        between(&others).await;
        // Who asks while the late one is still on its way does not wait for its answer.
        let now = users.by_ids(&ids).await.expect("answers");
        assert_eq!(now[0].as_ref().and_then(|user| user.nickname.as_deref()), Some("new"));
        go_on.notify_one();
    });
    assert_eq!(late.expect("answers")[0].as_ref().and_then(|user| user.nickname.as_deref()), None);
    for users in [users, others] {
        let now = users.by_ids(&ids).await.expect("answers");
        assert_eq!(now[0].as_ref().and_then(|user| user.nickname.as_deref()), Some("new"));
    }
}

pub(crate) async fn a_late_fill_undoes_no_write(servers: &'static Servers) {
    late_fill(servers.config(), async |_| {}).await;
}

pub(crate) async fn a_late_fill_undoes_no_write_when_all_is_lost(servers: &'static Servers) {
    let own = OwnServer::start();
    let mut config = servers.config();
    config.urls = vec![own.url()];
    let mut raw = crate::redis_kit::raw(&own.url()).await;
    late_fill(config, async |_| {
        redis::cmd("FLUSHALL").exec_async(&mut raw).await.expect("flushed");
    })
    .await;
}
