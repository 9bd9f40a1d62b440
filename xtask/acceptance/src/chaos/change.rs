//! A change that nobody can be told of when it is made: the outbox tells it late, to who stayed connected.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Servers;
use crate::client::{Next, Socket};
use crate::cluster::Cluster;
use crate::world::{World, fresh};

/// The longest time until the relay looks again after failures, and what a broker that starts needs, with room.
const LATE: Duration = Duration::from_secs(60);

/// Renames a group while no broker answers; a member must hear of it on the socket that was open all the time.
pub(super) async fn is_heard(
    cluster: &Cluster,
    servers: &Servers,
    broker: &str,
    away: Duration,
) -> Result<()> {
    let world = World::new(cluster.base()?);
    let (owner, member) = world.two().await?;
    let group = owner.group(&[&member]).await?;
    let mut socket = member.connect().await?;
    let name = fresh("renamed");
    servers.script("kill", broker).await?;
    let begun = Instant::now();
    // The change itself needs no broker.
    let changed = owner.put(&format!("/groups/{}", group.id), json!({ "groupName": name })).await;
    tokio::time::sleep(away.saturating_sub(begun.elapsed())).await;
    servers.script("restart", broker).await?;
    changed?.ok(200)?;
    heard(&mut socket, &name).await.with_context(|| format!("the new name of group {}", group.id))
}

async fn heard(socket: &mut Socket, name: &str) -> Result<()> {
    let deadline = Instant::now() + LATE;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        match socket.within(left).await? {
            // Whole or in part: no other frame has this name in it.
            Next::Frame(frame)
                if frame["type"] == "conversation-update" && frame.to_string().contains(name) =>
            {
                return Ok(());
            }
            Next::Frame(_) => {}
            Next::Nothing => break,
            Next::Closed => bail!("the socket that should have heard has closed"),
        }
    }
    bail!("nobody told a member who stayed connected, within {LATE:?}")
}
