//! The body of a response. A long text is held as gzip also for a client that takes none, and inflated as it is sent:
//! a scrape of thousands of sessions is 20 times as long as its gzip.

use flate2::read::GzDecoder;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::io::{Cursor, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

/// So much is inflated at a time.
const PIECE: usize = 64 * 1024;

/// What a response carries.
#[derive(Debug, Clone)]
pub(super) struct Payload {
    bytes: Bytes,
    /// The client gets the text of so many bytes of which `bytes` are the gzip.
    inflated: Option<usize>,
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload {
            bytes,
            inflated: None,
        }
    }
}

impl Payload {
    /// The text of `length` bytes whose gzip is `gzip`.
    pub(super) fn inflated(gzip: Bytes, length: usize) -> Self {
        Payload {
            bytes: gzip,
            inflated: Some(length),
        }
    }

    /// What is in memory.
    pub(super) fn held(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn into_body(self) -> PayloadBody {
        match self.inflated {
            None => PayloadBody::Whole(Some(self.bytes).filter(|bytes| !bytes.is_empty())),
            Some(left) => PayloadBody::Inflating {
                decoder: Box::new(GzDecoder::new(Cursor::new(self.bytes))),
                left,
            },
        }
    }
}

/// A payload on its way to the client.
pub(super) enum PayloadBody {
    Whole(Option<Bytes>),
    Inflating {
        decoder: Box<GzDecoder<Cursor<Bytes>>>,
        left: usize,
    },
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut *self {
            PayloadBody::Whole(bytes) => bytes.take(),
            PayloadBody::Inflating { decoder, left } => {
                let mut piece = Vec::with_capacity(PIECE.min(*left));
                // A gzip of our own has no fault; of one that had, hyper would see that the body is too short.
                let read = decoder.take(PIECE as u64).read_to_end(&mut piece);
                *left = left.saturating_sub(piece.len());
                read.ok()
                    .filter(|length| *length > 0)
                    .map(|_| Bytes::from(piece))
            }
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}

impl PayloadBody {
    fn left(&self) -> usize {
        match self {
            PayloadBody::Whole(bytes) => bytes.as_ref().map_or(0, Bytes::len),
            PayloadBody::Inflating { left, .. } => *left,
        }
    }
}
