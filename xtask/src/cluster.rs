//! `cluster` and `chaos`: the four services over real servers, to try them, to test them, and to break them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::sh::{self, Counts, cargo};
use crate::{e2e, servers, tools};

const HELP: &str = "\
cargo xtask cluster up  [SIZES] [--release] [--set KEY=VALUE]…               serves until Ctrl-C
cargo xtask cluster run [SIZES] [--release] [--set KEY=VALUE]… -- COMMAND…   runs COMMAND with GOCHAT_URL set, then stops

SIZES: --gateways N --logic N --repo N --task N, 2 of each without them. GOCHAT_URL has the gateways, with commas between.";

/// What the cluster is made of, and what starts and asks it.
const PACKAGES: [&str; 5] = ["im-gateway", "im-logic", "im-repo", "im-task", "gochat-acceptance"];

/// What a command of ours says, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    release: bool,
    /// What goes on to the program as it is.
    options: Vec<String>,
    command: Vec<String>,
}

impl Asked {
    fn of(args: &[String], known: &[&str]) -> Result<Self> {
        let mut asked = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--" => {
                    asked.command = rest.by_ref().cloned().collect();
                    ensure!(!asked.command.is_empty(), "run what? `--` wants a command after it");
                }
                "--release" => asked.release = true,
                name if known.contains(&name) => {
                    let value = rest.next().with_context(|| format!("{name} wants a value"))?;
                    asked.options.extend([arg.clone(), value.clone()]);
                }
                other => bail!("there is no {other}"),
            }
        }
        Ok(asked)
    }
}

/// `cargo xtask cluster …`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (what, rest) = args.split_first().map_or(("help", &[][..]), |(what, rest)| (what.as_str(), rest));
    let known = ["--gateways", "--logic", "--repo", "--task", "--set"];
    let asked = Asked::of(rest, &known).with_context(|| HELP)?;
    match (what, asked.command.is_empty()) {
        ("up", true) | ("run", false) => {}
        ("up", false) => bail!("`up` takes no command; `run` does\n\n{HELP}"),
        ("run", true) => bail!("run what? `cluster run … -- COMMAND`\n\n{HELP}"),
        _ => bail!("{HELP}"),
    }
    let folder = build(asked.release)?;
    let mut words = start(&folder, "gochat-cluster")?;
    words.extend(asked.options);
    if !asked.command.is_empty() {
        words.push("--".to_owned());
        words.extend(asked.command);
    }
    servers::run(&words)
}

/// `cargo xtask chaos …`.
pub(crate) fn chaos(args: &[String]) -> Result<()> {
    let asked = Asked::of(args, &["--seed", "--minutes", "--clients", "--only", "--kafka-nodes"])?;
    ensure!(asked.command.is_empty(), "chaos runs no command");
    let folder = build(asked.release)?;
    servers::run(&with_options(start(&folder, "gochat-chaos")?, asked.options))
}

/// Builds all programs, for the host that a contributor is: nothing but them.
fn build(release: bool) -> Result<PathBuf> {
    let mut args = vec!["build"];
    if release {
        args.push("--release");
    }
    args.extend(PACKAGES.iter().flat_map(|package| ["-p", package]));
    sh::run(&mut cargo(&args)).1?;
    Ok(sh::target()?.join(if release { "release" } else { "debug" }))
}

/// The words for `servers` that start `program` over all of them.
fn start(folder: &Path, program: &str) -> Result<Vec<String>> {
    let words = ["run".to_owned(), "--".to_owned(), text(&folder.join(program))?];
    Ok([&words[..], &["--programs".to_owned(), text(folder)?]].concat())
}

pub(crate) fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("{}: not UTF-8", path.display()))
}

/// Runs `command` against the cluster of the stage before, which built its programs with the tests.
fn against(options: &[&str], command: &[&str]) -> (Counts, Result<()>) {
    let words = || -> Result<Vec<String>> {
        let mut words = start(&sh::target()?.join("debug"), "gochat-cluster")?;
        words.extend([options, &["--"], command].concat().into_iter().map(str::to_owned));
        Ok(words)
    };
    match words() {
        Ok(words) => sh::run(&mut servers::script(&words)),
        Err(e) => (Counts::default(), Err(e)),
    }
}

