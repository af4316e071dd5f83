//! This process, from the kernel. What cannot be read is left out.

use crate::watched_file::{self, LARGEST};
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

/// What stays the same while the process lives.
struct Constants {
    page_size: Option<u64>,
    start_seconds: Option<f64>,
}

impl Process {
    pub(super) fn read() -> Process {
        static CONSTANTS: OnceLock<Constants> = OnceLock::new();
        let constants = CONSTANTS.get_or_init(Constants::read);
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let memory = text("/proc/self/statm").unwrap_or_default();
        let mut memory = memory.split_ascii_whitespace();
        let mut bytes = || Some(memory.next()?.parse::<u64>().ok()? * constants.page_size?);
        Process {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            open_fds: open_descriptors(),
            max_fds: descriptor_limit(),
            virtual_bytes: bytes(),
            resident_bytes: bytes(),
            start_seconds: constants.start_seconds,
        }
    }
}

impl Constants {
    fn read() -> Constants {
        let auxv = watched_file::read(Path::new("/proc/self/auxv"), LARGEST).unwrap_or_default();
        Constants {
            page_size: auxiliary(&auxv, 6),
            start_seconds: start_seconds(auxiliary(&auxv, 17)),
        }
    }
}

/// When the process was started, from the ticks since boot of field 22 of `/proc/self/stat` (proc(5)).
fn start_seconds(ticks_per_second: Option<u64>) -> Option<f64> {
    let stat = text("/proc/self/stat")?;
    // The name in brackets may hold spaces and brackets itself; the field after it is number 3.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    let system = text("/proc/stat")?;
    let mut lines = system.lines();
    let boot = lines.find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok())?;
    Some(boot as f64 + ticks as f64 / ticks_per_second.filter(|ticks| *ticks > 0)? as f64)
}

/// The size of the directory tells since Linux 6.2; before it is 0, and the entries are counted.
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

/// A value of the auxiliary vector (getauxval(3)): AT_PAGESZ is 6, AT_CLKTCK 17.
fn auxiliary(vector: &[u8], key: usize) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    vector.chunks_exact(2 * WORD).find_map(|pair| {
        let (name, value) = pair.split_at(WORD);
        let name = usize::from_ne_bytes(name.try_into().ok()?);
        let value = usize::from_ne_bytes(value.try_into().ok()?);
        (name == key).then_some(value as u64)
    })
}
