//! Every integration test, as one crate: one link, and one set of builders. A folder is one subject.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bird_golden;
mod expose;
mod fixture;
mod house;
mod http;
mod it;
mod judgement;
mod kernel_netns;
mod names;
mod own_address;
mod parsers;
mod pod_paths;
mod replay;
mod route_choice;
