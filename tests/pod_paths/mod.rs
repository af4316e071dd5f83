//! Probes in a network in memory: what they find, what they do not mind, what they cost.

mod allocations;
mod network;
mod stories;
