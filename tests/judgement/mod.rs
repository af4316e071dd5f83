//! Judgement over time, without any daemon or kernel: plain data in, verdicts out.

mod assessor;
mod attempts;
mod build;
mod designs;
mod document;
mod duplicates;
mod expectation;
mod findings;
mod fleet;
mod history;
mod presence;
mod tunnels;
mod variants;
