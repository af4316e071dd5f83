//! The kernel side against real kernels: every test in a network namespace of its own, compared with `ip route`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_netns {
    mod changes;
    mod churn;
    mod lookup;
    pub mod net;
    mod nexthops;
    mod privileges;
    mod table;
}
