//! Log lines: one structured line an event, to stderr.

mod events;
mod writer;

pub use events::event;
pub use writer::LogThread;

use crate::cli::LogFormat;
use crate::model::visible;
use std::io::Write;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use writer::Writer;

/// Sets up the log. Lines of the crates below this one come through from `warn` on, unless more was asked for. The thread
/// that writes them is still to be begun.
pub fn init(level: Level, format: LogFormat) -> LogThread {
    let _ = tracing_log::LogTracer::init();
    let below = if level > Level::INFO {
        level
    } else {
        level.min(Level::WARN)
    };
    let filter = Targets::new()
        .with_default(LevelFilter::from_level(below))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let registry = tracing_subscriber::registry().with(filter);
    let (writer, thread) = Writer::new(std::io::stderr(), format, |count| {
        tracing::warn!(count, "log lines were dropped, because stderr was not read");
    });
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        .with_target(false)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(false)).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).init(),
    }
    thread
}

/// Writes an error to stderr. Its text may have names from outside; one that cannot be printed (stderr is closed or full)
/// is let go.
pub fn say(error: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{}", visible::lines(&error.to_string()));
}
