//! Load from many clients while parts of the system are killed, paused and cut off; then the checker's verdict.

mod change;
mod client;
mod faults;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use tokio::sync::{mpsc, watch};

pub use faults::{Fault, Servers};

use crate::cluster::Cluster;
use crate::history::{History, Session};
use crate::user::User;
use crate::world::World;
use client::{Person, Phase};

/// Members of each group.
const GROUP: usize = 10;
/// How often somebody looks what history says while all go on.
const PROBE: Duration = Duration::from_millis(250);

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Clients, each in two groups.
    pub clients: usize,
    /// Between two messages of one client.
    pub pace: Duration,
    /// Between two faults, for the system to be whole again.
    pub rest: Duration,
    /// The faults, one after the other.
    pub faults: Vec<Fault>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each field is the number of what it names")]
pub struct Summary {
    pub sent: usize,
    pub accepted: usize,
    pub stored: usize,
    pub repeated: usize,
    pub reconnects: usize,
    pub holes: usize,
    pub seen: usize,
    /// Processes that ended of a fault of their own and were started again.
    pub fallen: usize,
}

/// Runs the plan, then waits until the system has healed, and checks everything that was promised.
///
/// # Errors
/// The first promises that were broken; or the system did not heal.
pub async fn run(plan: &Plan, cluster: &mut Cluster, servers: &Servers) -> Result<Summary> {
    let world = World::new(cluster.base()?);
    let users = world.users(plan.clients.max(GROUP)).await.context("making the clients")?;
    let mut history = History::default();
    let mut rooms: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    // Groups overlap: each client is in two, so that orders of different conversations mix on one socket.
    for first in (0..users.len()).step_by(GROUP / 2) {
        let members: Vec<usize> = (0..GROUP).map(|n| (first + n) % users.len()).collect();
        let others: Vec<&User> = members[1..].iter().map(|n| &users[*n]).collect();
        let room = users[members[0]].group(&others).await?.conversation;
        history.is_in(&room, &members.iter().map(|n| &users[*n]).collect::<Vec<_>>());
        for n in members {
            rooms.entry(n).or_default().push(room.clone());
        }
    }
    let start = Instant::now();
    let (phase, phases) = watch::channel(Phase::Load);
    // Nobody sends on it: it ends when the last client lets go of it.
    let (drained, mut all_drained) = mpsc::channel::<()>(1);
    let people = users.iter().enumerate().map(|(n, user)| {
        let rooms = rooms.remove(&n).unwrap_or_default();
        Person::new(user.clone(), rooms, plan.pace, n as u64, start, drained.clone()).live(phases.clone())
    });
    let people: Vec<_> = people.collect();
    drop(drained);
    let probes = probe(&users, &history, phases.clone(), start);
    let mut fallen = 0;
    let orders = async {
        for fault in &plan.faults {
            println!("{:>6.1} s  {fault}", start.elapsed().as_secs_f64());
            fault.happen(cluster, servers).await.with_context(|| fault.to_string())?;
            tokio::time::sleep(plan.rest).await;
            fallen += cluster.look_after().await.with_context(|| format!("after this: {fault}"))?;
        }
        println!("{:>6.1} s  no more faults, nobody sends any more", start.elapsed().as_secs_f64());
        phase.send_replace(Phase::Finish);
        all_drained.recv().await;
        println!("{:>6.1} s  everything is acknowledged", start.elapsed().as_secs_f64());
        phase.send_replace(Phase::End);
        Ok::<_, anyhow::Error>(())
    };
    let (people, probes, ()) = tokio::try_join!(try_join_all(people), probes, orders)?;
    println!("{:>6.1} s  all have what there is", start.elapsed().as_secs_f64());
    // Those who fell while the rest was sent: all are to read, and to end well.
    fallen += cluster.look_after().await?;

    history.probes = probes;
    let mut summary =
        Summary { sent: 0, accepted: 0, stored: 0, repeated: 0, reconnects: 0, holes: 0, seen: 0, fallen };
    for person in people {
        summary.reconnects += person.sessions.len().saturating_sub(1);
        summary.holes += person.holes;
        summary.repeated += person.repeats;
        let first = history.sessions.len();
        let mut everything = Session { user: person.user.clone(), ..Session::default() };
        for session in person.sessions {
            everything.synced.extend(session.live.iter().map(|(_, seen)| seen.clone()));
            everything.synced.extend(session.synced.iter().cloned());
            history.sessions.push(session);
        }
        for room in &person.rooms {
            everything.complete_from.insert(room.clone(), 0);
        }
        summary.seen += everything.synced.len();
        history.sessions.push(everything);
        for mut sent in person.sent {
            sent.session = sent.session.map(|n| first + n);
            summary.sent += 1;
            summary.accepted += usize::from(sent.accepted);
            summary.stored += usize::from(!sent.told.is_empty());
            history.sent.push(sent);
        }
    }
    let rooms: Vec<String> = history.members.keys().cloned().collect();
    for room in rooms {
        let members = users.iter().filter(|user| history.members[&room].contains(&user.id));
        history.read_ends(&members.collect::<Vec<_>>(), &room, 0).await?;
    }
    println!("{:>6.1} s  history is read", start.elapsed().as_secs_f64());
    ensure!(summary.stored > plan.clients, "there was load: {summary:?}");
    history.check()?;
    Ok(summary)
}

/// Reads, now and then, how far history goes: whoever saw more before saw it too early.
async fn probe(
    users: &[User],
    history: &History,
    mut phases: watch::Receiver<Phase>,
    start: Instant,
) -> Result<Vec<crate::history::Probe>> {
    let mut probes = Vec::new();
    let rooms: Vec<(&String, &User)> = history
        .members
        .iter()
        .filter_map(|(room, members)| Some((room, users.iter().find(|user| members.contains(&user.id))?)))
        .collect();
    for (room, user) in rooms.iter().cycle() {
        let over = phases.wait_for(|phase| *phase == Phase::End);
        if tokio::time::timeout(PROBE, over).await.is_ok() {
            break;
        }
        // A fault may be on; it is asked again later.
        if let Ok(probe) = History::probe(user, room, start).await {
            probes.push(probe);
        }
    }
    Ok(probes)
}
