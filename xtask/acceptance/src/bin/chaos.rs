//! `gochat-chaos --programs FOLDER [--minutes N] [--seed N] [--clients N] [--only TEXT]…`
//!
//! Starts the four services over the servers that the environment names (`cargo xtask servers run`), lets clients talk while
//! each kind of fault happens once, and then faults drawn by the seed until the time is over; then says whether a promise
//! was broken.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use gochat_acceptance::chaos::{Fault, Plan, Servers, run};
use gochat_acceptance::cluster::{Cluster, Sizes, asked_to_end};

/// About how long a fault takes, with the rest after it.
const EACH: u64 = 16;

fn main() -> ExitCode {
    let run = || -> Result<()> {
        // Given up, it takes its processes with it.
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            tokio::select! {
                done = start() => done,
                ended = asked_to_end() => ended.and_then(|()| bail!("given up")),
            }
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gochat-chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut programs, mut minutes, mut clients, mut seed) = (None, 10_u64, 200_usize, None);
    let mut only = Vec::new();
    while let Some(arg) = args.next() {
        let value = args.next().with_context(|| format!("{arg} wants a value"))?;
        match arg.as_str() {
            "--programs" => programs = Some(PathBuf::from(value)),
            "--minutes" => minutes = value.parse().context(arg)?,
            "--clients" => clients = value.parse().context(arg)?,
            "--seed" => seed = Some(value.parse::<u64>().context(arg)?),
            // The faults whose names contain one of these texts, once each, and no other.
            "--only" => only.push(value),
            _ => bail!("there is no {arg}"),
        }
    }
    let programs =
        programs.context("--programs names the folder of im-gateway and the others")?.canonicalize()?;
    let seed = match seed {
        Some(seed) => seed,
        None => {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes)?;
            u64::from_le_bytes(bytes)
        }
    };
    println!("seed {seed}: `--seed {seed}` draws the same faults again");
    let sizes = Sizes { gateways: 2, logic: 2, repo: 2, task: 2 };
    let settings =
        ["limits.sends_per_second=0", "limits.registrations_per_minute=0", "chat.direct_fanout=500"];
    let brokers = std::env::var("KAFKA_BROKERS").context("KAFKA_BROKERS is not set")?.split(',').count();
    let mut settings = settings.map(str::to_owned).to_vec();
    settings.push(format!("kafka.replication={brokers}"));
    let mut cluster = Cluster::start(sizes, programs, &settings).await?;
    let servers = Servers {
        script: PathBuf::from(
            std::env::var("GOCHAT_SERVERS_SCRIPT").unwrap_or_else(|_| "xtask/servers/servers.sh".to_owned()),
        ),
        redis: std::env::var("REDIS_URL").context("REDIS_URL is not set")?,
    };
    let mut faults = Fault::each(&cluster, brokers);
    if only.is_empty() {
        let drawn = (minutes * 60 / EACH).saturating_sub(faults.len() as u64);
        faults.extend(Fault::drawn(&cluster, brokers, seed, usize::try_from(drawn)?));
    } else {
        faults.retain(|fault| only.iter().any(|text| fault.to_string().contains(text)));
        ensure!(!faults.is_empty(), "no fault's name contains {}", only.join(" or "));
    }
    let plan = Plan { clients, pace: Duration::from_secs(2), rest: Duration::from_secs(5), faults };
    // Both are promises, and whoever reads the gate's report sees the last lines.
    let ended = match run(&plan, &mut cluster, &servers).await {
        Ok(summary) => {
            println!("no promise was broken: {summary:?}");
            for line in cluster.series(&["gochat_kafka_stalls"]).await {
                println!("consumers made anew, {line}");
            }
            cluster.stop().await
        }
        Err(error) => {
            eprintln!("{}", cluster.last_words()?);
            let series = ["gochat_kafka_stalls", "gochat_kafka_lag", "gochat_kafka_fetched"];
            eprintln!("\n{}", cluster.series(&series).await.join("\n"));
            Err(error)
        }
    };
    match &ended {
        Ok(()) => println!("test result: ok. 1 passed; 0 failed; 0 ignored"),
        Err(error) => println!("{error:#}\ntest result: FAILED. 0 passed; 1 failed; 0 ignored"),
    }
    ended
}
