//! Flags that judgement depends on.

use crate::model::pod_cidr::ExpectedMode;
use ipnet::IpNet;

/// What to judge by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssessConfig {
    /// `--ip-pool`.
    pub pools: Vec<IpNet>,
    /// `--pod-cidr.limit`.
    pub limit: usize,
    /// `--expected-encapsulation`.
    pub mode: Option<ExpectedMode>,
}
