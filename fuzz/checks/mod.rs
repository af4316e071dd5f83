//! What must hold of every parser whatever it is given. Each check is a fuzz target of its own, and `cargo test` runs all of them on the
//! seeds and on what chance makes of those (`tests/parsers.rs`).

pub mod bird;
pub mod clients;
pub mod kernel;
pub mod node;
pub mod probe;
pub mod settings;
