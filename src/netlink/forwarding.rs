//! Whether the node forwards packets.

use std::io;
use std::path::Path;

/// `net.ipv4.ip_forward` and `net.ipv6.conf.all.forwarding`, below `proc_root` (`/proc`). `None`: the kernel has
/// no such setting (IPv6 is off).
pub fn forwarding(proc_root: &Path) -> io::Result<[Option<bool>; 2]> {
    let read = |path: &str| match std::fs::read_to_string(proc_root.join(path)) {
        // Any number but 0 is on.
        Ok(value) => Ok(Some(value.trim() != "0")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
    };
    Ok([
        read("sys/net/ipv4/ip_forward")?,
        read("sys/net/ipv6/conf/all/forwarding")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_and_misses_what_is_not_there() -> io::Result<()> {
        let root = tempfile::tempdir()?;
        assert_eq!(forwarding(root.path())?, [None, None]);
        std::fs::create_dir_all(root.path().join("sys/net/ipv4"))?;
        std::fs::write(root.path().join("sys/net/ipv4/ip_forward"), "0\n")?;
        assert_eq!(forwarding(root.path())?, [Some(false), None]);
        std::fs::create_dir_all(root.path().join("sys/net/ipv6/conf/all"))?;
        std::fs::write(root.path().join("sys/net/ipv6/conf/all/forwarding"), "1\n")?;
        assert_eq!(forwarding(root.path())?, [Some(false), Some(true)]);
        Ok(())
    }
}
