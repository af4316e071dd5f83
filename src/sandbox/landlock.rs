//! Which files can be opened (landlock(7)): some for reading, none for anything else. No TCP port can be bound or,
//! but for a probe's DNS, connected to, and no abstract socket or process outside is reached, where the kernel's Landlock is new enough.

use super::Network;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
};
use std::path::PathBuf;

/// The newest version whose rights were thought through: ABI 6 is Linux 6.12. Later ones add rights over Unix sockets
/// with a path, by which BIRD is reached.
const ABI: ABI = ABI::V6;

/// Restricts this thread; says how much of it this kernel can do.
pub(super) fn restrict(readable: &[PathBuf], network: Network) -> Result<&'static str, String> {
    let status = restricted(readable, network).map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok("in force"),
        RulesetStatus::PartiallyEnforced => Ok("partly in force (an older kernel)"),
        RulesetStatus::NotEnforced => Err("this kernel has none".into()),
    }
}

fn restricted(readable: &[PathBuf], network: Network) -> Result<RestrictionStatus, RulesetError> {
    let refused = match network {
        Network::Open => AccessNet::from_all(ABI),
        Network::Ip => AccessNet::BindTcp.into(),
    };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI))?
        .handle_access(refused)?
        .scope(Scope::from_all(ABI))?
        .create()?;
    for path in readable {
        // A path that does not exist now cannot be read later.
        if let Ok(path) = PathFd::new(path) {
            let read = AccessFs::ReadFile | AccessFs::ReadDir;
            ruleset = ruleset.add_rule(PathBeneath::new(path, read))?;
        }
    }
    ruleset.restrict_self()
}
