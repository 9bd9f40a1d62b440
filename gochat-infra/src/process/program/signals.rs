//! What the system tells the program: to stop, to stop at once, to read its settings again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::live::Live;

/// Why a program stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody wants it to.
    Asked,
    /// A task that it can't do without has ended.
    Fault,
}

/// The signals that a program hears. One that comes between two waits is kept for the second.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Hears from now on.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for Ctrl-C, SIGTERM, or `fault`, and says which; on SIGHUP, and when the shared text changes, takes over the
    /// settings that may change while the program runs.
    pub(super) async fn until_stop(&mut self, fault: impl Future<Output = ()>, mut live: Live<'_>) -> Cause {
        let mut fault = std::pin::pin!(fault);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Cause::Asked,
                _ = self.terminate.recv() => return Cause::Asked,
                () = &mut fault => return Cause::Fault,
                _ = self.hang_up.recv() => live.reload(),
                () = live.changed() => live.reload(),
            }
        }
    }

    /// Waits for a signal to stop, after the first one.
    pub(super) async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
