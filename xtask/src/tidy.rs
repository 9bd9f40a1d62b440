//! What prose asks and no compiler checks: small files, nothing left undone, tasks only from the supervisor, documents that
//! name what exists.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{COMMANDS, sh};

/// Lines of a source file; a longer one holds several ideas.
const LINES_MAX: usize = 400;
/// Bytes of a picture, the only kind of file without text that has a place here.
const PICTURE_MAX: usize = 512 << 10;

pub(crate) fn check() -> Result<()> {
    let mut wrong = Vec::new();
    let files = tracked()?;
    for path in &files {
        match String::from_utf8(fs::read(path)?) {
            Ok(text) => check_file(path, &text, &mut wrong),
            Err(other) => check_binary(path, other.as_bytes().len(), &mut wrong),
        }
    }
    let readme = fs::read_to_string("README.md").unwrap_or_default();
    let ci = fs::read_to_string(".ci/run").unwrap_or_default();
    if !(readme.contains("cargo xtask test") && ci.contains("cargo xtask test")) {
        wrong.push("README.md and .ci/run must name the same test command, `cargo xtask test`".to_owned());
    }
    if wrong.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

fn tracked() -> Result<Vec<PathBuf>> {
    let list = sh::output(std::process::Command::new("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(list
        .lines()
        .map(PathBuf::from)
        .filter(|p| p.exists() && !p.components().any(|c| c.as_os_str() == "vendor"))
        .collect())
}

fn check_file(path: &Path, text: &str, wrong: &mut Vec<String>) {
    let name = path.display().to_string();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension {
        "rs" | "js" | "mjs" | "css" => check_source(&name, extension, text, wrong),
        "md" => check_document(path, text, wrong),
        _ => {}
    }
}

/// What somebody else has built, or left lying about, stays in every clone for good.
fn check_binary(path: &Path, size: usize, wrong: &mut Vec<String>) {
    let name = path.display();
    if path.extension().is_none_or(|extension| extension != "png") {
        wrong.push(format!("{name}: neither text nor a picture"));
    } else if size > PICTURE_MAX {
        wrong.push(format!("{name}: {size} bytes; a picture has {PICTURE_MAX} at most"));
    }
}

fn check_source(name: &str, extension: &str, text: &str, wrong: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        wrong.push(format!("{name}: {lines} lines; split it before {LINES_MAX}"));
    }
    if extension == "rs" && name.contains("/src/") && !name.ends_with("tests.rs") && !text.starts_with("//!")
    {
        wrong.push(format!("{name}: a module begins with `//!`: what it is for"));
    }
    for (i, line) in text.lines().enumerate() {
        for (needle, why) in needles(name) {
            if line.contains(&needle) {
                wrong.push(format!("{name}:{}: {why}", i + 1));
            }
        }
    }
}

/// Taken apart, so that this file does not find itself.
fn needles(name: &str) -> Vec<(String, &'static str)> {
    let mut needles: Vec<(String, &'static str)> =
        [["TO", "DO"], ["FIX", "ME"], ["X", "XX:"], ["todo", "!("], ["dbg", "!("]]
            .map(|parts| (parts.concat(), "something was left undone"))
            .into();
    let product = (name.starts_with("gochat-") || name.starts_with("shells/")) && name.contains("/src/");
    if product && !name.starts_with("gochat-infra/src/runtime/supervisor/") {
        needles.push((["tokio::", "spawn("].concat(), "tasks are started by the supervisor"));
        needles.push((["unbounded_", "channel"].concat(), "every queue is bounded"));
        needles.push((["tokio::task::", "spawn("].concat(), "tasks are started by the supervisor"));
    }
    needles
}

fn check_document(path: &Path, text: &str, wrong: &mut Vec<String>) {
    let name = path.display();
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    for (i, line) in text.lines().enumerate() {
        for link in links(line) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !folder.join(file).exists() {
                wrong.push(format!("{name}:{}: there is no {link}", i + 1));
            }
        }
        for command in line.split("cargo xtask ").skip(1) {
            let word: String = command.chars().take_while(char::is_ascii_alphanumeric).collect();
            if !word.is_empty() && !COMMANDS.contains(&word.as_str()) {
                wrong.push(format!("{name}:{}: there is no `cargo xtask {word}`", i + 1));
            }
        }
    }
}

/// Where the links of a line of Markdown lead, but those to the web.
fn links(line: &str) -> Vec<&str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|to| !to.contains("://") && !to.starts_with("mailto:") && !to.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        check_source(name, "rs", text, &mut wrong);
        wrong
    }

    #[test]
    fn long_unfinished_and_unsupervised_sources_are_found() {
        let spawn = ["tokio::", "spawn(x);"].concat();
        assert_eq!(source("gochat-infra/src/a.rs", &format!("//! A.\n{spawn}")).len(), 1);
        assert_eq!(
            source("gochat-infra/src/runtime/supervisor/group.rs", &format!("//! A.\n{spawn}")).len(),
            0
        );
        assert_eq!(source("xtask/x/src/a.rs", &format!("//! A.\n{spawn}")).len(), 0);
        assert_eq!(source("a/src/a.rs", "fn a() {}").len(), 1);
        assert_eq!(source("a/src/a.rs", &format!("//! A.\n// {}", ["TO", "DO"].concat())).len(), 1);
        assert_eq!(source("a/src/a.rs", &"//! A.\n".repeat(LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn foreign_and_large_files_without_text_are_found() {
        for (name, size, found) in
            [("a.png", PICTURE_MAX, 0), ("a.png", PICTURE_MAX + 1, 1), ("a.whl", 9, 1), ("a", 9, 1)]
        {
            let mut wrong = Vec::new();
            check_binary(Path::new(name), size, &mut wrong);
            assert_eq!(wrong.len(), found, "{name} {size}: {wrong:?}");
        }
    }

    #[test]
    fn links_and_commands_that_lead_nowhere_are_found() {
        let mut wrong = Vec::new();
        let text = "[a](Cargo.toml) [b](none.md#x) [c](https://x.y) `cargo xtask verify` `cargo xtask fly`";
        check_document(&sh::root().join("README.md"), text, &mut wrong);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
