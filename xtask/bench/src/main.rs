//! Load generator, bare reference server and report of the benchmark.
//!
//! Several roles in one binary, so that one build gives everything a run needs: `bare` is the physical limit,
//! `run` measures GoChat and the bare server in turn and writes the report, and `cluster`, which a feature adds, does the
//! same with the four services. The load generator is a part of
//! `run` and stays on one thread. It knows the client contract and nothing of how the server is made.

mod bare;
mod cases;
#[cfg(feature = "cluster")]
mod cluster;
mod load;
mod machine;
mod report;
mod run;
mod scan;
mod server;
mod settings;
mod ws;

use clap::{Parser, Subcommand};

/// Measures GoChat against the physical limit of the machine it runs on.
#[derive(Parser)]
#[command(name = "gochat-bench", version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Serves as the bare reference: one epoll loop, no JSON, no accounts.
    Bare(bare::Options),
    /// Starts the servers, loads them and prints the table.
    Run(run::Options),
    /// The same with the four services over real servers, which the environment names.
    #[cfg(feature = "cluster")]
    Cluster(cluster::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().role {
        Role::Bare(options) => bare::serve(&options),
        Role::Run(options) => run::run(&options),
        #[cfg(feature = "cluster")]
        Role::Cluster(options) => cluster::run(&options),
    }
}
