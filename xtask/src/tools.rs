//! The programs that the commands need. In CI what is missing is installed; elsewhere it is only named.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::sh;

fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// Runs `commands` in CI; elsewhere says that they are to be run.
fn install(what: &str, commands: &[&[&str]]) -> Result<()> {
    let text = commands.iter().map(|c| c.join(" ")).collect::<Vec<_>>().join(" && ");
    if std::env::var_os("CI").is_none_or(|ci| ci.is_empty()) {
        bail!("{what} is missing; install it with: {text}");
    }
    println!("{what} is missing: {text}");
    for command in commands {
        let [program, args @ ..] = command else { continue };
        sh::run(Command::new(program).args(args).env("DEBIAN_FRONTEND", "noninteractive")).1?;
    }
    Ok(())
}

/// rustfmt and clippy.
pub(crate) fn rust() -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !works("cargo", &[subcommand, "--version"]) {
            install(component, &[&["rustup", "component", "add", component]])?;
        }
    }
    Ok(())
}

/// What the adapters of the distributed mode are built with: protoc for etcd's client, a C toolchain for librdkafka.
pub(crate) fn native() -> Result<()> {
    let mut missing = Vec::new();
    if !works("protoc", &["--version"]) {
        missing.push("protobuf-compiler");
    }
    for (package, file) in [
        ("libprotobuf-dev", "/usr/include/google/protobuf/descriptor.proto"),
        ("zlib1g-dev", "/usr/include/zlib.h"),
    ] {
        if !Path::new(file).exists() {
            missing.push(package);
        }
    }
    for (package, program) in [("make", "make"), ("gcc", "cc"), ("g++", "c++"), ("python3", "python3")] {
        if !works(program, &["--version"]) {
            missing.push(package);
        }
    }
    debian(&missing)
}

/// The packages of node that are missing.
fn node() -> Vec<&'static str> {
    let programs = [("nodejs", "node"), ("npm", "npm")];
    programs
        .into_iter()
        .filter(|(_, program)| !works(program, &["--version"]))
        .map(|(package, _)| package)
        .collect()
}

/// Installs these packages of Debian, if there are any.
fn debian(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let apt = [&["apt-get", "install", "-y", "--no-install-recommends"], packages].concat();
    install(&packages.join(", "), &[&["apt-get", "update"], &apt])
}

/// What the lock file of a folder names. No package's script runs.
fn npm(folder: &str, package: &str) -> Result<()> {
    if Path::new(folder).join("node_modules").join(package).join("package.json").exists() {
        return Ok(());
    }
    install(package, &[&["npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]])
}

/// What checks the protocol's files.
pub(crate) fn buf() -> Result<()> {
    debian(&node())?;
    npm("proto", "@bufbuild/buf")
}

/// Chromium with fonts for all that people write, node, and the browser suite's packages.
pub(crate) fn browser() -> Result<()> {
    let mut missing = node();
    if chromium().is_none() {
        missing.push("chromium");
    }
    for (package, folder) in [
        ("fonts-noto-cjk", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
        ("fonts-noto-color-emoji", "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    ] {
        if !Path::new(folder).exists() {
            missing.push(package);
        }
    }
    debian(&missing)?;
    npm("examples/web", "playwright-core")
}

/// The browser's program.
pub(crate) fn chromium() -> Option<String> {
    let named = std::env::var("CHROMIUM").ok();
    let usual =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(str::to_owned);
    named.into_iter().chain(usual).find(|p| Path::new(p).exists())
}
