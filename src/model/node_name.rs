//! Names of nodes.

/// Longest name of a Kubernetes node (a DNS subdomain, RFC 1123).
pub const LONGEST_NAME: usize = 253;

/// Whether `name` can be the name of a node. It becomes a label value, and a part of commands that doctor prints: nothing
/// else is let in.
pub fn is_node_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}
