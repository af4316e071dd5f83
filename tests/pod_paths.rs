//! Probes in a network in memory: what they find, what they do not mind, what they cost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "pod_paths/network.rs"]
mod network;
#[path = "pod_paths/stories.rs"]
mod stories;
