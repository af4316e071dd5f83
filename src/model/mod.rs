//! Plain data: what was seen and what it was judged to be. Knows only std, ipnet and jiff, the calendar.

pub mod daemon;
pub mod duration;
pub mod family;
pub mod finding;
pub mod forwarding;
pub mod link;
pub mod lookup;
pub mod node_name;
pub mod pod_cidr;
pub mod pod_path;
pub mod rib;
pub mod route;
pub mod session;
pub mod snapshot;
pub mod time;
pub mod visible;

pub use family::{DaemonFamily, Family, PerFamily};
