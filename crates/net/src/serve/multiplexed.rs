//! An HTTP/2 connection and its streams as one task.
//!
//! hyper would spawn a task for each stream, each would wake the connection,
//! and each answer would go to the socket alone. Here the streams run where the
//! connection runs: all that one read brought are answered, then the connection
//! writes, and then all of it is sent.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::speak::Running;

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection leaves the streams that begin. As many as are open: the
/// connection's own bound on concurrent streams.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Mutex<Vec<Stream>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Begun {
    fn execute(&self, future: F) {
        self.lock().push(Box::pin(future));
    }
}

impl Begun {
    fn lock(&self) -> MutexGuard<'_, Vec<Stream>> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}

/// A socket that is flushed by [`Multiplexed`] at the end of its turn, instead of
/// at each frame.
pub(super) struct Deferred<I>(Arc<Mutex<I>>);

impl<I> Deferred<I> {
    pub(super) fn new(socket: I) -> Self {
        Self(Arc::new(Mutex::new(socket)))
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut I>) -> T) -> T
    where
        I: Unpin,
    {
        act(Pin::new(&mut *self.0.lock().expect("nothing panics while it holds this")))
    }
}

impl<I> Clone for Deferred<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Deferred<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_read(cx, buffer))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Deferred<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.with(|socket| socket.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(cx))
    }
}

/// A connection, its streams and its socket.
pub(super) struct Multiplexed<C, I> {
    connection: Pin<Box<C>>,
    begun: Begun,
    streams: FuturesUnordered<Stream>,
    socket: Deferred<I>,
}

impl<C, I> Multiplexed<C, I> {
    /// Runs `connection`, which leaves its streams in `begun` and writes to
    /// `socket`.
    pub(super) fn new(connection: C, begun: Begun, socket: Deferred<I>) -> Self {
        let streams = FuturesUnordered::new();
        Self { connection: Box::pin(connection), begun, streams, socket }
    }
}

impl<C: Running, I: AsyncWrite + Unpin> Future for Multiplexed<C, I> {
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(ended) = this.connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        this.streams.extend(this.begun.lock().drain(..));
        // A stream that has something to send wakes the connection, which has
        // then a turn in which there is something to flush.
        while let Poll::Ready(Some(())) = this.streams.poll_next_unpin(cx) {}
        match this.socket.with(|socket| socket.poll_flush(cx)) {
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "connection ended early");
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: Running, I: AsyncWrite + Unpin> Running for Multiplexed<C, I> {
    fn finish(mut self: Pin<&mut Self>) {
        self.connection.as_mut().finish();
    }
}
