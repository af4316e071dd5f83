//! This process, from `/proc/self` (proc(5)). What cannot be read is left out.

use crate::watched_file::{self, LARGEST};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// The values of the standard `process_*` family.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) start_seconds: Option<f64>,
}

/// What stays the same while the process lives.
struct Constants {
    page_size: Option<u64>,
    ticks_per_second: Option<u64>,
    boot_seconds: Option<u64>,
}

impl Process {
    pub(super) fn read() -> Process {
        static CONSTANTS: OnceLock<Constants> = OnceLock::new();
        let constants = CONSTANTS.get_or_init(Constants::read);
        let stat = text("/proc/self/stat").unwrap_or_default();
        let seconds =
            |ticks: u64| Some(ticks as f64 / constants.ticks_per_second.filter(|t| *t > 0)? as f64);
        // The name in brackets may hold spaces and brackets itself.
        let fields: Vec<&str> = match stat.rsplit_once(')') {
            Some((_, rest)) => rest.split_ascii_whitespace().collect(),
            None => Vec::new(),
        };
        // Numbered as in proc(5), where the state that follows the name is field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Process {
            cpu_seconds: field(14).zip(field(15)).and_then(|(u, s)| seconds(u + s)),
            // The directory's own descriptor is among the entries.
            open_fds: fs::read_dir("/proc/self/fd")
                .ok()
                .map(|entries| entries.count().saturating_sub(1) as u64),
            max_fds: descriptor_limit(),
            resident_bytes: field(24)
                .zip(constants.page_size)
                .map(|(pages, size)| pages * size),
            virtual_bytes: field(23),
            start_seconds: field(22)
                .and_then(seconds)
                .zip(constants.boot_seconds)
                .map(|(after, boot)| boot as f64 + after),
        }
    }
}

impl Constants {
    fn read() -> Constants {
        let auxv = watched_file::read(Path::new("/proc/self/auxv"), LARGEST).unwrap_or_default();
        let stat = text("/proc/stat").unwrap_or_default();
        Constants {
            page_size: auxiliary(&auxv, 6),
            ticks_per_second: auxiliary(&auxv, 17),
            boot_seconds: stat
                .lines()
                .find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()),
        }
    }
}

/// How many files this process may have open (the soft limit of RLIMIT_NOFILE); `None` where that cannot be read.
pub fn descriptor_limit() -> Option<u64> {
    let limits = text("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
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
