//! One connection, from its handshake to its end.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc};

use http::Request;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    activity::{Activity, CountedBody, RequestBody, UnderWay, Verdict, Watch},
    arrival::{Arrival, introduce},
    encrypted::Encrypted,
    multiplexed::{Begun, Deferred, Multiplexed},
    socket::Socket,
};
use crate::{Connection, Limits, Policy, Service, forwarded::last_hop};

/// HTTP/2's name in ALPN.
const H2: &[u8] = b"h2";

/// What a TLS-ALPN-01 validation agrees on.
const ACME: &[u8] = crate::acme::ALPN;

/// What ends a connection from outside.
pub(super) struct Signals {
    /// Finish what has begun, take nothing more.
    pub(super) drain: CancellationToken,
    /// End now.
    pub(super) cut: CancellationToken,
}

/// The two ends of a connection's life that hyper's two protocols share.
pub(super) trait Running: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<I, B, S> Running for http1::UpgradeableConnection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<crate::BoxError>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    B: http_body::Body + 'static,
    B::Error: Into<crate::BoxError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, B, S> Running for http2::Connection<I, S, Begun>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<crate::BoxError>,
    S::Future: Send + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body<Data: Send, Error: Into<crate::BoxError>> + Send + 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

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
    let connection = Connection::new(peer, local, tls.is_some(), tasks, signals.cut.clone());
    let client = Client { connection: Arc::new(connection), forwards };
    let socket = Socket::new(stream, slot, place);
    let limits = &policy.limits;
    let Some(acceptor) = tls else {
        return speak_http1(socket, service, client, limits, &signals).await;
    };
    let handshake = tokio::select! {
        handshake = timeout(limits.tls_handshake, acceptor.accept(socket)) => handshake,
        () = signals.cut.cancelled() => return,
    };
    match &handshake {
        // The handshake is all an authority comes for: it is nobody's.
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ACME) => return,
        Ok(Ok(stream)) => policy.handshakes.done(stream.get_ref().1.handshake_kind()),
        Ok(Err(error)) => policy.handshakes.failed(error),
        Err(_) => policy.handshakes.timed_out(),
    }
    match handshake {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(H2) => {
            speak_http2(Encrypted::new(stream), service, client, limits, &signals).await;
        }
        Ok(Ok(stream)) => {
            speak_http1(Encrypted::new(stream), service, client, limits, &signals).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

/// Whom the requests of a connection are for.
#[derive(Clone)]
struct Client {
    connection: Arc<Connection>,
    /// Each request says so itself.
    forwards: bool,
}

impl Client {
    fn of<B>(&self, request: &Request<B>) -> Arc<Connection> {
        let client = if self.forwards { last_hop(request.headers()) } else { None };
        match client {
            Some(client) => Arc::new(self.connection.on_behalf_of(client)),
            None => Arc::clone(&self.connection),
        }
    }
}

async fn speak_http1<I, S>(
    stream: I,
    service: Arc<S>,
    client: Client,
    limits: &Limits,
    signals: &Signals,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let activity = Arc::new(Activity::default());
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_header_size(usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX))
        .max_buf_size(limits.max_send_buffer.max(MIN_BUFFER));
    let service = counted(service, client, Arc::clone(&activity));
    let running = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    supervise(running, &activity, limits, signals).await;
}

/// The smallest buffer hyper takes for HTTP/1.1.
const MIN_BUFFER: usize = 8192;

async fn speak_http2<I, S>(
    stream: I,
    service: Arc<S>,
    client: Client,
    limits: &Limits,
    signals: &Signals,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let activity = Arc::new(Activity::default());
    let begun = Begun::default();
    let mut builder = http2::Builder::new(begun.clone());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_pending_accept_reset_streams(limits.max_pending_resets)
        .max_local_error_reset_streams(limits.max_local_resets)
        .max_header_list_size(limits.max_header_bytes)
        .max_send_buf_size(limits.max_send_buffer)
        .keep_alive_interval(limits.ping.0)
        .keep_alive_timeout(limits.ping.1);
    let service = counted(service, client, Arc::clone(&activity));
    let socket = Deferred::new(stream);
    let running = builder.serve_connection(TokioIo::new(socket.clone()), service);
    let running = Multiplexed::new(running, begun, socket);
    supervise(running, &activity, limits, signals).await;
}

/// A role's service as hyper wants it, with each request counted.
fn counted<S: Service>(
    service: Arc<S>,
    client: Client,
    activity: Arc<Activity>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = http::Response<CountedBody<S::Body>>,
    Error = Infallible,
    Future: Send + 'static,
> + Send {
    service_fn(move |request: Request<Incoming>| {
        let (service, connection) = (Arc::clone(&service), client.of(&request));
        let under_way = UnderWay::begin(&activity);
        let request = request.map(|body| RequestBody::new(body, Arc::clone(&activity)));
        async move {
            let response = service.call(request, connection).await;
            Ok(response.map(|body| CountedBody::new(body, under_way)))
        }
    })
}

async fn supervise<R: Running>(
    running: R,
    activity: &Activity,
    limits: &Limits,
    signals: &Signals,
) {
    let mut watch = Watch::new(limits.idle, limits.stall);
    let mut draining = false;
    let mut running = std::pin::pin!(running);
    let mut drain = std::pin::pin!(signals.drain.cancelled());
    let mut cut = std::pin::pin!(signals.cut.cancelled());
    let mut sample = std::pin::pin!(sleep_until(Instant::now() + watch.pace()));
    loop {
        tokio::select! {
            biased;
            ended = running.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended early");
                }
                return;
            }
            () = cut.as_mut() => return,
            () = drain.as_mut(), if !draining => {
                draining = true;
                running.as_mut().finish();
            }
            () = sample.as_mut() => {
                match watch.observe(activity) {
                    Verdict::Busy => {}
                    Verdict::Idle => running.as_mut().finish(),
                    Verdict::Stalled => {
                        tracing::debug!("connection made no progress and was cut");
                        return;
                    }
                }
                sample.as_mut().reset(Instant::now() + watch.pace());
            }
        }
    }
}
