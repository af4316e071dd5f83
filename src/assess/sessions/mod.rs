//! BGP sessions: whether each is up, since when, why it is down, and how often it was lost.

pub mod bird_clock;
pub mod down_reason;
pub mod events;
mod history;
mod identity;
pub mod local_end;
mod log;
pub mod stored_error;
pub mod tracker;
