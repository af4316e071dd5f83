//! Why a socket may not be opened: who this process is, and the owner and mode of the socket or of a directory above it.

use crate::watched_file::{self, LARGEST};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Effective user and groups of a process.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    user: u32,
    groups: Vec<u32>,
}

/// Owner and permission bits of a file.
#[derive(Debug, Clone, Copy)]
struct Access {
    user: u32,
    group: u32,
    mode: u32,
}

const ENTER: u32 = 0o1;
const WRITE: u32 = 0o2;

/// Says which file refuses this process, and which user or group it would accept.
pub(super) fn explain(socket: &str) -> String {
    let identity = watched_file::read_text(Path::new("/proc/self/status"), LARGEST)
        .ok()
        .and_then(|status| Identity::parse(&status));
    let Some(identity) = identity else {
        return "permission denied".to_owned();
    };
    let access = |path: &Path| std::fs::metadata(path).ok().map(Access::from);
    let socket = Path::new(socket);
    let mut directories: Vec<&Path> = socket.ancestors().skip(1).collect();
    directories.reverse();
    for directory in directories {
        if let Some(found) = access(directory).filter(|found| !found.allows(&identity, ENTER)) {
            let what = format!("the directory {}", directory.display());
            return refusal(&identity, &what, found, ENTER);
        }
    }
    match access(socket) {
        Some(found) if !found.allows(&identity, WRITE) => {
            refusal(&identity, "the socket", found, WRITE)
        }
        _ => format!(
            "permission denied for {identity} although owner and mode allow it: SELinux or another security module refuses it"
        ),
    }
}

fn refusal(identity: &Identity, what: &str, found: Access, bit: u32) -> String {
    let group = match found.mode & (bit << 3) {
        0 => String::new(),
        _ => format!(" or with group {}", found.group),
    };
    format!(
        "permission denied for {identity}: {what} has mode {:04o} and owner {}:{}: run as user {}{group}",
        found.mode & 0o7777,
        found.user,
        found.group,
        found.user,
    )
}

impl Identity {
    /// From the text of `/proc/PID/status`: `Uid:` and `Gid:` have the effective one second.
    fn parse(status: &str) -> Option<Self> {
        let numbers = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace()
                .map(|number| number.parse().ok())
                .collect::<Option<Vec<u32>>>()
        };
        let mut groups = vec![*numbers("Gid:")?.get(1)?];
        for group in numbers("Groups:")? {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Some(Identity {
            user: *numbers("Uid:")?.get(1)?,
            groups,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} with group", self.user)?;
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        write!(f, " {}", groups.join(", "))
    }
}

impl From<std::fs::Metadata> for Access {
    fn from(metadata: std::fs::Metadata) -> Self {
        Access {
            user: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode(),
        }
    }
}

impl Access {
    /// The kernel's rule without capabilities: the first of owner, group and others that applies decides (path_resolution(7)).
    fn allows(self, identity: &Identity, bit: u32) -> bool {
        let shift = if identity.user == self.user {
            6
        } else if identity.groups.contains(&self.group) {
            3
        } else {
            0
        };
        self.mode & (bit << shift) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "Name:\tx\nUid:\t0\t65532\t65532\t65532\nGid:\t0\t0\t0\t0\nGroups:\t0 10 \n";

    fn identity() -> Identity {
        Identity {
            user: 65532,
            groups: vec![0, 10],
        }
    }

    fn root(mode: u32) -> Access {
        Access {
            user: 0,
            group: 0,
            mode,
        }
    }

    #[test]
    fn the_identity_is_the_effective_one() {
        assert_eq!(Identity::parse(STATUS), Some(identity()));
        assert_eq!(Identity::parse("Name:\tx\n"), None);
    }

    #[test]
    fn the_class_that_applies_decides() {
        assert!(root(0o140_660).allows(&identity(), WRITE));
        assert!(
            !root(0o140_606).allows(&identity(), WRITE),
            "the group's bits, not those of others"
        );
        assert!(!root(0o40_700).allows(&identity(), ENTER));
        let owner = Access {
            user: 65532,
            ..root(0o40_070)
        };
        assert!(
            !owner.allows(&identity(), ENTER),
            "the owner's bits, not the group's"
        );
    }

    #[test]
    fn the_refusal_names_user_and_mode() {
        assert_eq!(
            refusal(
                &identity(),
                "the directory /var/run/calico",
                root(0o40_700),
                ENTER
            ),
            "permission denied for user 65532 with group 0, 10: the directory /var/run/calico has mode 0700 and owner 0:0: run as user 0"
        );
        let stranger = Identity {
            user: 65532,
            groups: vec![65532],
        };
        let text = refusal(&stranger, "the socket", root(0o140_660), WRITE);
        assert!(
            text.ends_with("the socket has mode 0660 and owner 0:0: run as user 0 or with group 0"),
            "{text}"
        );
    }
}
