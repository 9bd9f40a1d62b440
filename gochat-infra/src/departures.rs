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