/// The contract, case by case, through two gateways in turn; its table is written to `target/acceptance-cluster.md`. What is
/// older than a second goes to archives meanwhile, and is read from there.
pub(crate) fn acceptance() -> (Counts, Result<()>) {
    let prepared = || -> Result<_> {
        let archives = tempfile::tempdir().context("a folder for archives")?;
        let to = format!("archive.to={}", text(archives.path())?);
        let suite = text(&e2e::program("debug", "gochat-acceptance")?)?;
        let report = text(&sh::target()?.join("acceptance-cluster.md"))?;
        Ok((archives, to, [suite, "--report".to_owned(), report]))
    };
    let (archives, to, command) = match prepared() {
        Ok(prepared) => prepared,
        Err(e) => return (Counts::default(), Err(e)),
    };
    let mut options = vec!["--gateways", "2", "--logic", "2", "--repo", "2", "--task", "2"];
    for setting in [&*to, "archive.after=1s", "archive.every=1s", "archive.pause=100ms", "archive.least=1"] {
        options.extend(["--set", setting]);
    }
    let (counts, result) = against(&options, &command.each_ref().map(String::as_str));
    (counts, result.and_then(|()| ensure_archived(archives.path())))
}

/// Else the suite has read nothing from archives.
fn ensure_archived(folder: &Path) -> Result<()> {
    let mut entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    ensure!(entries.next().is_some(), "nothing was archived while the suite ran");
    Ok(())
}

/// The page, in a browser, from a gateway. It is of one origin, so one gateway is enough.
pub(crate) fn page() -> (Counts, Result<()>) {
    let Some(chromium) = tools::chromium() else {
        return (Counts::default(), Err(anyhow::anyhow!("there is no chromium")));
    };
    let chromium = format!("CHROMIUM={chromium}");
    let suite = ["env", &chromium, "npm", "run", "--silent", "--prefix", "examples/web", "test"];
    against(&["--gateways", "1", "--logic", "2", "--repo", "2", "--task", "1"], &suite)
}

/// Every kind of fault once, then some that the seed draws, while clients talk; the seed is printed.
pub(crate) fn faults(minutes: u32) -> (Counts, Result<()>) {
    chaos_by(&["--minutes", &minutes.to_string()])
}

/// One of three brokers of Kafka is killed and comes back, and then another.
pub(crate) fn lost_brokers() -> (Counts, Result<()>) {
    chaos_by(&["--kafka-nodes", "3", "--clients", "100", "--only", "kafka1", "--only", "kafka2"])
}

/// `gochat-chaos` as the tests before have built it.
fn chaos_by(options: &[&str]) -> (Counts, Result<()>) {
    let words = || -> Result<Vec<String>> {
        let words = start(&sh::target()?.join("debug"), "gochat-chaos")?;
        Ok(with_options(words, options.iter().copied().map(str::to_owned)))
    };
    match words() {
        Ok(words) => sh::run(&mut servers::script(&words)),
        Err(e) => (Counts::default(), Err(e)),
    }
}

/// `options`, each with its value, behind the `words` that start a program; but how many brokers there are is for the servers
/// to know, and the program counts them.
fn with_options(mut words: Vec<String>, options: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut options = options.into_iter();
    while let (Some(name), Some(value)) = (options.next(), options.next()) {
        let at = if name == "--kafka-nodes" { 1 } else { words.len() };
        words.splice(at..at, [name, value]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<Asked> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        Asked::of(&words, &["--gateways"])
    }

    #[test]
    fn brokers_are_counted_by_the_servers() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let all =
            with_options(words("run -- chaos --programs p"), words("--only x --kafka-nodes 3 --seed 1"));
        assert_eq!(all, words("run --kafka-nodes 3 -- chaos --programs p --only x --seed 1"));
    }

    #[test]
    fn options_go_on_and_a_command_follows_two_dashes() {
        let all = asked("--gateways 3 --release -- echo --release").expect("these are known");
        assert_eq!(all.options, ["--gateways", "3"]);
        assert_eq!(all.command, ["echo", "--release"]);
        assert!(all.release);
        for wrong in ["--gateways", "--nothing 1", "--release --", "up"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
