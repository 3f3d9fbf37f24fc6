//! One connection, from its handshake to its end.

use std::{net::SocketAddr, sync::Arc};

use rustls::HandshakeKind;
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    arrival::{Arrival, introduce},
    client::Client,
    encrypted::Encrypted,
    socket::Socket,
    speak::Speaker,
};
use crate::{Connection, Cost, Policy, Service, connection::Signals};

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
    let socket = Socket::new(stream, slot, place);
    let limits = &policy.limits;
    let speaker = Speaker { service, client, limits, signals: &signals };
    let Some(acceptor) = tls else {
        return speaker.speak_http1(socket).await;
    };
    let handshake = tokio::select! {
        handshake = timeout(limits.tls_handshake, acceptor.accept(socket)) => handshake,
        () = signals.cut.cancelled() => return,
    };
    match &handshake {
        // The handshake is all an authority comes for: it is nobody's.
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ACME) => return,
        Ok(Ok(stream)) => {
            let kind = stream.get_ref().1.handshake_kind();
            policy.handshakes.done(kind);
            if let (Some(HandshakeKind::Resumed), Some(account)) = (kind, &account) {
                account.give_back(Cost::Handshake);
            }
        }
        Ok(Err(error)) => policy.handshakes.failed(error),
        Err(_) => policy.handshakes.timed_out(),
    }
    match handshake {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(H2) => {
            speaker.speak_http2(Encrypted::new(stream)).await;
        }
        Ok(Ok(stream)) => speaker.speak_http1(Encrypted::new(stream)).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}
