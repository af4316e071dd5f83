//! Pod paths: a pod in the pod network asks the same kind of pod on other nodes, and says which paths are broken.

pub mod choice;
pub mod datagram;
mod members;
mod path;
pub mod peer;
pub mod prober;
mod rate_limit;
pub mod report;
pub mod signature;
