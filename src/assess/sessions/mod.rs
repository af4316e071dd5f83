//! BGP sessions: whether each is up, since when, why it is down, and how often it was lost.

mod bird_clock;
pub mod down_reason;
pub mod events;
pub mod tracker;
