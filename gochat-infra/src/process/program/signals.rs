//! What the system tells the program: to stop, to stop at once, to read its settings again.

use std::io;

use slog::{Logger, error, info, warn};
use tokio::signal::unix::{SignalKind, signal};

use crate::process::Problems;
use crate::process::config::Effective;
use crate::process::log::LogGuard;

/// Waits for Ctrl-C, SIGTERM, or `fault`; on SIGHUP takes over the settings that may change while the program runs.
pub(super) async fn until_stop(
    fault: impl Future<Output = ()>,
    running: &Effective,
    load: &dyn Fn() -> Result<Effective, Problems>,
    guard: &LogGuard,
    log: &Logger,
) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut fault = std::pin::pin!(fault);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = &mut fault => return Ok(()),
            _ = hang_up.recv() => match load() {
                Ok(new) => take_over(running, &new, guard, log),
                Err(problems) => error!(log, "the settings were not read again"; "error" => %problems),
            },
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

fn take_over(running: &Effective, new: &Effective, guard: &LogGuard, log: &Logger) {
    guard.set_level(new.config.log.level);
    info!(log, "settings read again"; "log_level" => ?new.config.log.level);
    let (old, new) = (running.config.keys(), new.config.keys());
    for (old, new) in old.iter().zip(&new).filter(|(old, new)| old.default != new.default && !new.reloads) {
        warn!(log, "this setting needs a restart"; "key" => new.path(), "running" => &old.default, "set" => &new.default);
    }
}
