//! The BIRD side against recorded answers of real daemons, damaged text, and fake daemons.

mod captures;
mod chunks;
mod fake_daemon;
mod kernel_agrees;
mod random;
mod reasons;
mod truth;
