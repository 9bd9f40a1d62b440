//! Facts about the machine and its processes, from `/proc`.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// CPU time used by a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTime(Duration);

impl CpuTime {
    /// Of another process; exact to a clock tick of 10 ms.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
        Ok(Self(Duration::from_millis(ticks * 10)))
    }

    /// Of several processes together.
    pub(crate) fn of_all(pids: &[u32]) -> anyhow::Result<Self> {
        let each: Vec<Self> = pids.iter().map(|pid| Self::of(*pid)).collect::<anyhow::Result<_>>()?;
        Ok(Self(each.iter().map(|time| time.0).sum()))
    }

    pub(crate) fn own() -> Self {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Self(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
    }

    /// Seconds of CPU time since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0).as_secs_f64()
    }
}

/// CPU time that all of the machine's processes used, and what the hypervisor took away.
pub(crate) fn all_cpu() -> CpuTime {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq steal: without idle and iowait
    let ticks: u64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|at| line.split_whitespace().nth(at + 1)?.parse::<u64>().ok())
        .sum();
    CpuTime(Duration::from_millis(ticks * 10))
}

static WAIT: AtomicBool = AtomicBool::new(true);

/// Whether [`wait_for_quiet`] waits.
pub(crate) fn wait_when_others_work(wait: bool) {
    WAIT.store(wait, Ordering::Relaxed);
}

/// Waits, but not for long, until others leave the processors alone.
pub(crate) fn wait_for_quiet() {
    const LOOK: Duration = Duration::from_millis(250);
    let begun = Instant::now();
    while WAIT.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(30) {
        let before = all_cpu();
        std::thread::sleep(LOOK);
        if all_cpu().since(before) < LOOK.as_secs_f64() * 0.1 {
            return;
        }
    }
}

/// Resident bytes of a process.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    field(&status, "VmRSS:").map(|kib| kib * 1024).context("no VmRSS")
}

/// Bytes of the kernel's slabs, and of TCP's buffers: what sockets cost beside the process.
pub(crate) fn kernel_bytes() -> Option<(u64, u64)> {
    let slab = field(&fs::read_to_string("/proc/meminfo").ok()?, "Slab:")? * 1024;
    let sockstat = fs::read_to_string("/proc/net/sockstat").ok()?;
    let tcp = sockstat.lines().find(|line| line.starts_with("TCP:"))?;
    let pages: u64 = tcp.rsplit("mem ").next()?.trim().parse().ok()?;
    Some((slab, pages * 4096))
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find(|line| line.starts_with(name))?.split_whitespace().nth(1)?.parse().ok()
}

/// Raises the soft limit of open files to the hard one, here and so in what is started from here.
pub(crate) fn raise_open_files() -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("cannot raise the open files limit")
}

/// Raises the hard limit of open files to `count` where it is below, which takes privileges; without, it stays.
#[cfg(feature = "cluster")]
pub(crate) fn more_open_files(count: u64) {
    if getrlimit(Resource::Nofile).maximum.is_some_and(|maximum| maximum < count) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum: Some(count) });
    }
}

/// How many files this process may have open.
#[cfg(feature = "cluster")]
pub(crate) fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Binds this thread, and the threads and processes it starts from now on, to `cores`.
pub(crate) fn pin(cores: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).context("cannot bind to a core")
}

/// One line each about what the figures depend on.
pub(crate) fn facts() -> anyhow::Result<Vec<(&'static str, String)>> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|pair| pair.1));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory =
        field(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal:").unwrap_or_default();
    let open_files =
        getrlimit(Resource::Nofile).maximum.map_or("unlimited".into(), |limit| limit.to_string());
    Ok(vec![
        ("processor", format!("{} cores, {}", cores, model.unwrap_or("unknown"))),
        ("memory", format!("{:.0} GiB", memory as f64 / 1024.0 / 1024.0)),
        ("kernel", format!("Linux {}", kernel.trim().split('-').next().unwrap_or_default())),
        ("open files", open_files),
        ("fdatasync of a 4 KiB append", format!("{:.3} ms (median of 200)", fdatasync_millis()?)),
    ])
}

fn fdatasync_millis() -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile()?;
    let mut took = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2].as_secs_f64() * 1000.0)
}
