//! The switches that say whether the node forwards packets.

use crate::model::forwarding::ForwardingSwitches;
use crate::watched_file;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Bytes of one switch, which is a number.
const LARGEST: u64 = 64;

/// Reads the switches below `proc_root` (`/proc`), of the named interfaces too. What is not there is left out: the kernel
/// lacks IPv6, or `force_forwarding`, or the interface has just gone. No `ip_forward` and an odd value are errors.
pub fn forwarding<'a>(
    proc_root: &Path,
    interfaces: impl Iterator<Item = &'a str>,
) -> io::Result<ForwardingSwitches> {
    let net = proc_root.join("sys/net");
    let mut switches = ForwardingSwitches {
        ip_forward: Some(read(&net.join("ipv4/ip_forward"))?.ok_or_else(|| {
            let what = format!("{}: no such file", net.join("ipv4/ip_forward").display());
            io::Error::new(io::ErrorKind::NotFound, what)
        })?),
        all_v6: read(&net.join("ipv6/conf/all/forwarding"))?,
        v4: BTreeMap::new(),
        force_v6: BTreeMap::new(),
    };
    for name in interfaces {
        let conf =
            |family: &str, switch: &str| net.join(family).join("conf").join(name).join(switch);
        if let Some(on) = read(&conf("ipv4", "forwarding"))? {
            switches.v4.insert(name.to_owned(), on);
        }
        if switches.all_v6 == Some(false)
            && let Some(on) = read(&conf("ipv6", "force_forwarding"))?
        {
            switches.force_v6.insert(name.to_owned(), on);
        }
    }
    Ok(switches)
}

/// Any number but 0 is on. `None`: no such file.
fn read(path: &Path) -> io::Result<Option<bool>> {
    let failed = |kind, what: &str| io::Error::new(kind, format!("{}: {what}", path.display()));
    match watched_file::read_text(path, LARGEST) {
        Ok(text) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(Some(number != 0)),
            Err(_) => Err(failed(
                io::ErrorKind::InvalidData,
                &format!("{:?} is no number", text.trim()),
            )),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.kind(), &error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) -> io::Result<()> {
        let path = root.join("sys/net").join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(path, text)
    }

    #[test]
    fn reads_what_is_there() -> io::Result<()> {
        let root = tempfile::tempdir()?;
        let read = |names: &[&str]| forwarding(root.path(), names.iter().copied());
        assert!(read(&[]).is_err(), "no /proc");
        put(root.path(), "ipv4/ip_forward", "0\n")?;
        put(root.path(), "ipv4/conf/eth0.100/forwarding", "1\n")?;
        let switches = read(&["eth0.100", "gone"])?;
        assert_eq!(switches.ip_forward, Some(false));
        assert_eq!(switches.all_v6, None);
        assert_eq!(switches.v4, BTreeMap::from([("eth0.100".to_owned(), true)]));
        put(root.path(), "ipv6/conf/all/forwarding", "0\n")?;
        put(root.path(), "ipv6/conf/eth0.100/force_forwarding", "1\n")?;
        assert_eq!(read(&["eth0.100"])?.force_v6.len(), 1);
        for odd in ["", "on\n"] {
            put(root.path(), "ipv4/ip_forward", odd)?;
            assert!(read(&[]).is_err(), "{odd:?}");
        }
        // What root may mount over it is not waited for.
        let switch = root.path().join("sys/net/ipv4/ip_forward");
        std::fs::remove_file(&switch)?;
        nix::unistd::mkfifo(&switch, nix::sys::stat::Mode::S_IRWXU)?;
        let error = read(&[]).expect_err("a FIFO");
        assert!(error.to_string().contains("is a FIFO"), "{error}");
        put(root.path(), "ipv4/conf/all/forwarding", "0\n")?;
        std::fs::remove_file(&switch)?;
        std::fs::write(&switch, "1".repeat(65))?;
        assert!(read(&[]).is_err());
        Ok(())
    }
}
