use std::sync::Arc;

use bytes::Bytes;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

use super::*;
use crate::tls::server_config_from_pem;

/// Both ends of a connection whose network holds `room` bytes.
async fn connected(room: usize) -> (Encrypted<Counting>, client::TlsStream<DuplexStream>) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let server =
        server_config_from_pem(cert.pem().as_bytes(), signing_key.serialize_pem().as_bytes());
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (ours, theirs) = duplex(room);
    let socket = Counting { socket: ours, writes: 0, bytes: 0 };
    let (server, client) = tokio::join!(
        TlsAcceptor::from(server.unwrap()).accept(socket),
        TlsConnector::from(Arc::new(client)).connect("a.test".try_into().unwrap(), theirs),
    );
    let mut server = Encrypted::new(server.unwrap());
    (server.socket.writes, server.socket.bytes) = (0, 0);
    (server, client.unwrap())
}

/// A socket that counts what is written to it.
struct Counting {
    socket: DuplexStream,
    writes: usize,
    bytes: usize,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.count(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.count(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl Counting {
    fn count(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, pieces))?;
        self.writes += 1;
        self.bytes += written;
        Poll::Ready(Ok(written))
    }
}

/// Bytes that tell where they belong.
fn text(length: usize) -> Bytes {
    (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

#[tokio::test]
async fn what_is_written_in_any_pieces_through_a_narrow_network_arrives_whole() {
    for room in [1000, 9000, 40_000, 1 << 20] {
        let (mut server, mut client) = connected(room).await;
        let lengths = [1, 0, 9, 16_384, 9, 3_616, 4_096, 4_097, 16_383, 200_000, 65_536, 5];
        let all = text(lengths.iter().sum());
        let sent = all.clone();
        let writing = async {
            let mut rest = sent;
            for (number, length) in lengths.into_iter().enumerate() {
                let mut piece = rest.split_to(length);
                while !piece.is_empty() {
                    // As HTTP/2 does: a short piece, then a long one.
                    let pieces = [IoSlice::new(&piece[..piece.len().min(9)]), {
                        IoSlice::new(piece.get(9..).unwrap_or_default())
                    }];
                    let written = server.write_vectored(&pieces).await.unwrap();
                    piece = piece.slice(written..);
                }
                if number % 3 == 0 {
                    server.flush().await.unwrap();
                }
            }
            server.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let (_, read) = tokio::join!(writing, client.read_to_end(&mut received));
        read.unwrap();
        assert!(received == all, "room {room}: {} of {} bytes", received.len(), all.len());
    }
}

#[tokio::test]
async fn frames_fill_records_and_go_out_together() {
    let (mut server, mut client) = connected(1 << 20).await;
    let frame = text(9 + 16_384);
    for _ in 0..3 {
        server.write_all(&frame).await.unwrap();
    }
    assert_eq!(server.socket.writes, 0, "nothing is sent before it is asked for");
    server.flush().await.unwrap();
    assert_eq!(server.socket.writes, 1);
    // Three full records and one for the 27 bytes left, each 22 bytes longer
    // than what it holds (RFC 8446, 5.2: head, type and tag).
    assert_eq!(server.socket.bytes, 3 * frame.len() + 4 * 22);
    client.read_exact(&mut vec![0; 3 * frame.len()]).await.unwrap();
}

#[tokio::test]
async fn one_who_does_not_read_holds_a_bounded_number_of_bytes() {
    let (mut server, _client) = connected(1000).await;
    let piece = text(10_000);
    let mut taken = 0;
    let waker = std::task::Waker::noop();
    let mut cx = Context::from_waker(waker);
    while let Poll::Ready(written) = Pin::new(&mut server).poll_write(&mut cx, &piece) {
        taken += written.unwrap();
        assert!(taken < WAITING + AT_ONCE * RECORD + TAIL + 1000, "{taken}");
    }
    assert!(taken >= WAITING);
}

#[tokio::test]
async fn a_client_that_goes_without_a_word_is_an_error_and_one_that_says_so_is_not() {
    let (mut server, client) = connected(1 << 16).await;
    drop(client);
    assert!(server.read(&mut [0; 8]).await.is_err());

    let (mut server, mut client) = connected(1 << 16).await;
    client.write_all(b"bye").await.unwrap();
    client.shutdown().await.unwrap();
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"bye");
}
