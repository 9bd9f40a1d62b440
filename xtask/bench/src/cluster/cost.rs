//! Which part of the system uses how much processor for a message, and what that makes for many users: the first is
//! measured, the second is arithmetic.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::stage::{Stage, server};
use crate::machine::CpuTime;

/// Messages a second at the peak of the two deployments that `docs/scaling.md` works out.
const PEAKS: [(&str, f64); 2] = [("1 million", 2_500.0), ("100 million", 250_000.0)];

/// Processor time of each part since it started: services by name, all of a service together, and servers.
pub(super) struct Cost(BTreeMap<String, CpuTime>);

impl Cost {
    pub(super) fn now(stage: &mut Stage) -> Result<Self> {
        let mut pids: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for name in stage.cluster.names() {
            let service = stage.cluster.node(&name)?.service().to_owned();
            pids.entry(service).or_default().push(stage.pid(&name)?);
        }
        let folder = fs::read_to_string(server("GOCHAT_SERVERS_STATE")?)?;
        for entry in fs::read_dir(Path::new(folder.trim()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "pid")
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            {
                pids.entry(name.to_owned()).or_default().push(fs::read_to_string(&path)?.trim().parse()?);
            }
        }
        Ok(Self(
            pids.into_iter()
                .map(|(part, pids)| Ok((part, CpuTime::of_all(&pids)?)))
                .collect::<Result<_>>()?,
        ))
    }

    /// Seconds of each part since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> BTreeMap<String, f64> {
        let part = |(name, now): (&String, &CpuTime)| Some((name.clone(), now.since(*earlier.0.get(name)?)));
        self.0.iter().filter_map(part).collect()
    }
}

/// A table of parts: what each uses for a message, and the cores that this makes at the peaks.
pub(super) fn table(spent: &BTreeMap<String, f64>, messages: f64) -> Vec<String> {
    let peaks: Vec<_> = PEAKS
        .iter()
        .map(|(users, rate)| format!("cores for {users} users, {rate} messages/s (arithmetic)"))
        .collect();
    let mut lines = vec![
        format!("\n| part | µs of processor a message (measured) | {} |", peaks.join(" | ")),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    for (part, seconds) in spent {
        let each = seconds / messages;
        let cores: Vec<_> = PEAKS.iter().map(|(_, rate)| format!("{:.2}", each * rate)).collect();
        lines.push(format!("| {part} | {:.1} | {} |", each * 1e6, cores.join(" | ")));
    }
    lines.push(
        "\nWith one receiver online for each message, over loopback; all processes of a part together."
            .to_owned(),
    );
    lines
}
