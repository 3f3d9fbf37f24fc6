//! One connection, from its handshake to its end.

use std::{net::SocketAddr, sync::Arc};

use rustls::HandshakeKind;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::TaskTracker;

use super::{
    arrival::{Arrival, introduce},
    client::Client,
    encrypted::Encrypted,
    socket::Socket,
    speak::Speaker,
};
use crate::{Connection, Cost, Policy, Service, clients::Account, connection::Signals};

/// HTTP/2's name in ALPN.
const H2: &[u8] = b"h2";

/// What a TLS-ALPN-01 validation agrees on.
const ACME: &[u8] = crate::acme::ALPN;

/// A socket fresh from the listener.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) slot: OwnedSemaphorePermit,
    pub(super) known: Known,
    pub(super) local: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) tasks: TaskTracker,
}

/// What is known of the other end so far.
pub(super) enum Known {
    /// Who it is; it may stay.
    Arrival(Arrival),
    /// A balancer that will say for whom it connects.
    Balancer(SocketAddr),
}

/// Serves one accepted socket until it closes, idles, stalls or is told to end.
pub(super) async fn serve_one<S: Service>(
    accepted: Accepted,
    service: Arc<S>,
    policy: Arc<Policy>,
    signals: Signals,
) {
    let Accepted { mut stream, slot, known, local, tls, tasks } = accepted;
    let arrival = match known {
        Known::Arrival(arrival) => arrival,
        Known::Balancer(balancer) => {
            let introduced = tokio::select! {
                introduced = introduce(&policy, balancer, &mut stream, tls.is_some()) => introduced,
                () = signals.cut.cancelled() => return,
            };
            let Some(arrival) = introduced else { return };
            arrival
        }
    };
    let Arrival { peer, forwards, place } = arrival;
    let account = place.as_ref().map(|place| place.account().clone());
    if let (Some(account), Some(_)) = (&account, &tls)
        && account.charge(Cost::Handshake).is_err()
    {
        tracing::debug!("connection turned away before its handshake");
        return;
    }
    let connection =
        Connection::new(peer, local, tls.is_some(), tasks, signals.clone(), account.clone());
    let clients = policy.clients.clone();
    let client = Client { connection: Arc::new(connection), forwards, clients };
    let activity = Arc::default();
    let socket = Socket::new(stream, slot, place, &activity);
    let limits = &policy.limits;
    let speaker = Speaker { service, client, activity, limits, signals: &signals };
    // Each stage in a box of its own, so that a connection takes no more room than
    // the stage it is in.
    let Some(acceptor) = tls else {
        return Box::pin(speaker.speak_http1(socket)).await;
    };
    let shaking = shake_hands(&acceptor, socket, account.as_ref(), &policy, &signals);
    let Some(stream) = Box::pin(shaking).await else { return };
    match stream.get_ref().1.alpn_protocol() {
        Some(H2) => Box::pin(speaker.speak_http2(Encrypted::new(*stream))).await,
        // The handshake is all an authority comes for.
        Some(ACME) => {}
        _ => {
            let stream = Box::new(Encrypted::new(*stream));
            Box::pin(speaker.speak_http1(stream)).await;
        }
    }
}

async fn shake_hands(
    acceptor: &TlsAcceptor,
    socket: Socket,
    account: Option<&Account>,
    policy: &Policy,
    signals: &Signals,
) -> Option<Box<TlsStream<Socket>>> {
    let handshake = tokio::select! {
        handshake = timeout(policy.limits.tls_handshake, acceptor.accept(socket)) => handshake,
        () = signals.cut.cancelled() => return None,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let session = stream.get_ref().1;
            // An authority's is nobody's.
            if session.alpn_protocol() != Some(ACME) {
                let kind = session.handshake_kind();
                policy.handshakes.done(kind);
                if let (Some(HandshakeKind::Resumed), Some(account)) = (kind, account) {
                    account.give_back(Cost::Handshake);
                }
            }
            return Some(Box::new(stream));
        }
        Ok(Err(error)) => {
            policy.handshakes.failed(&error);
            tracing::debug!(%error, "TLS handshake failed");
        }
        Err(_) => {
            policy.handshakes.timed_out();
            tracing::debug!("TLS handshake took too long");
        }
    }
    None
}
