//! The rendered exposition, shared by the scrapes that come together.

use crate::expose::{self, Detail, Format, Labels};
use crate::model::snapshot::Snapshot;
use crate::model::time::UnixTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a rendering is handed on. The age of the snapshot and the process's own values are part of
/// it, so it may not get old.
pub(super) const SHARED_FOR: Duration = Duration::from_millis(250);

/// Bodies shorter than this are not worth compressing.
pub(super) const WORTH_COMPRESSING: usize = 1024;

/// Renders and keeps the last renderings.
#[derive(Debug)]
pub(super) struct Pages {
    labels: Labels,
    detail: Detail,
    recent: Mutex<Vec<Page>>,
    /// Of the last body that was not compressed.
    length: AtomicUsize,
}

#[derive(Debug)]
struct Page {
    snapshot: Arc<Snapshot>,
    format: Format,
    gzip: bool,
    at: Instant,
    body: Bytes,
}

impl Pages {
    pub(super) fn new(labels: Labels, detail: Detail) -> Self {
        Pages {
            labels,
            detail,
            recent: Mutex::default(),
            length: AtomicUsize::new(0),
        }
    }

    /// The exposition of `snapshot`, and whether it was made for this call.
    pub(super) fn get(
        &self,
        snapshot: &Arc<Snapshot>,
        format: Format,
        gzip: bool,
    ) -> Result<(Bytes, bool), fmt::Error> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // Of one snapshot only: who scrapes a hundred times a second gets a hundred of them.
        recent
            .retain(|page| page.at.elapsed() < SHARED_FOR && Arc::ptr_eq(&page.snapshot, snapshot));
        let known = recent
            .iter()
            .find(|page| page.format == format && page.gzip == gzip);
        if let Some(page) = known {
            return Ok((page.body.clone(), false));
        }
        let now = UnixTime::from(SystemTime::now());
        let render =
            |out: &mut Sink| expose::render(snapshot, &self.labels, self.detail, now, format, out);
        let body = if gzip {
            compressed(render)?
        } else {
            // As long as the last one and a little: growing by doubling would take three times the memory.
            let last = self.length.load(Ordering::Relaxed);
            let mut plain = Sink::plain(last + last / 16);
            render(&mut plain)?;
            let plain = plain.finish()?;
            self.length.store(plain.len(), Ordering::Relaxed);
            plain
        };
        let body = Bytes::from(body);
        recent.push(Page {
            snapshot: Arc::clone(snapshot),
            format,
            gzip,
            at: Instant::now(),
            body: body.clone(),
        });
        Ok((body, true))
    }

    /// Lets go of what is no longer shared.
    pub(super) fn forget(&self) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|page| page.at.elapsed() < SHARED_FOR);
        recent.shrink_to_fit();
    }
}

/// What `write` writes, as gzip.
fn compressed(write: impl FnOnce(&mut Sink) -> fmt::Result) -> Result<Vec<u8>, fmt::Error> {
    let mut sink = Sink::gzip();
    write(&mut sink)?;
    sink.finish()
}

/// A text as gzip.
pub(super) fn compress(text: &str) -> Result<Vec<u8>, fmt::Error> {
    compressed(|sink| fmt::Write::write_str(sink, text))
}

/// Where text goes: as it is, or compressed on the way, so that the whole text never stands in memory.
enum Sink {
    Plain(String),
    Gzip(GzEncoder<Vec<u8>>, String),
}

/// The compressor is fed in pieces of this size: the text comes in words.
const PIECE: usize = 16 * 1024;

impl Sink {
    fn plain(capacity: usize) -> Self {
        Sink::Plain(String::with_capacity(capacity))
    }

    fn gzip() -> Self {
        Sink::Gzip(
            GzEncoder::new(Vec::new(), Compression::fast()),
            String::with_capacity(PIECE + 256),
        )
    }

    fn finish(self) -> Result<Vec<u8>, fmt::Error> {
        match self {
            Sink::Plain(text) => Ok(text.into_bytes()),
            Sink::Gzip(mut encoder, piece) => encoder
                .write_all(piece.as_bytes())
                .and_then(|()| encoder.finish())
                .map_err(|_| fmt::Error),
        }
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self {
            Sink::Plain(all) => all.push_str(text),
            Sink::Gzip(encoder, piece) => {
                piece.push_str(text);
                if piece.len() >= PIECE {
                    encoder
                        .write_all(piece.as_bytes())
                        .map_err(|_| fmt::Error)?;
                    piece.clear();
                }
            }
        }
        Ok(())
    }
}
