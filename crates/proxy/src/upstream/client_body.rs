//! A POST's body on its way from the client to a node.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bluegate_net::RequestBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body that tells whose turn it is, so that a client that does not send what
/// it announced is not held against the node that waits for it.
pub(crate) struct ClientBody {
    body: RequestBody,
    owed: Arc<AtomicBool>,
}

/// Whether the next piece is the client's to send.
pub(super) struct Owed(Arc<AtomicBool>);

impl ClientBody {
    pub(super) fn new(body: RequestBody) -> (Self, Owed) {
        let owed = Arc::default();
        (Self { body, owed: Arc::clone(&owed) }, Owed(owed))
    }
}

impl Owed {
    /// The node had taken all that came, and waited for more.
    pub(super) fn by_the_client(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.owed.store(polled.is_pending(), Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
