//! The accept loop of one listener, and its drain.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Limits, Listener, Policy, Service, connection::Signals};

mod activity;
mod arrival;
mod client;
mod encrypted;
mod multiplexed;
mod one;
mod parting;
mod socket;
mod speak;
#[cfg(test)]
mod tests;

pub use activity::RequestBody;
use arrival::{begins_with_header, judge, turn_away};
use one::{Accepted, Known, serve_one};

/// How long to leave `accept` alone when the system has no descriptor or no
/// memory for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long to wait, after a deadline, for tasks that were told to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline.
    pub cut: u32,
}

/// Why a listener could not be served at all.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The runtime would not take the socket.
    #[error("cannot accept connections on {address}")]
    Register {
        /// The listener's address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves `listener` until `shutdown`, then drains it.
///
/// With `tls`, HTTP/2 or HTTP/1.1 by ALPN; without, HTTP/1.1 only. At
/// `policy` may be [`Limits`] alone. A client that has its share is turned away
/// before its handshake; one that cannot be told why is just closed. At
/// `shutdown` the socket is closed at once, idle connections are closed (HTTP/1.1
/// after a moment in which a request on its way is still answered), busy ones
/// finish what they began; tunnels are told near the end of `drain`, and what is
/// not done after it is cut.
///
/// # Errors
/// [`ServeError`] when the runtime refuses the socket. A failing connection
/// is that connection's matter and never ends the loop.
pub async fn serve<S: Service>(
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    service: Arc<S>,
    policy: impl Into<Policy>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<Drained, ServeError> {
    let address = listener.local_addr();
    let listener =
        listener.into_tokio().map_err(|source| ServeError::Register { address, source })?;
    let tls = tls.map(TlsAcceptor::from);
    let policy = Arc::new(policy.into());
    let slots = Arc::new(Semaphore::new(slot_count(&policy.limits)));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();

    loop {
        let slot = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => {
                slot.expect("the semaphore is never closed")
            }
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                after_accept_error(&error, address).await;
                continue;
            }
        };
        let known = if begins_with_header(&policy, peer) {
            Known::Balancer(peer)
        } else {
            match judge(&policy, peer) {
                Ok(arrival) => Known::Arrival(arrival),
                Err(shed) => {
                    turn_away(&stream, tls.is_some(), shed);
                    continue;
                }
            }
        };
        let accepted = Accepted {
            local: local_address(&stream, address),
            stream,
            slot,
            known,
            tls: tls.clone(),
            tasks: tasks.clone(),
        };
        let signals =
            Signals { drain: shutdown.child_token(), within: drain, cut: cut.child_token() };
        tasks.spawn(serve_one(accepted, Arc::clone(&service), Arc::clone(&policy), signals));
    }

    drop(listener);
    tasks.close();
    // Every connection, and whatever it was upgraded to, holds its slot until
    // its socket is dropped.
    let all = policy.limits.max_connections.max(1);
    if timeout(drain, slots.acquire_many(all)).await.is_ok() {
        return Ok(Drained { cut: 0 });
    }
    let free = u32::try_from(slots.available_permits()).unwrap_or(all);
    cut.cancel();
    if timeout(LAST_WAIT, tasks.wait()).await.is_err() {
        tracing::warn!(listener.address = %address, "connections outlive their deadline");
    }
    Ok(Drained { cut: all.saturating_sub(free) })
}

fn slot_count(limits: &Limits) -> usize {
    let wanted = usize::try_from(limits.max_connections.max(1)).unwrap_or(Semaphore::MAX_PERMITS);
    wanted.min(Semaphore::MAX_PERMITS)
}

fn local_address(stream: &TcpStream, listener: SocketAddr) -> SocketAddr {
    stream.local_addr().unwrap_or(listener)
}

/// A connection that died in the backlog costs nothing; running out of
/// descriptors or memory would otherwise spin the loop.
async fn after_accept_error(error: &io::Error, address: SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
    {
        return;
    }
    tracing::warn!(listener.address = %address, %error, "cannot accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
