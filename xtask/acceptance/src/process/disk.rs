//! A disk that is full.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::server::Home;
use crate::Outcome;
use crate::history::{History, Sent};
use crate::json::Json;
use crate::user::User;
use crate::world::{World, fresh};

/// The case that needs a file system of its own.
pub(super) const NEEDS_MOUNT: &str = "process::a_full_disk_refuses_and_recovers";

cases! { "process";
    "a full disk: sends get UNAVAILABLE, nothing acknowledged is lost, and it recovers when space is there" => a_full_disk_refuses_and_recovers,
    "a database at its largest size: sends get UNAVAILABLE, reading goes on" => a_full_database_refuses,
}

/// A small file system in memory, gone when dropped.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).output()?;
        ensure!(done.status.success(), "mount: {}", String::from_utf8_lossy(&done.stderr));
        Ok(Self(at))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Whether this machine lets us mount one.
pub fn can_mount() -> bool {
    tempfile::tempdir().is_ok_and(|folder| Small::mount(&folder.path().join("probe")).is_ok())
}

/// Fills what is left, down to the last byte that goes.
fn fill(folder: &Path) -> Result<std::path::PathBuf> {
    let path = folder.join("filler");
    let mut file = File::create(&path)?;
    for size in [1 << 20, 1 << 12, 1 << 9, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(path)
}

/// Sends until one is refused; gives those answered and the refusal.
async fn until_refused(user: &User, to: &str, sent: &mut Vec<Sent>) -> Result<crate::client::Reply> {
    for n in 0..20_000 {
        let (text, id) = (format!("{n} {}", "x".repeat(2000)), fresh("c"));
        let body = json!({"conversationId": to, "content": text, "clientMsgId": id});
        let reply = user.post("/messages", body).await?;
        let one = Sent::new(user, None, to, &text, &id);
        if reply.status != 201 {
            sent.push(one);
            return Ok(reply);
        }
        let data = reply.ok(201)?;
        sent.push(Sent { told: vec![(data.text("messageId")?.to_owned(), data.int("seq")?)], ..one });
    }
    anyhow::bail!("20,000 sends and the disk is not full")
}

fn unavailable(reply: &crate::client::Reply) -> Outcome {
    reply.fails(503, "UNAVAILABLE")?;
    ensure!(!reply.header("retry-after").is_empty(), "UNAVAILABLE comes with Retry-After{}", reply.shown());
    Ok(())
}

async fn a_full_disk_refuses_and_recovers(_: World) -> Outcome {
    let home = Home::new()?;
    let mounted = home.path().join("small");
    let small = Small::mount(&mounted)?;
    let data = mounted.join("data");
    let settings = ["limits.sends_per_second=0"];
    let mut server = home.start_on(&data, &settings).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let mut history = History::default();
    history.is_in(&chat, &[&alice, &bob]);
    let mut sent = Vec::new();
    let before = alice.say(&chat, "before").await?;
    sent.push(told(&alice, &chat, &before)?);
    let filler = fill(&mounted)?;
    unavailable(&until_refused(&alice, &chat, &mut sent).await?)?;
    ensure!(server.runs()?, "the server runs on with a full disk");
    let mut socket = alice.connect().await?;
    let data_of = json!({"conversationId": chat, "content": "x".repeat(4000), "messageType": "text", "tempMessageId": "full"});
    sent.push(Sent::new(&alice, None, &chat, &"x".repeat(4000), "full"));
    socket.refused("send-message", data_of, "UNAVAILABLE").await?;
    let read = bob.whole_history(&chat).await.context("history can be read while the disk is full")?;
    ensure!(read.len() >= sent.len() - 2, "all of it");
    std::fs::remove_file(filler)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    let after = loop {
        match alice.say(&chat, "there is space again").await {
            Ok(message) => break message,
            Err(error) => ensure!(Instant::now() < deadline, "it does not recover: {error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    // Each try made an id of its own: those refused may be there or not, but not in this count.
    sent.push(told(&alice, &chat, &after)?);
    history.sent = sent;
    history.read_end(&bob, &chat, 0).await?;
    history.check()?;
    server.kill().await?;
    let server = home.start_on(&data, &settings).await?;
    same!(
        bob.at(&server.world).whole_history(&chat).await?.len(),
        bob_count(&history, &bob, &chat),
        "after a restart"
    );
    drop((server, small));
    Ok(())
}

fn bob_count(history: &History, bob: &User, chat: &str) -> usize {
    history.stored.get(&(bob.id.clone(), chat.to_owned())).map_or(0, Vec::len)
}

fn told(user: &User, chat: &str, message: &serde_json::Value) -> Result<Sent> {
    let mut one = Sent::new(user, None, chat, message.text("content")?, message.text("clientMsgId")?);
    one.told.push((message.text("messageId")?.to_owned(), message.int("seq")?));
    Ok(one)
}

async fn a_full_database_refuses(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&["data.size_max=1MiB", "limits.sends_per_second=0"]).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let mut sent = Vec::new();
    unavailable(&until_refused(&alice, &chat, &mut sent).await?)?;
    let mut history = History { sent, ..History::default() };
    history.is_in(&chat, &[&alice, &bob]);
    history.read_end(&bob, &chat, 0).await?;
    history.check()
}
