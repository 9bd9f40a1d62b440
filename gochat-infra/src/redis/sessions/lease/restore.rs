//! Putting sessions back that the server has lost, and taking out those that are gone.

use gochat_core::model::{SessionId, UserId};
use gochat_core::ports::{Result, SessionRecord};

use super::*;

impl Keeper {
    pub(super) fn sessions(&self) -> Vec<SessionRecord> {
        let mut all = Vec::new();
        self.held.each(&mut |record| all.push(record));
        // Those of one user together.
        all.sort_unstable_by_key(|record| (record.user, record.session));
        all
    }

    /// Puts all sessions into the directory that are not there, and renews their time. The lease is renewed in between.
    pub(super) async fn restore(&self, stop: &CancellationToken) -> Result<()> {
        let (keys, scripts, config) = (self.redis.keys(), self.redis.scripts(), self.redis.config());
        let mut renewed = Instant::now();
        for chunk in self.sessions().chunks(CHUNK) {
            let mut commands = Vec::new();
            let id = &self.gateway;
            let count = scripts.count_in.on([&keys.gateway_sessions(id), &keys.gateway_users(id)]);
            let count = count.arg(millis(counts_ttl(config)));
            commands.push(chunk.iter().fold(count, |c, r| c.arg(r.session.get()).arg(r.user.get())));
            for of_user in chunk.chunk_by(|a, b| a.user == b.user) {
                let put =
                    scripts.refresh.on([&keys.sessions(of_user[0].user)]).arg(millis(config.sessions_ttl));
                commands.push(of_user.iter().fold(put, |c, r| c.arg(r.session.get()).arg(record::value(r))));
            }
            self.redis.call("lease.restore", Call::Again, commands).await?;
            self.counters.restored.inc_by(chunk.len() as u64);
            // Who left meanwhile was put back after having been taken out.
            let gone = chunk.iter().filter(|r| !self.held.holds(r.session)).map(|r| (r.session, r.user));
            let gone: Vec<_> = gone.collect();
            self.remove(&gone).await?;
            if renewed.elapsed() >= config.lease_renew {
                self.renew().await?;
                renewed = Instant::now();
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
        }
        Ok(())
    }

    /// Takes sessions out of the directory.
    pub(super) async fn remove(&self, sessions: &[(SessionId, UserId)]) -> Result<()> {
        let (keys, scripts) = (self.redis.keys(), self.redis.scripts());
        for chunk in sessions.chunks(CHUNK) {
            let id = &self.gateway;
            let count = scripts.count_out.on([&keys.gateway_sessions(id), &keys.gateway_users(id)]);
            let mut commands = vec![chunk.iter().fold(count, |c, (session, _)| c.arg(session.get()))];
            let gone = chunk
                .iter()
                .map(|(session, user)| Command::new("HDEL", &keys.sessions(*user)).arg(session.get()));
            commands.extend(gone);
            self.redis.call("lease.remove", Call::Again, commands).await?;
        }
        Ok(())
    }
}
