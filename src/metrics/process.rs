//! This process, from the kernel. What cannot be read is left out.

use crate::watched_file::{self, LARGEST};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// The values of the standard `process_*` family.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) start_seconds: Option<f64>,
}

impl Process {
    pub(super) fn read() -> Process {
        static START: OnceLock<Option<f64>> = OnceLock::new();
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let memory = text("/proc/self/statm").unwrap_or_default();
        let mut memory = memory.split_ascii_whitespace();
        let mut bytes = || Some(memory.next()?.parse::<u64>().ok()? * page_size() as u64);
        Process {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            open_fds: open_descriptors(),
            max_fds: descriptor_limit(),
            virtual_bytes: bytes(),
            resident_bytes: bytes(),
            start_seconds: *START.get_or_init(start_seconds),
        }
    }
}

/// When the process was started, from the ticks since boot of field 22 of `/proc/self/stat` (proc(5)).
fn start_seconds() -> Option<f64> {
    let stat = text("/proc/self/stat")?;
    // The name in brackets may hold spaces and brackets itself; the field after it is number 3.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    let system = text("/proc/stat")?;
    let mut lines = system.lines();
    let boot = lines.find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok())?;
    Some(boot as f64 + ticks as f64 / clock_ticks_per_second() as f64)
}

/// Since Linux 6.2 the size of the directory is the number of open descriptors. Older kernels say 0: the entries are counted.
fn open_descriptors() -> Option<u64> {
    let size = fs::metadata("/proc/self/fd").ok()?.len();
    if size > 0 {
        return Some(size);
    }
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    // The directory's own descriptor is among them.
    Some(entries.saturating_sub(1) as u64)
}

/// How many files this process may have open (the soft limit of RLIMIT_NOFILE); `None` without a limit.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

fn text(path: &str) -> Option<String> {
    watched_file::read_text(Path::new(path), LARGEST).ok()
}
