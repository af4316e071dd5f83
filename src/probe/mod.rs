//! Pod paths: a pod in the pod network asks pods of the same kind on other nodes, and says which paths are broken.
//!
//! `prober` and what it uses know no socket, no clock and no task; `run`, `families`, `socket`, `discovery`, `key_file` and `content`
//! do.

pub mod choice;
mod content;
pub mod datagram;
mod discovery;
mod families;
mod key_file;
mod members;
mod path;
pub mod peer;
pub mod prober;
mod rate_limit;
pub mod report;
mod run;
pub mod signature;
mod socket;

pub use key_file::BadKeyFile;
pub use run::run;
