//! What the system tells the program: to stop, to stop at once, to read its settings again.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::live::Live;

/// Waits for Ctrl-C, SIGTERM, or `fault`; on SIGHUP, and when the shared text changes, takes over the settings that may change
/// while the program runs.
pub(super) async fn until_stop(fault: impl Future<Output = ()>, mut live: Live<'_>) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut fault = std::pin::pin!(fault);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = &mut fault => return Ok(()),
            _ = hang_up.recv() => live.reload(),
            () = live.changed() => live.reload(),
        }
    }
}

/// Waits for a signal to stop, after the first one.
pub(super) async fn again() {
    let both = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    match both {
        Ok((mut interrupt, mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Then only the grace time ends it.
        Err(_) => std::future::pending().await,
    }
}
