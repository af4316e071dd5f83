//! The rendered exposition, shared by the scrapes that come together.

use super::payload::Payload;
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

/// A longer text is held as gzip, whatever the client takes.
const HELD_AS_TEXT: usize = 8 * 1024 * 1024;

/// The last renderings of snapshots of type `S`.
#[derive(Debug)]
pub(super) struct Pages<S>(Mutex<Renderings<S>>);

#[derive(Debug)]
struct Renderings<S> {
    recent: Vec<Page<S>>,
    /// Bytes to ask for at once: the last text and a little.
    length: usize,
}

#[derive(Debug)]
struct Page<S> {
    snapshot: Arc<S>,
    format: Format,
    gzip: bool,
    at: Instant,
    body: Payload,
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
    ) -> Result<(Payload, bool), fmt::Error> {
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
        let mut sink = if gzip || *length > HELD_AS_TEXT {
            Sink::gzip()
        } else {
            Sink::plain(*length)
        };
        write(snapshot, now, format, &mut sink)?;
        let text_length = sink.text_length();
        *length = text_length + text_length / 64;
        let body = match sink {
            Sink::Plain(text) => Payload::from(Bytes::from(text)),
            Sink::Gzip(compressed) => {
                let compressed = Bytes::from(compressed.finish()?);
                if gzip {
                    Payload::from(compressed)
                } else {
                    Payload::inflated(compressed, text_length)
                }
            }
        };
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
    let mut gzip = Gzip::new();
    gzip.push(text)?;
    gzip.finish()
}

/// Where text goes: as it is until it is long, or compressed on the way.
enum Sink {
    Plain(String),
    Gzip(Gzip),
}

struct Gzip {
    encoder: GzEncoder<Vec<u8>>,
    piece: String,
    text_length: usize,
}

/// The compressor is fed in pieces of this size: the text comes in words.
const PIECE: usize = 16 * 1024;

impl Sink {
    fn plain(capacity: usize) -> Self {
        Sink::Plain(String::with_capacity(capacity))
    }

    fn gzip() -> Self {
        Sink::Gzip(Gzip::new())
    }

    fn text_length(&self) -> usize {
        match self {
            Sink::Plain(text) => text.len(),
            Sink::Gzip(gzip) => gzip.text_length,
        }
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self {
            Sink::Plain(all) if all.len() + text.len() <= HELD_AS_TEXT => all.push_str(text),
            Sink::Plain(all) => {
                let mut gzip = Gzip::new();
                gzip.push(all)?;
                gzip.push(text)?;
                *self = Sink::Gzip(gzip);
            }
            Sink::Gzip(gzip) => gzip.push(text)?,
        }
        Ok(())
    }
}

impl Gzip {
    fn new() -> Self {
        Gzip {
            encoder: GzEncoder::new(Vec::new(), Compression::fast()),
            piece: String::with_capacity(PIECE),
            text_length: 0,
        }
    }

    fn push(&mut self, text: &str) -> fmt::Result {
        self.text_length += text.len();
        if self.piece.len() + text.len() > PIECE {
            self.compress_piece()?;
        }
        if text.len() > PIECE {
            let written = self.encoder.write_all(text.as_bytes());
            return written.map_err(|_| fmt::Error);
        }
        self.piece.push_str(text);
        Ok(())
    }

    fn compress_piece(&mut self) -> fmt::Result {
        let written = self.encoder.write_all(self.piece.as_bytes());
        self.piece.clear();
        written.map_err(|_| fmt::Error)
    }

    fn finish(mut self) -> Result<Vec<u8>, fmt::Error> {
        self.compress_piece()?;
        self.encoder.finish().map_err(|_| fmt::Error)
    }
}
