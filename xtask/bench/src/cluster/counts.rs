//! What the servers and the services have counted: statements, round trips, batches.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use super::stage::{Stage, server};

/// Counts since the servers started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Times that Redis read from a socket: at least one for each round trip, more where a request is long.
    pub(super) redis_reads: f64,
    pub(super) redis_commands: f64,
    /// Statements that primary and replica were asked; what a client prepares once and closes is not among them.
    pub(super) statements: f64,
    /// Calls that the services made to each other; none where they don't count them.
    pub(super) calls: Option<f64>,
    /// Batches that the pipelines took, and the messages in them.
    pub(super) batches: f64,
    pub(super) consumed: f64,
}

impl Counts {
    pub(super) fn now(stage: &mut Stage) -> Result<Self> {
        let mut counts = Self::default();
        let info = redis_stats()?;
        counts.redis_reads = value(&info, "total_reads_processed:");
        counts.redis_commands = value(&info, "total_commands_processed:");
        for variable in ["MYSQL_PRIMARY_URL", "MYSQL_REPLICA_URL"] {
            counts.statements += stage.runtime.block_on(statements(&server(variable)?))?;
        }
        for name in stage.cluster.names() {
            let text = stage.runtime.block_on(stage.cluster.node(&name)?.metrics())?;
            if text.contains("gochat_grpc_client_calls") {
                counts.calls =
                    Some(counts.calls.unwrap_or_default() + sum(&text, "gochat_grpc_client_calls_total"));
            }
            if name.starts_with("im-logic") {
                counts.batches += sum(&text, "gochat_kafka_batches_total");
                counts.consumed += sum(&text, "gochat_kafka_consumed_total");
            }
        }
        Ok(counts)
    }

    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            redis_reads: self.redis_reads - earlier.redis_reads,
            redis_commands: self.redis_commands - earlier.redis_commands,
            statements: self.statements - earlier.statements,
            calls: self.calls.zip(earlier.calls).map(|(now, then)| now - then),
            batches: self.batches - earlier.batches,
            consumed: self.consumed - earlier.consumed,
        }
    }
}

fn redis_stats() -> Result<String> {
    let url = server("REDIS_URL")?;
    let address = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).context("a Redis URL")?;
    let mut stream = BufReader::new(TcpStream::connect(address).with_context(|| url.clone())?);
    stream.get_mut().write_all(b"INFO stats\r\n")?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let length = line.trim().strip_prefix('$').context("an answer of Redis")?.parse()?;
    let mut text = vec![0; length];
    stream.read_exact(&mut text)?;
    Ok(String::from_utf8(text)?)
}

async fn statements(url: &str) -> Result<f64> {
    let mut connection = Conn::new(Opts::from_url(url)?).await?;
    let row: Option<(String, String)> = connection.query_first("SHOW GLOBAL STATUS LIKE 'Questions'").await?;
    connection.disconnect().await?;
    Ok(row.context("Questions")?.1.parse()?)
}

/// All series of a metric together.
fn sum(text: &str, name: &str) -> f64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(name));
    let series = series.filter(|rest| rest.starts_with([' ', '{']));
    series.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_are_added_and_no_others() {
        let text = "# HELP a_total x\na_total{m=\"x y\"} 3\na_total{m=\"z\"} 4\na_total_more 5\nb_total 6\na_totals 7\n";
        assert!((sum(text, "a_total") - 7.0).abs() < f64::EPSILON);
        assert!((sum(text, "b_total") - 6.0).abs() < f64::EPSILON);
    }
}
