//! The kernel side against real kernels: every test in a network namespace of its own, compared with `ip route`.

mod changes;
mod churn;
mod lookup;
pub mod net;
mod nexthops;
mod privileges;
mod table;
