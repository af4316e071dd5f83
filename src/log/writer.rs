//! Writes log lines from a thread of its own: whoever reads stderr slowly, or not at all, never holds up a scrape.

use crate::cli::LogFormat;
use crate::model::visible::{Visible, is_hidden};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that wait to be written. A line is a few hundred bytes.
const WAITING: usize = 1024;
/// How long the end of the program waits for the lines that are still to be written.
const FLUSH: Duration = Duration::from_millis(500);

/// Takes whole lines. One that finds no room is dropped and counted; the count is logged when there is room again.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    lines: SyncSender<String>,
    counts: Arc<Counts>,
    format: LogFormat,
}

#[derive(Debug, Default)]
struct Counts {
    /// Handed to the thread and not yet written.
    waiting: AtomicU64,
    /// Not yet reported.
    dropped: AtomicU64,
}

/// The thread that writes the lines. When dropped, it is given a moment to write the last ones.
#[must_use]
pub struct LogThread {
    counts: Arc<Counts>,
    /// Taken by the thread when it begins.
    body: Option<Box<dyn FnOnce() + Send>>,
}

impl LogThread {
    /// Begins to write. Lines of before wait until then. Without a thread nothing is logged.
    pub fn begin(&mut self) -> io::Result<()> {
        match self.body.take() {
            Some(body) => {
                let thread = thread::Builder::new().name("log".into());
                thread.spawn(body).map(drop)
            }
            None => Ok(()),
        }
    }
}

impl Writer {
    /// A writer to `out` and its thread. `report` is called with the number of lines that were dropped.
    pub(super) fn new(
        out: impl Write + Send + 'static,
        format: LogFormat,
        report: impl Fn(u64) + Send + 'static,
    ) -> (Self, LogThread) {
        let (lines, written) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let of_thread = Arc::clone(&counts);
        let thread = LogThread {
            counts: Arc::clone(&counts),
            body: Some(Box::new(move || {
                write_lines(out, &written, &of_thread, report);
            })),
        };
        let writer = Writer {
            lines,
            counts,
            format,
        };
        (writer, thread)
    }
}

impl Write for Writer {
    /// One line with its end, as `tracing_subscriber::fmt` writes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = printable(&String::from_utf8_lossy(line), self.format);
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if self.lines.try_send(text).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(
    mut out: impl Write,
    lines: &Receiver<String>,
    counts: &Counts,
    report: impl Fn(u64),
) {
    for line in lines {
        // A log that cannot be written is no reason to end.
        let _ = out.write_all(line.as_bytes());
        if counts.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            let dropped = counts.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                report(dropped);
            }
        }
    }
}

/// The line with its hidden characters as escapes; those of JSON stay JSON.
fn printable(line: &str, format: LogFormat) -> String {
    let (line, end) = match line.strip_suffix('\n') {
        Some(line) => (line, "\n"),
        None => (line, ""),
    };
    match format {
        LogFormat::Text => format!("{}{end}", Visible(line)),
        LogFormat::Json => {
            let mut text = String::with_capacity(line.len() + 1);
            for c in line.chars() {
                if is_hidden(c) {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                } else {
                    text.push(c);
                }
            }
            text + end
        }
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        let _ = self.begin();
        let deadline = Instant::now() + FLUSH;
        while self.counts.waiting.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// Takes a line only when told to.
    struct Blocked {
        go: Receiver<()>,
        taken: Sender<String>,
    }

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go.recv();
            let _ = self.taken.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_reader_costs_lines_and_never_time() {
        let (go, wait) = channel();
        let (taken, lines) = channel();
        let (report, dropped) = channel();
        let out = Blocked { go: wait, taken };
        let (mut writer, mut thread) = Writer::new(out, LogFormat::Text, move |count| {
            let _ = report.send(count);
        });
        thread.begin().unwrap();
        let began = Instant::now();
        for number in 0..WAITING + 11 {
            let line = format!("line {number}\n");
            writer.write_all(line.as_bytes()).unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(1));
        let began = Instant::now();
        drop(thread);
        assert!(began.elapsed() < FLUSH * 3);
        for _ in 0..=WAITING {
            go.send(()).unwrap();
        }
        drop(go);
        assert_eq!(lines.recv().unwrap(), "line 0\n");
        // The thread may have held one line when the queue was full.
        assert!(matches!(dropped.recv().unwrap(), 10 | 11));
    }

    #[test]
    fn an_error_of_the_writer_is_not_the_callers() {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let (mut writer, thread) = Writer::new(full, LogFormat::Json, |_| ());
        writer.write_all(b"{}\n").unwrap();
        drop(thread);
    }

    #[test]
    fn lines_hold_no_control_characters() {
        let line = "a\u{1b}[2J\u{9b}b\nc\u{202e}\u{e0041}\n";
        assert_eq!(
            printable(line, LogFormat::Text),
            "a\\u{1b}[2J\\u{9b}b\\u{a}c\\u{202e}\\u{e0041}\n"
        );
        let json = format!("{}\n", serde_json::json!({ "message": line }));
        let written = printable(&json, LogFormat::Json);
        assert!(written.trim_end().chars().all(|c| !is_hidden(c)));
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["message"], line);
    }
}
