//! The rendered exposition, shared by the scrapes that come together.

use crate::metrics::Format;
use crate::model::time::UnixTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a rendering is handed on. The age of the snapshot and the process's own values are part of
/// it, so it may not get old.
pub(super) const SHARED_FOR: Duration = Duration::from_millis(250);

/// Bodies shorter than this are not worth compressing.
pub(super) const WORTH_COMPRESSING: usize = 1024;

/// The last renderings of snapshots of type `S`.
#[derive(Debug)]
pub(super) struct Pages<S>(Mutex<Renderings<S>>);

#[derive(Debug)]
struct Renderings<S> {
    recent: Vec<Page<S>>,
    /// Bytes to ask for at once: the last uncompressed rendering and a little.
    length: usize,
}

#[derive(Debug)]
struct Page<S> {
    snapshot: Arc<S>,
    format: Format,
    gzip: bool,
    at: Instant,
    body: Bytes,
}

impl<S> Pages<S> {
    pub(super) fn new() -> Self {
        Pages(Mutex::new(Renderings {
            recent: Vec::new(),
            length: 0,
        }))
    }

    /// The exposition of `snapshot`, as `write` writes it, and whether it was made for this call.
    pub(super) fn get(
        &self,
        snapshot: &Arc<S>,
        format: Format,
        gzip: bool,
        write: impl FnOnce(&Arc<S>, UnixTime, Format, &mut dyn fmt::Write) -> fmt::Result,
    ) -> Result<(Bytes, bool), fmt::Error> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Renderings { recent, length } = &mut *pages;
        // Renderings of an earlier snapshot are of no use to later scrapes, and a crowd makes hundreds a second.
        recent
            .retain(|page| Arc::ptr_eq(&page.snapshot, snapshot) && page.at.elapsed() < SHARED_FOR);
        let known = recent
            .iter()
            .find(|page| page.format == format && page.gzip == gzip);
        if let Some(page) = known {
            return Ok((page.body.clone(), false));
        }
        let now = UnixTime::from(SystemTime::now());
        let mut sink = if gzip {
            Sink::gzip()
        } else {
            Sink::plain(*length)
        };
        write(snapshot, now, format, &mut sink)?;
        let body = sink.finish()?;
        if !gzip {
            *length = body.len() + body.len() / 64;
        }
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
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.recent.retain(|page| page.at.elapsed() < SHARED_FOR);
        pages.recent.shrink_to_fit();
    }
}

/// A text as gzip.
pub(super) fn compress(text: &str) -> Result<Vec<u8>, fmt::Error> {
    let mut sink = Sink::gzip();
    fmt::Write::write_str(&mut sink, text)?;
    sink.finish()
}

/// Where text goes: as it is, or compressed on the way.
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
