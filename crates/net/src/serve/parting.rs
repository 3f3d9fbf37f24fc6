//! Closing an HTTP/2 connection without losing what is still on its way.
//!
//! A client that reads the last answers sends WINDOW_UPDATE frames meanwhile. A
//! socket that is closed answers those with a reset, and what the client has
//! not read by then is lost to it. So our side ends first, and the rest of the
//! client's is read to its end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long a client may be silent after we have said all.
const SILENCE: Duration = Duration::from_secs(10);

/// Bytes read, and dropped, at once.
const BUFFER: usize = 1024;

/// A stream whose shutdown waits for the other side's.
pub(super) struct Parting<I> {
    stream: I,
    /// Since our side ended.
    silence: Option<Pin<Box<Sleep>>>,
}

impl<I> Parting<I> {
    pub(super) fn new(stream: I) -> Self {
        Self { stream, silence: None }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Parting<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Parting<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, silence } = &mut *self;
        let silence = match silence {
            Some(silence) => silence,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                silence.insert(Box::pin(sleep(SILENCE)))
            }
        };
        let mut bytes = [0; BUFFER];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    silence.as_mut().reset(Instant::now() + SILENCE);
                }
                // Whoever ended how: nothing more is to be lost.
                Poll::Ready(Ok(()) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => return silence.as_mut().poll(cx).map(Ok),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_other_side_and_not_for_ever() {
        let (mut client, server) = tokio::io::duplex(64);
        let began = Instant::now();
        let mut parting = Parting::new(server);
        let ending = tokio::spawn(async move {
            parting.write_all(b"last").await.unwrap();
            parting.shutdown().await.unwrap();
            Instant::now()
        });
        let mut last = Vec::new();
        client.read_to_end(&mut last).await.unwrap();
        assert_eq!(last, b"last");
        // A sign of life starts the time again.
        sleep(SILENCE - Duration::from_secs(1)).await;
        client.write_all(&[0; 2 * BUFFER]).await.unwrap();
        assert!(!ending.is_finished());
        let ended = ending.await.unwrap();
        assert_eq!((ended - began).as_secs(), 2 * SILENCE.as_secs() - 1);

        let (client, server) = tokio::io::duplex(64);
        drop(client);
        Parting::new(server).shutdown().await.unwrap();
    }
}
