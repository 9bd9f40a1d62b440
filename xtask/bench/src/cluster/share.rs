//! A share of the processors for one process, as a small machine of its own would give it: the kernel's bandwidth control.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The kernel gives the share anew so often, in microseconds.
const PERIOD: u64 = 10_000;
const ROOT: &str = "/sys/fs/cgroup/cpu";

/// A control group with one process; removed when dropped, once the process is gone.
pub(super) struct Share(PathBuf);

impl Share {
    /// Bounds a process, with all its threads, to this part of a core. Needs root and the `cpu` controller of version 1.
    pub(super) fn of(pid: u32, part: f64) -> Result<Self> {
        let folder = PathBuf::from(format!("{ROOT}/gochat-bench-{pid}"));
        let help = "bounding a process needs root and the cpu controller at /sys/fs/cgroup/cpu";
        fs::create_dir(&folder).context(help)?;
        let share = Self(folder);
        let write = |file: &str, value: String| fs::write(share.0.join(file), value).context(help);
        write("cpu.cfs_period_us", PERIOD.to_string())?;
        write("cpu.cfs_quota_us", ((PERIOD as f64 * part) as u64).to_string())?;
        write("cgroup.procs", pid.to_string())?;
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Whoever is still there goes back to where all are.
        let procs = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in procs.lines() {
            let _ = fs::write(format!("{ROOT}/cgroup.procs"), pid);
        }
        let _ = fs::remove_dir(&self.0);
    }
}
