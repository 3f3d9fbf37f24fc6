//! The node's port: accepting, serving, and being switched off and on.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::body::Body;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    handler::{self, Listening},
    state::NodeState,
};

/// How many connections a node serves at a time; others wait in the backlog.
const CONNECTIONS_MAX: usize = 20_000;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to send a request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait after an accept error (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The node's port, open while there is power.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    listener: Mutex<Option<TcpListener>>,
    opened: Notify,
}

impl Port {
    /// Takes over a bound listener.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = Mutex::new(Some(TcpListener::from_std(listener)?));
        Ok(Self { address, listener, opened: Notify::new() })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the system refuses connections.
    pub(crate) fn close(&self) {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Listens again on the same address; no change when it does already.
    pub(crate) fn open(&self) -> io::Result<()> {
        let mut slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let listener = std::net::TcpListener::bind(self.address)?;
            listener.set_nonblocking(true)?;
            *slot = Some(TcpListener::from_std(listener)?);
            self.opened.notify_one();
        }
        Ok(())
    }

    /// The next connection; waits while the port is closed.
    async fn accept(&self) -> io::Result<TcpStream> {
        loop {
            // The lock is held for a poll only, so `close` always gets through.
            let next = poll_fn(|context| {
                let slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
                match slot.as_ref() {
                    Some(listener) => listener.poll_accept(context),
                    None => Poll::Pending,
                }
            });
            tokio::select! {
                accepted = next => return accepted.map(|(stream, _)| stream),
                () = self.opened.notified() => {}
            }
        }
    }
}

/// Serves until `shutdown`.
pub(crate) async fn serve(
    node: Arc<NodeState>,
    listening: Listening,
    port: Arc<Port>,
    tls: Option<Arc<rustls::ServerConfig>>,
    shutdown: CancellationToken,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let stream = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = port.accept() => match accepted {
                Ok(stream) => stream,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let node = Arc::clone(&node);
        let acceptor = acceptor.clone();
        let power = node.power();
        let tasks = node.tasks.clone();
        tasks.spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = power.cancelled() => {}
                () = serve_stream(node, listening, stream, acceptor) => {}
            }
        });
    }
}

async fn serve_stream(
    node: Arc<NodeState>,
    listening: Listening,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) {
    // Without it small answers wait for acknowledgements; failing is harmless.
    drop(stream.set_nodelay(true));
    match acceptor {
        None => serve_connection(node, listening, stream).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                serve_connection(node, listening, stream).await;
            }
        }
    }
}

async fn serve_connection(
    node: Arc<NodeState>,
    listening: Listening,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        handler::handle(Arc::clone(&node), listening, request.map(Body::new))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    // A broken connection is the client's business, and an ordered fault ours.
    drop(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
}
