//! Connects: how many sockets a second log in by a token they have, all of them kept.

use std::time::Instant;

use super::idle::{AT_ONCE, Quiet};
use super::rounds::median;
use super::{Outcome, Verdict, grouped};
use crate::load::{Api, Login, Pool};
use crate::machine::wait_for_quiet;
use crate::run::Bench;
use crate::server::Server;

/// Connects a second, by a server just started and by one that has had them before.
#[derive(Default)]
struct Rates {
    cold: Vec<f64>,
    warm: Vec<f64>,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<Outcome> {
    let sockets = if bench.quick { 500 } else { 10_000 };
    let folder = tempfile::tempdir()?;
    let bare_paths = vec!["/ws?room=1".to_owned(); sockets];
    let mut paths: Vec<String> = Vec::new();
    if !bench.bare_only {
        let server = bench.gochat(folder.path())?;
        paths = Api { to: server.at }.guests(sockets)?.iter().map(Login::path).collect();
    }
    let (mut ours, mut bare) = (Rates::default(), Rates::default());
    for round in 1..=bench.rounds {
        bare.measure(&bench.bare(folder.path(), false, (0, 0))?, &bare_paths)?;
        println!("round {round} bare: {bare}");
        if !bench.bare_only {
            let server = bench.gochat(folder.path())?;
            let mut profile = if round == 1 { bench.profile(&server, "connects")? } else { None };
            ours.measure(&server, &paths)?;
            profile.as_mut().map(|child| child.wait()).transpose()?;
            println!("round {round} gochat: {ours}");
        }
    }
    let (cold, warm) = (median(ours.cold.into_iter()), median(ours.warm.into_iter()));
    let worse = cold.min(warm);
    Ok(Outcome {
        name: "connects",
        what: "logins by token and connects a second, all kept",
        reached: format!("cold {}/s, warm {}/s", grouped(cold), grouped(warm)),
        bare: format!(
            "cold {}/s, warm {}/s",
            grouped(median(bare.cold.into_iter())),
            grouped(median(bare.warm.into_iter()))
        ),
        others: "Centrifugo 5,800, WuKongIM 4,600",
        must: "6,000",
        aim: "12,000",
        verdict: if bench.bare_only { Verdict::Open } else { Verdict::at_least(worse, 6_000.0, 12_000.0) },
        clean: true,
        checks: format!("{sockets} sockets open each time"),
        details: vec!["Cold is the first time after the server's start, warm the second.".into()],
    })
}

impl Rates {
    fn measure(&mut self, server: &Server, paths: &[String]) -> anyhow::Result<()> {
        for rates in [&mut self.cold, &mut self.warm] {
            let mut pool = Pool::new()?;
            let mut quiet = Quiet::default();
            wait_for_quiet();
            let begun = Instant::now();
            pool.connect(server.at, paths, AT_ONCE, &mut quiet)?;
            rates.push(paths.len() as f64 / begun.elapsed().as_secs_f64());
            anyhow::ensure!(quiet.tally.is_clean(), "sockets were lost: {}", quiet.tally);
            pool.close_all();
            // The server sees the ends one by one; the next pass shall not pay for them.
            std::thread::sleep(std::time::Duration::from_millis(1_500));
        }
        Ok(())
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = |rates: &[f64]| grouped(rates.last().copied().unwrap_or_default());
        write!(f, "cold {}/s, warm {}/s", last(&self.cold), last(&self.warm))
    }
}
