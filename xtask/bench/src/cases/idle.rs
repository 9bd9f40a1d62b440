//! Idle sockets: what each of 10,000 authenticated connections costs the server in resident memory.

use std::time::{Duration, Instant};

use super::{Outcome, Verdict};
use crate::load::{Api, Handler, Login, Outbox, Pool, Tally};
use crate::machine;
use crate::run::Bench;
use crate::server::Server;

/// Connections made at once.
pub(crate) const AT_ONCE: usize = 64;
const SETTLE: Duration = Duration::from_secs(3);

struct Cost {
    resident: f64,
    kernel: Option<f64>,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<Outcome> {
    let sockets = if bench.quick { 500 } else { 10_000 };
    let folder = tempfile::tempdir()?;
    let server = bench.bare(folder.path(), false, (0, 0))?;
    let bare = cost(&server, &vec!["/ws?room=1".to_owned(); sockets])?;
    drop(server);
    let mut ours = None;
    if !bench.bare_only {
        let server = bench.gochat(folder.path())?;
        let tokens: Vec<String> = Api { to: server.at }.guests(sockets)?.iter().map(Login::path).collect();
        ours = Some(cost(&server, &tokens)?);
    }
    let reached = ours.as_ref().map_or(0.0, |cost| cost.resident);
    let kernel =
        |cost: &Cost| cost.kernel.map_or("unknown".into(), |bytes| format!("{:.1} KB", bytes / 1000.0));
    Ok(Outcome {
        name: "idle",
        what: "10,000 idle authenticated sockets: server RSS for each",
        reached: format!(
            "{:.1} KB, and {} of kernel memory",
            reached / 1000.0,
            ours.as_ref().map_or("-".into(), kernel)
        ),
        bare: format!("{:.1} KB, kernel {}", bare.resident / 1000.0, kernel(&bare)),
        others: "Centrifugo 44.9 KB, Tinode 33 KB, WuKongIM 7.4 KB",
        must: "7 KB",
        aim: "4 KB",
        verdict: if ours.is_none() { Verdict::Open } else { Verdict::at_most(reached, 7_000.0, 4_000.0) },
        clean: true,
        checks: format!("{sockets} sockets open"),
        details: vec![
            "Kernel memory is the growth of slabs and TCP buffers, halved: both ends are on this machine."
                .into(),
        ],
    })
}

fn cost(server: &Server, paths: &[String]) -> anyhow::Result<Cost> {
    let before = (machine::resident(server.pid())?, machine::kernel_bytes());
    let mut pool = Pool::new()?;
    let mut quiet = Quiet::default();
    pool.connect(server.at, paths, AT_ONCE, &mut quiet)?;
    let until = Instant::now() + SETTLE;
    while Instant::now() < until {
        pool.turn(Some(Duration::from_millis(100)), &mut quiet)?;
    }
    anyhow::ensure!(
        pool.open() == paths.len(),
        "{} of {} sockets stayed: {}",
        pool.open(),
        paths.len(),
        quiet.tally
    );
    let after = (machine::resident(server.pid())?, machine::kernel_bytes());
    let each = |bytes: u64| bytes as f64 / paths.len() as f64;
    let kernel = before
        .1
        .zip(after.1)
        .map(|(before, after)| each((after.0 + after.1).saturating_sub(before.0 + before.1)) / 2.0);
    Ok(Cost { resident: each(after.0.saturating_sub(before.0)), kernel })
}

/// Notes closed sockets, and nothing else.
#[derive(Default)]
pub(crate) struct Quiet {
    pub(crate) tally: Tally,
}

impl Handler for Quiet {
    fn frame(&mut self, _: &mut Outbox, _: usize, _: &[u8], _: Instant) {}

    fn closed(&mut self, socket: usize, why: String) {
        self.tally.closed += 1;
        self.tally.note(|| format!("socket {socket}: {why}"));
    }
}
