//! SQLite storage and other processes: one that has the folder, and one that is killed while it writes.
//!
//! A program of its own (`harness = false`), since it starts itself as the other process.

mod sqlite_kit;

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use gochat_core::model::Seq;
use gochat_core::ports::{Appended, MessageStore, PageFrom};
use gochat_infra::sqlite::{OpenError, SqliteOptions};
use sqlite_kit::{conversation_id, limit, message, messages, open, pair, try_open};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if let [mode, folder] = &*args {
        match &**mode {
            "child-hold" => hold(Path::new(folder)),
            "child-append" => runtime.block_on(append(Path::new(folder))),
            _ => {}
        }
    }
    // As the usual harness: names to run, and `--list` for tools that ask first.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted = |name: &str| {
        let mut names = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|part| name.contains(&**part))
    };
    if wanted("a_second_process_is_refused") {
        a_second_process_is_refused();
        println!("test a_second_process_is_refused ... ok");
    }
    if wanted("what_was_answered_survives_a_kill") {
        runtime.block_on(what_was_answered_survives_a_kill());
        println!("test what_was_answered_survives_a_kill ... ok");
    }
    ExitCode::SUCCESS
}

/// Another process, killed at the end of the test whatever happens.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(mode: &str, folder: &Path) -> Self {
        let program = std::env::current_exe().expect("a program");
        let mut command = Command::new(program);
        command.arg(mode).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.next()?.ok()
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut other = Other::start("child-hold", folder.path());
    assert_eq!(other.line().as_deref(), Some("open"));
    let refused = try_open(folder.path(), SqliteOptions::default());
    assert!(matches!(refused, Err(OpenError::InUse { .. })), "{refused:?}");
    // A killed process leaves no lock behind.
    other.kill();
    open(folder.path());
}

fn hold(folder: &Path) -> ! {
    let _store = open(folder);
    println!("open");
    loop {
        std::thread::park();
    }
}

const BATCH: u64 = 100;

/// Kills a process that appends, five times over one folder, at another moment each time.
async fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let conversation = pair(&store).await;
    store.close().await;
    let mut before = 0;
    for round in 1..=5 {
        let mut other = Other::start("child-append", folder.path());
        for _ in 0..round * 7 {
            other.line().expect("it goes on");
        }
        other.kill();
        // What it had said before it died counts as answered too.
        let mut answered = before;
        while let Some(line) = other.line() {
            answered = line.parse().expect("a number");
        }
        let store = open(folder.path());
        let head = store.heads(&[conversation]).await.expect("answers")[0].expect("there");
        assert!(head.get() >= answered, "round {round}: {answered} answered, {head} kept");
        assert!(head.get() > before && head.get().is_multiple_of(BATCH), "a batch is kept whole: {head}");
        let page =
            store.page(conversation, PageFrom::After(Seq::ZERO), limit(u32::MAX)).await.expect("a page");
        assert_eq!(page.len() as u64, head.get());
        for (kept, seq) in page.iter().zip(1..) {
            assert_eq!(*kept, *message(conversation, seq).message);
        }
        store.close().await;
        before = head.get();
    }
}

/// Appends batches for ever, and writes the head that was answered after each.
async fn append(folder: &Path) -> ! {
    let store = open(folder);
    let conversation = conversation_id(12);
    let mut head = store.heads(&[conversation]).await.expect("answers")[0].expect("there").get();
    let mut out = std::io::stdout();
    loop {
        let outcome = store.append(&messages(conversation, head + 1..=head + BATCH)).await.expect("stored");
        assert!(outcome.iter().all(|o| *o == Appended::Stored));
        head += BATCH;
        writeln!(out, "{head}").and_then(|()| out.flush()).expect("said");
    }
}
