//! Phase 6: the body of an answer, ours or a node's.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::{access_log::OpenRecord, traffic::Traffic, upstream::Lease};

/// The body of an answer.
///
/// A node's body streams through piece by piece; its connection goes back to
/// the pool with the last one. Trailers end here: no client path has any.
#[derive(Debug)]
pub struct Body {
    content: Content,
    record: Option<Box<OpenRecord>>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Relayed(Relayed),
}

/// Why a relayed body was broken off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection to the node ended or sent something that is not HTTP.
    #[error("the node broke off its answer")]
    Node(#[source] hyper::Error),
    /// The node stopped sending.
    #[error("the node was silent for too long in the middle of its answer")]
    Silent,
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self { content: Content::Whole(None), record: None }
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { content: Content::Whole(Some(bytes)), record: None }
    }

    /// A node's body, its bytes counted in `traffic`.
    pub(crate) fn relayed(
        incoming: Incoming,
        lease: Lease,
        patience: Duration,
        traffic: Arc<Traffic>,
    ) -> Self {
        let mut relayed =
            Relayed { incoming, lease: Some(lease), patience, silence: None, last: None, traffic };
        relayed.release_at_end();
        Self { content: Content::Relayed(relayed), record: None }
    }

    /// How many bytes it has, when all of them are here.
    pub(crate) fn whole_len(&self) -> usize {
        match &self.content {
            Content::Whole(bytes) => bytes.as_ref().map_or(0, Bytes::len),
            Content::Relayed(_) => 0,
        }
    }

    /// Writes `record` to the access log when this body has ended.
    pub(crate) fn recorded(mut self, record: Option<Box<OpenRecord>>) -> Self {
        self.record = record;
        self
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let polled = match &mut this.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Content::Relayed(relayed) => relayed.poll(cx),
        };
        if let (Some(record), Poll::Ready(piece)) = (&mut this.record, &polled) {
            match piece {
                Some(Ok(bytes)) => record.add_bytes(bytes.len()),
                Some(Err(_)) => record.broken_off(),
                None => {}
            }
        }
        polled.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Relayed(relayed) => relayed.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Relayed(relayed) => relayed.incoming.size_hint(),
        }
    }
}

#[derive(Debug)]
struct Relayed {
    incoming: Incoming,
    /// The connection the body comes on, until its last piece.
    lease: Option<Lease>,
    /// How long the node may be silent.
    patience: Duration,
    /// Runs while we wait; set up by the first wait, since most bodies never do.
    silence: Option<Pin<Box<Sleep>>>,
    /// When the current wait began.
    last: Option<Instant>,
    traffic: Arc<Traffic>,
}

impl Relayed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.last = None;
                    self.release_at_end();
                    if let Ok(bytes) = frame.into_data() {
                        self.traffic.add_bytes(bytes.len());
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.lease = None;
                    return Poll::Ready(Some(Err(BodyError::Node(error))));
                }
                Poll::Ready(None) => {
                    self.release_at_end();
                    return Poll::Ready(None);
                }
                Poll::Pending => return self.wait(cx),
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let began = *self.last.get_or_insert_with(Instant::now);
        let deadline = began + self.patience;
        let silence =
            self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            match silence.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if silence.deadline() < deadline => {
                    silence.as_mut().reset(deadline);
                }
                Poll::Ready(()) => {
                    self.lease = None;
                    return Poll::Ready(Some(Err(BodyError::Silent)));
                }
            }
        }
    }

    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}
