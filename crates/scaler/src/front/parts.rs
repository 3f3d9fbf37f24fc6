//! A document made of parts that others share.
//!
//! A list of all recordings has 40 MB. Its recordings are in memory as they are
//! printed; so nothing is copied before it is sent, and then a little at a time.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    vec::IntoIter,
};

use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

/// What is copied at a time; larger parts are sent as they are.
const CHUNK_BYTES: usize = 64 * 1024;

/// The body.
#[derive(Debug)]
pub(super) struct Parts {
    parts: IntoIter<Bytes>,
    left: u64,
}

impl Parts {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(|part| part.len() as u64).sum();
        Self { parts: parts.into_iter(), left }
    }

    /// The next parts, until there is enough; nothing at the end.
    fn chunk(&mut self) -> Option<Bytes> {
        let first = self.parts.find(|part| !part.is_empty())?;
        let next = |parts: &IntoIter<Bytes>| parts.as_slice().first().map(Bytes::len);
        let fits = |length: usize, parts: &IntoIter<Bytes>| {
            next(parts).is_some_and(|next| length.saturating_add(next) <= CHUNK_BYTES)
        };
        if !fits(first.len(), &self.parts) {
            return Some(first);
        }
        let room = usize::try_from(self.left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let mut chunk = BytesMut::with_capacity(room);
        chunk.extend_from_slice(&first);
        while fits(chunk.len(), &self.parts)
            && let Some(part) = self.parts.next()
        {
            chunk.extend_from_slice(&part);
        }
        Some(chunk.freeze())
    }
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunk();
        if let Some(chunk) = &chunk {
            self.left = self.left.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_sent_in_order_and_a_little_at_a_time() {
        let lengths = [0, 3, 70_000, 0, 40_000, 20_000, 20_000, 65_536, 1, 0];
        let parts: Vec<Bytes> = lengths
            .iter()
            .enumerate()
            .map(|(index, length)| vec![u8::try_from(index).unwrap(); *length].into())
            .collect();
        let mut body = Parts::new(parts.clone());
        assert_eq!(body.size_hint().exact(), Some(215_540));
        let chunks: Vec<Bytes> = std::iter::from_fn(|| body.chunk()).collect();
        let lengths: Vec<usize> = chunks.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [3, 70_000, 60_000, 20_000, 65_536, 1]);
        assert_eq!(chunks.concat(), parts.concat());
        assert!(Parts::new(vec![Bytes::new()]).is_end_stream());
    }
}
