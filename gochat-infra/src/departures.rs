//! The telling of departures: who has been away for the grace time is told to those who may care.
//!
//! It runs beside the use cases, in the one process or in im-logic; a gateway whose services are remote has nothing to tell.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::ports::Clock;
use gochat_core::service::Presences;
use tokio::time::{Instant, sleep_until};

use crate::runtime::{Policy, Tasks};

/// Starts the task among `tasks`; it ends with their phase. `grace` is the time that a user must be away before it is told
/// ([`presence_grace`](gochat_core::Settings::presence_grace)).
///
/// The next departure is known in advance, or comes when a session closes: then it takes the grace at least to be due. So the
/// task sleeps until then.
pub fn tell(tasks: &Tasks, presences: Arc<dyn Presences>, clock: Arc<dyn Clock>, grace: Duration) {
    let stop = tasks.token().clone();
    tasks.spawn("departures", Policy::StopNode, async move {
        loop {
            let wait = presences.next_due().map_or(grace, |due| due.since(clock.now()));
            let until = Instant::now() + wait.max(Duration::from_millis(5));
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(until) => {}
            }
            presences.tell_departures().await;
        }
    });
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use gochat_core::model::{Caller, ConversationId, GatewayId, SessionId, Timestamp, UserId};
    use gochat_core::service::Result;
    use gochat_core::testing::ManualClock;
    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::runtime::{Phase, Supervisor};

    /// Counts how often departures are to be told.
    #[derive(Debug)]
    struct Counting {
        due: Mutex<Option<Timestamp>>,
        told: Semaphore,
    }

    #[async_trait]
    impl Presences for Counting {
        async fn opened(&self, _: &Caller, _: SessionId, _: &GatewayId) -> Result<()> {
            Ok(())
        }
        async fn closed(&self, _: &Caller, _: SessionId) -> Result<()> {
            Ok(())
        }
        async fn typing(&self, _: &Caller, _: ConversationId, _: bool) -> Result<()> {
            Ok(())
        }
        async fn lost(&self, _: &[UserId]) {}
        async fn tell_departures(&self) {
            *self.due.lock() = None;
            self.told.add_permits(1);
        }
        fn next_due(&self) -> Option<Timestamp> {
            *self.due.lock()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_sleeps_until_the_next_is_due_or_could_be() {
        let supervisor = Supervisor::new(&slog::Logger::root(slog::Discard, slog::o!()));
        let clock = Arc::new(ManualClock::new());
        let due = Mutex::new(Some(clock.now().after(Duration::from_secs(3))));
        let presences = Arc::new(Counting { due, told: Semaphore::new(0) });
        let begun = Instant::now();
        tell(supervisor.phase(Phase::Work), presences.clone(), clock, Duration::from_secs(60));
        presences.told.acquire().await.expect("never closed").forget();
        assert_eq!(begun.elapsed().as_secs(), 3);
        presences.told.acquire().await.expect("never closed").forget();
        assert_eq!(begun.elapsed().as_secs(), 63);
        assert!(supervisor.shutdown(Duration::from_secs(1)).await.is_clean());
    }
}
