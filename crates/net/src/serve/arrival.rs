//! What happens to a connection before anything is said on it: who it is, and
//! whether it may stay.

use std::{io, net::SocketAddr};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    Policy,
    clients::{Place, Shed},
    proxy_protocol::{self, MAX_HEADER, Progress, Source},
};

/// Told to those who are turned away, where they can read it.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Who is at the other end.
pub(super) struct Arrival {
    pub(super) peer: SocketAddr,
    /// Whether its requests say for whom they are.
    pub(super) forwards: bool,
    pub(super) place: Option<Place>,
}

/// Whether a connection from `peer` says first for whom it is.
pub(super) fn begins_with_header(policy: &Policy, peer: SocketAddr) -> bool {
    policy.trust.proxy_protocol && policy.trust.includes(peer.ip())
}

/// Judges a connection by the address it comes from.
pub(super) fn judge(policy: &Policy, peer: SocketAddr) -> Result<Arrival, Shed> {
    if policy.trust.includes(peer.ip()) {
        return Ok(Arrival { peer, forwards: true, place: None });
    }
    let place = policy.clients.as_ref().map(|clients| clients.admit(peer.ip())).transpose()?;
    Ok(Arrival { peer, forwards: false, place })
}

/// Reads the header of a balancer's connection, and judges the client it
/// names. `None` when there is no such header in time, or the client must go.
pub(super) async fn introduce(
    policy: &Policy,
    balancer: SocketAddr,
    stream: &mut TcpStream,
    tls: bool,
) -> Option<Arrival> {
    let source = match timeout(policy.limits.tls_handshake, read_header(stream)).await {
        Ok(Ok(source)) => source,
        Ok(Err(error)) => {
            tracing::debug!(%error, "no PROXY protocol header");
            return None;
        }
        Err(_) => {
            tracing::debug!("the PROXY protocol header took too long");
            return None;
        }
    };
    let Source::Client(peer) = source else {
        return Some(Arrival { peer: balancer, forwards: false, place: None });
    };
    let admitted = policy.clients.as_ref().map(|clients| clients.admit(peer.ip())).transpose();
    match admitted {
        Ok(place) => Some(Arrival { peer, forwards: false, place }),
        Err(shed) => {
            turn_away(stream, tls, shed);
            None
        }
    }
}

/// Says so where it can be understood, and without waiting.
pub(super) fn turn_away(stream: &TcpStream, tls: bool, shed: Shed) {
    tracing::debug!(reason = ?shed, "connection turned away");
    if !tls {
        // What has come already is taken, or closing would reset the
        // connection and our answer with it.
        let mut asked = [0; 2048];
        drop(stream.try_read(&mut asked));
        drop(stream.try_write(BUSY));
    }
}

async fn read_header(stream: &mut TcpStream) -> io::Result<Source> {
    let mut header = Vec::new();
    loop {
        match proxy_protocol::parse(&header).map_err(io::Error::other)? {
            Progress::Done(source) => return Ok(source),
            Progress::More(more) => {
                let read = header.len();
                header.resize((read + more).min(MAX_HEADER), 0);
                stream.read_exact(header.get_mut(read..).unwrap_or_default()).await?;
            }
        }
    }
}
