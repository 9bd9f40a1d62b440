//! The command line of a program.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::config::Layers;
use super::{Problem, Problems};

/// The command line of a program with the commands `Own` beside the usual ones.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
pub struct Cli<Own: Subcommand> {
    /// What to do; serve when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command<Own>>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: Flags,
}

const AFTER: &str = "Settings: defaults, then ./gochat.toml (or --config FILE), then GOCHAT_SECTION__KEY in the \
environment, then flags; the later wins.\n`gochat config --example` lists them all.";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command<Own: Subcommand> {
    /// Serve until Ctrl-C or SIGTERM (the default).
    Serve,
    /// Print the settings that hold and where each comes from, without secrets.
    Config {
        /// Print every setting with its text and default instead.
        #[arg(long)]
        example: bool,
    },
    /// Check the settings and what they name, and start nothing.
    Check,
    /// A command of this program's own.
    #[command(flatten)]
    Own(Own),
}

impl<Own: Subcommand> Cli<Own> {
    /// Reads the command line of a program; ends the process when it is wrong, or asks for help.
    #[must_use]
    pub fn parse_as(name: &'static str, about: &'static str, data: bool) -> Self {
        let matches = Self::named(name, about, data).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
    }

    fn named(name: &'static str, about: &'static str, data: bool) -> clap::Command {
        let command = Self::command().name(name).bin_name(name).about(about);
        // A program without a folder has no flag for it.
        if data { command } else { command.mut_arg("data", |arg| arg.hide(true).value_parser(refuse_data)) }
    }
}

fn refuse_data(_: &str) -> Result<String, String> {
    Err("this program keeps nothing in a folder".to_owned())
}

/// Flags that every command takes.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// Configuration file [default: ./gochat.toml if there is one] [env: GOCHAT_CONFIG]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on, such as 0.0.0.0:8080
    #[arg(long, short, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder for the data (data.folder) [default: ./gochat-data]
    #[arg(long, short, global = true, value_name = "FOLDER")]
    data: Option<String>,
    /// Least important log records to write: error, warning, info, debug (log.level) [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Any setting, such as --set limits.sends_per_second=50; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Flags {
    /// The layers of the configuration: these flags, and the environment of the process. `--listen` sets the key `listen`.
    ///
    /// # Errors
    /// A `--set` without `=`, or a variable of ours that is not UTF-8.
    pub fn layers(
        &self,
        listen: &str,
        env: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Layers, Problems> {
        let mut problems = Problems::default();
        let mut layers = Layers { file: self.config.clone(), ..Layers::default() };
        for (name, value) in env {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => layers.env.push((name, value)),
                Err(_) if !name.starts_with("GOCHAT_") => {}
                Err(_) => problems.0.push(Problem::new(name, "its value is not UTF-8", "set it again")),
            }
        }
        if layers.file.is_none() {
            let named = layers.env.iter().find(|(name, value)| name == "GOCHAT_CONFIG" && !value.is_empty());
            layers.file = named.map(|(_, value)| value.into());
        }
        for set in &self.set {
            match set.split_once('=') {
                Some((key, value)) => {
                    layers.flags.push((format!("--set {key}"), key.trim().into(), value.into()))
                }
                None => problems.0.push(Problem::new(
                    format!("--set {set}"),
                    "there is no value",
                    "write --set KEY=VALUE",
                )),
            }
        }
        for (flag, key, value) in [
            ("--listen", listen, &self.listen),
            ("--data", "data.folder", &self.data),
            ("--log-level", "log.level", &self.log_level),
        ] {
            if let Some(value) = value {
                layers.flags.push((flag.into(), key.into(), value.clone()));
            }
        }
        problems.none().map(|()| layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::program::NoCommand;

    const LISTEN: &str = "server.listen";

    fn flags(args: &[&str]) -> Flags {
        Cli::<NoCommand>::try_parse_from([&["gochat"], args].concat()).expect("valid").flags
    }

    #[test]
    fn the_command_line_is_sound() {
        for data in [true, false] {
            Cli::<NoCommand>::named("gochat", "a server", data).debug_assert();
        }
        let service = || Cli::<NoCommand>::named("im-logic", "a service", false);
        assert!(service().try_get_matches_from(["im-logic", "check"]).is_ok());
        assert!(service().try_get_matches_from(["im-logic", "--data", "x"]).is_err());
    }

    #[test]
    fn flags_and_variables_become_layers() {
        let args = ["check", "--listen", "[::]:1", "--set", "limits.batch=9", "--set", "server.threads = 1"];
        let env = [("GOCHAT_CONFIG".into(), "/x.toml".into()), ("GOCHAT_LOG__LEVEL".into(), "error".into())];
        let layers = flags(&args).layers(LISTEN, env).expect("valid");
        assert_eq!(layers.file, Some("/x.toml".into()));
        let without_file = Layers { file: None, ..layers };
        let e = without_file.load().expect("valid");
        assert_eq!((e.config.limits.batch, e.config.server.threads), (9, 1));
        assert_eq!(e.source("server.listen").to_string(), "--listen");
        assert_eq!(e.source("limits.batch").to_string(), "--set limits.batch");
    }

    #[test]
    fn a_flag_beats_the_variable_that_names_the_file() {
        let layers = flags(&["-c", "/y.toml"])
            .layers(LISTEN, [("GOCHAT_CONFIG".into(), "/x.toml".into())])
            .expect("valid");
        assert_eq!(layers.file, Some("/y.toml".into()));
    }

    #[test]
    fn a_set_without_a_value_is_told() {
        let problem = flags(&["--set", "limits.batch"]).layers(LISTEN, []).expect_err("wrong").to_string();
        assert_eq!(problem, "--set limits.batch: there is no value; write --set KEY=VALUE");
    }
}
