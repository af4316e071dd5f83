#![no_main]
#![allow(dead_code, reason = "each target is one of the checks")]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::node::node(data));
