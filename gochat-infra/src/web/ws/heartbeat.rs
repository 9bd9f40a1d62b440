//! Who is alive, and whose token has ended: one task for all connections.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::codec::ping_frame;
use super::gateway::Gateway;
use crate::hub::{CloseReason, Link};

/// Looks a ping interval is divided into: a ping goes out at most a sixth late.
const LOOKS: u32 = 6;

impl Gateway {
    /// Looks through all sessions again and again: pings the silent, ends the dead and those whose token has ended.
    pub(super) async fn heartbeat(self) {
        let tick = (self.config.ping_after / LOOKS).max(Duration::from_millis(10));
        let rounds = |d: Duration| u32::try_from(d.as_millis() / tick.as_millis().max(1)).unwrap_or(u32::MAX);
        let (ping, dead) = (rounds(self.config.ping_after), rounds(self.config.dead_after));
        let mut ticks = interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.tasks().token().cancelled() => return,
                _ = ticks.tick() => {}
            }
            let round = self.round().fetch_add(1, Ordering::Relaxed) + 1;
            let now = self.clock.now();
            self.hub.for_each(|session| {
                if matches!(session.link(), Link::Events(_)) {
                    return;
                }
                let silent = round.wrapping_sub(session.last_alive());
                if session.info().expires_at <= now {
                    self.hub.close(session, CloseReason::LoginEnded);
                } else if silent > dead {
                    self.hub.close(session, CloseReason::HeartbeatMissed);
                } else if silent >= ping && silent.is_multiple_of(ping) {
                    let mut frame = Vec::with_capacity(2);
                    ping_frame(&mut frame);
                    self.hub.send(session, frame);
                }
            });
            self.send_rate.forget_idle();
        }
    }
}
