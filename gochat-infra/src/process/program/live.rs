//! Settings that change while the program runs.

use std::sync::Arc;

use slog::{Logger, error, info, warn};
use tokio::sync::watch;

use crate::process::Problems;
use crate::process::config::Effective;
use crate::process::log::LogGuard;

/// A text of settings that all instances of a program share: what it is called, and TOML as of the file.
pub type SharedText = (String, String);

/// Such a text, and its changes.
#[derive(Debug, Clone)]
pub struct SharedTexts {
    /// What it is called: where it stands.
    pub name: String,
    /// The text; `None` while there is none.
    pub text: watch::Receiver<Option<Arc<str>>>,
}

impl SharedTexts {
    fn now(&mut self) -> Option<SharedText> {
        let text = self.text.borrow_and_update().as_deref().map(str::to_owned);
        text.map(|text| (self.name.clone(), text))
    }
}

/// Reads the settings with a shared text, and checks them.
pub(super) type Load<'a> = dyn Fn(Option<SharedText>) -> Result<Effective, Problems> + 'a;

/// The settings of a running program.
pub(super) struct Live<'a> {
    /// What it was started with.
    pub(super) running: &'a Effective,
    pub(super) load: &'a Load<'a>,
    pub(super) shared: Option<SharedTexts>,
    pub(super) guard: &'a LogGuard,
    pub(super) log: &'a Logger,
}

impl Live<'_> {
    /// Waits until the shared text is another.
    pub(super) async fn changed(&mut self) {
        let changed = match &mut self.shared {
            Some(shared) => shared.text.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            // There is none, or it is no longer followed.
            std::future::pending::<()>().await;
        }
    }

    /// Says which text the program was started with. Another one that came meanwhile is a change.
    pub(super) fn started_with(&mut self, first: Option<&SharedText>) {
        if let Some(shared) = &mut self.shared
            && shared.now().as_ref() != first
        {
            shared.text.mark_changed();
        }
    }

    /// Reads all settings again and takes over those that may change while the program runs. If anything is wrong with
    /// them, all stay as they are.
    pub(super) fn reload(&mut self) {
        let text = self.shared.as_mut().and_then(SharedTexts::now);
        match (self.load)(text) {
            Ok(new) => self.take_over(&new),
            Err(problems) => {
                error!(self.log, "the settings are not taken; those before stay"; "error" => %problems);
            }
        }
    }

    fn take_over(&self, new: &Effective) {
        self.guard.set_level(new.config.log.level);
        info!(self.log, "settings read again"; "log_level" => ?new.config.log.level);
        let (old, new) = (self.running.config.keys(), new.config.keys());
        for (old, new) in old.iter().zip(&new).filter(|(old, new)| old.default != new.default && !new.reloads)
        {
            warn!(self.log, "this setting needs a restart"; "key" => new.path(), "running" => &old.default, "set" => &new.default);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::config::Layers;
    use crate::process::config::choices::LogLevel;
    use crate::process::config::sections::Log;
    use crate::process::log;
    use crate::runtime::metrics::Metrics;

    const NAME: &str = "/gochat/config/im-logic";

    fn load(shared: Option<SharedText>) -> Result<Effective, Problems> {
        Layers { shared, ..Layers::default() }.load()
    }

    #[tokio::test]
    async fn a_shared_text_changes_what_reloads_and_a_bad_one_nothing() {
        let running = load(None).expect("the defaults");
        let (log, guard) = log::start(&Log::default(), &Metrics::new());
        let (sender, text) = watch::channel(None);
        let shared = Some(SharedTexts { name: NAME.to_owned(), text });
        let mut live = Live { running: &running, load: &load, shared, guard: &guard, log: &log };
        let set = |text: &str| sender.send_replace(Some(text.into()));
        set("[log]\nlevel = \"error\"");
        live.changed().await;
        live.reload();
        assert_eq!(guard.level(), LogLevel::Error);
        for bad in ["[log]\nlevel = \"loud\"", "[log", "[log]\nlevel = \"debug\"\n[none]\nsuch = 1"] {
            set(bad);
            live.changed().await;
            live.reload();
            assert_eq!(guard.level(), LogLevel::Error, "{bad}");
        }
        // One that needs a restart does not keep the others back.
        set("[limits]\nbatch = 9\n[log]\nlevel = \"debug\"");
        live.changed().await;
        live.reload();
        assert_eq!(guard.level(), LogLevel::Debug);
        sender.send_replace(None);
        live.changed().await;
        live.reload();
        assert_eq!(guard.level(), LogLevel::Info);
    }

    #[tokio::test]
    async fn what_changed_while_it_started_is_a_change() {
        let running = load(None).expect("the defaults");
        let (log, guard) = log::start(&Log::default(), &Metrics::new());
        let (_sender, text) = watch::channel(Some("[log]".into()));
        let shared = Some(SharedTexts { name: NAME.to_owned(), text });
        let mut live = Live { running: &running, load: &load, shared, guard: &guard, log: &log };
        let same = (NAME.to_owned(), "[log]".to_owned());
        live.started_with(Some(&same));
        assert_eq!(live.shared.as_ref().expect("given").text.has_changed().ok(), Some(false));
        live.started_with(None);
        live.changed().await;
    }
}
