//! TLS over a socket, in as few and as large pieces as can be.
//!
//! What is written fills whole TLS records before it is encrypted, and goes to
//! the socket when it is flushed or when [`WAITING`] bytes wait. HTTP/2 writes
//! frame by frame, each a few bytes longer than a record: written through at
//! once, as `tokio-rustls` does, every frame would make two records and a system
//! call.

use std::{
    io::{self, BufRead as _, IoSlice, Write as _},
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

#[cfg(test)]
mod tests;

/// The plaintext of the largest record (RFC 8446, 5.1).
const RECORD: usize = 16_384;

/// Encrypted bytes that wait before a write goes to the socket without being
/// asked. With [`AT_ONCE`] records more at most.
const WAITING: usize = 64 * 1024;

/// Records that one write makes at most.
const AT_ONCE: usize = 4;

/// Plaintext that waits for a record to fill. More is worth a record of its own
/// rather than a copy.
const TAIL: usize = 4096;

/// Pieces of one write that are looked at: hyper's queue may have as many.
const MAX_PIECES: usize = 64;

/// The server's end of an established TLS connection.
pub(super) struct Encrypted<I> {
    socket: I,
    session: ServerConnection,
    /// Written, and not yet in a record.
    tail: Vec<u8>,
    /// Encrypted, and not yet in the socket.
    waiting: usize,
    /// The other end writes no more.
    ended: bool,
    /// We write no more.
    closed: bool,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Encrypted<I> {
    /// Takes over after the handshake.
    pub(super) fn new(stream: TlsStream<I>) -> Self {
        let (socket, mut session) = stream.into_inner();
        // Ours, `WAITING`, counts whole records.
        session.set_buffer_limit(None);
        Self { socket, session, tail: Vec::new(), waiting: 0, ended: false, closed: false }
    }

    /// Encrypts `first` and what of `pieces` follows it, `length` bytes in all.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>], length: usize) -> io::Result<()> {
        let mut left = length.saturating_sub(self.tail.len());
        let mut all = Vec::with_capacity(pieces.len() + 1);
        if !self.tail.is_empty() {
            all.push(IoSlice::new(&self.tail));
        }
        for piece in pieces {
            let taken = piece.get(..left).unwrap_or(piece);
            if !taken.is_empty() {
                all.push(IoSlice::new(taken));
            }
            left -= taken.len();
        }
        let taken = self.session.writer().write_vectored(&all)?;
        if taken != length {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.tail = Vec::new();
        self.waiting += length;
        Ok(())
    }

    fn encrypt_tail(&mut self) -> io::Result<()> {
        if self.tail.is_empty() { Ok(()) } else { self.encrypt(&[], self.tail.len()) }
    }

    /// One write to the socket.
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writer = Blocking { socket: &mut self.socket, cx };
        match self.session.write_tls(&mut writer) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(sent) => {
                // Records are longer than what they hold: never counts too much.
                self.waiting =
                    if self.session.wants_write() { self.waiting.saturating_sub(sent) } else { 0 };
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn send_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            ready!(self.send(cx))?;
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Reads from the socket once and takes in what came.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut reader = Blocking { socket: &mut self.socket, cx };
        match self.session.read_tls(&mut reader) {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
        if let Err(error) = self.session.process_new_packets() {
            // The alert that says why, if it fits; the error is what counts.
            drop(self.send(cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match this.session.reader().into_first_chunk() {
                Ok(chunk) => {
                    let length = chunk.len().min(buffer.remaining());
                    buffer.put_slice(chunk.get(..length).unwrap_or_default());
                    this.session.reader().consume(length);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            ready!(this.receive(cx))?;
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        while this.waiting >= WAITING {
            ready!(this.send(cx))?;
        }
        let pieces = pieces.get(..MAX_PIECES).unwrap_or(pieces);
        let kept = this.tail.len();
        let all = kept + pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let taken = match all / RECORD {
            0 if all <= TAIL => {
                this.tail.reserve_exact(TAIL.saturating_sub(kept));
                for piece in pieces {
                    this.tail.extend_from_slice(piece);
                }
                return Poll::Ready(Ok(all - kept));
            }
            0 => all,
            full => full.min(AT_ONCE) * RECORD,
        };
        this.encrypt(pieces, taken)?;
        Poll::Ready(Ok(taken - kept))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.encrypt_tail()?;
        self.send_all(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            self.encrypt_tail()?;
            self.session.send_close_notify();
            self.closed = true;
        }
        ready!(self.send_all(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// A socket as rustls wants it: `WouldBlock` where it has to wait.
struct Blocking<'a, 'b, I> {
    socket: &'a mut I,
    cx: &'a mut Context<'b>,
}

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<I: AsyncRead + Unpin> io::Read for Blocking<'_, '_, I> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        or_would_block(Pin::new(&mut *self.socket).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<I: AsyncWrite + Unpin> io::Write for Blocking<'_, '_, I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.socket).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.socket).poll_write_vectored(self.cx, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_would_block(Pin::new(&mut *self.socket).poll_flush(self.cx))
    }
}
