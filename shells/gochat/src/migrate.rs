//! `gochat migrate`: the data folder goes into MySQL, for the four services.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Subcommand;
use gochat_infra::process::config::Config;
use gochat_infra::transfer::{Progress, Step, TransferError, TransferOptions, Transferred, transfer};

/// Commands beside serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Copy the data folder into the MySQL database of `mysql.primary`, verified. Cut short, it goes on where it was.
    Migrate,
}

/// Time between two lines about one table.
const BETWEEN: Duration = Duration::from_secs(1);

pub(crate) async fn run(Command::Migrate: &Command, config: &Config) -> anyhow::Result<()> {
    let Some(primary) = &config.mysql.primary else {
        anyhow::bail!(
            "mysql.primary is not set; name the database: mysql://user:password@host:port/database, in the \
             configuration file or as GOCHAT_MYSQL__PRIMARY"
        );
    };
    let folder = &config.data.folder;
    let mut lines = Lines::default();
    let mut tell = |now| lines.tell(now);
    let done =
        transfer(folder, primary.reveal(), TransferOptions::default(), &mut tell).await.map_err(mend)?;
    say(&after(&done, folder, config.auth.jwt_secret.is_some()));
    Ok(())
}

/// Nobody may be reading any more: that is no reason to end.
fn say(text: &str) {
    let _nobody_reads = std::io::stdout().write_all(text.as_bytes());
}

/// One line a second, and one for each table that is done.
#[derive(Default)]
struct Lines {
    told: Option<(Step, &'static str, Instant)>,
}

impl Lines {
    fn tell(&mut self, now: Progress) {
        let due = match self.told {
            Some((step, table, at)) => (step, table) != (now.step, now.table) || at.elapsed() >= BETWEEN,
            None => true,
        };
        if due || now.rows == now.of {
            self.told = Some((now.step, now.table, Instant::now()));
            let step = match now.step {
                Step::Check => "read",
                Step::Copy => "copied",
                Step::Verify => "verified",
            };
            say(&format!("{step} {} of {} {}\n", now.rows, now.of, now.table));
        }
    }
}

fn after(done: &Transferred, folder: &Path, own_secret: bool) -> String {
    let rows: u64 = done.tables.iter().map(|(_, rows)| rows).sum();
    let first = if done.earlier {
        format!("This folder was transferred and verified before ({rows} rows); nothing was done.")
    } else {
        format!("All {rows} rows are in the database, and verified. The folder is as it was.")
    };
    let key = std::path::absolute(folder.join("jwt.key")).unwrap_or_else(|_| folder.join("jwt.key"));
    let secret = if own_secret {
        "give the services the secret of this configuration (auth.jwt_secret or auth.jwt_secret_file)"
            .to_owned()
    } else {
        format!("give the services this folder's secret: a copy of {} as auth.jwt_secret_file", key.display())
    };
    format!(
        "{first}\nSo that everybody stays logged in, {secret}.\nDo not start gochat over the folder again.\n"
    )
}

fn mend(error: TransferError) -> anyhow::Error {
    let how = match &error {
        TransferError::Damaged(_) => "restore the folder from a backup; see docs/migrate.md",
        TransferError::Folder(gochat_infra::sqlite::OpenError::InUse { .. }) => "stop that process first",
        TransferError::Folder(gochat_infra::sqlite::OpenError::Missing { .. }) => {
            "name the data folder with --data"
        }
        TransferError::Busy => "wait until it is done",
        _ => return anyhow::Error::new(error),
    };
    anyhow::anyhow!("{error}\n{how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_named_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("jwt.key"), "sign 0123456789").expect("written");
        let set = |key: &str, value: &str| ("test".to_owned(), key.to_owned(), value.to_owned());
        let flags = vec![set("data.folder", folder.path().to_str().expect("utf-8"))];
        let config = gochat_infra::process::config::Layers { flags, ..Default::default() };
        let config = config.load().expect("valid").config;
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let refused = runtime.block_on(run(&Command::Migrate, &config)).expect_err("no database is named");
        assert!(refused.to_string().contains("mysql.primary is not set"), "{refused}");
    }
}
