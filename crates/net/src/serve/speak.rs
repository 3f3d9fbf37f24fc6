//! HTTP on one connection, until it ends by itself or is told to.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use http::{HeaderValue, Request, header::CONNECTION};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use super::{
    activity::{Activity, CountedBody, RequestBody, UnderWay, Verdict, Watch},
    client::Client,
    multiplexed::{Begun, Deferred, Multiplexed},
    parting::Parting,
};
use crate::{Limits, Service, connection::Signals};

/// The smallest buffer hyper takes for HTTP/1.1.
const MIN_BUFFER: usize = 8192;

/// How long an idle HTTP/1.1 connection may still bring a request when a drain
/// has begun, and at most a tenth of the drain. That request is answered with
/// `Connection: close`; closing at once would meet requests on their way.
const LINGER: Duration = Duration::from_secs(1);

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

/// What answers on a connection, and within which bounds.
pub(super) struct Speaker<'a, S> {
    pub(super) service: Arc<S>,
    pub(super) client: Client,
    /// What its socket counts in, too.
    pub(super) activity: Arc<Activity>,
    pub(super) limits: &'a Limits,
    pub(super) signals: &'a Signals,
}

impl<S: Service> Speaker<'_, S> {
    pub(super) async fn speak_http1<I>(self, stream: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.limits;
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read)
            .max_header_size(usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX))
            .max_buf_size(limits.max_send_buffer.max(MIN_BUFFER));
        let service = self.counted();
        let running = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let linger = LINGER.min(self.signals.within / 10);
        supervise(running, &self.activity, limits, self.signals, linger).await;
    }

    pub(super) async fn speak_http2<I>(self, stream: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.limits;
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
        let socket = Deferred::new(Parting::new(stream));
        let running = builder.serve_connection(TokioIo::new(socket.clone()), self.counted());
        let running = Multiplexed::new(running, begun, socket);
        // GOAWAY leaves room for what is on its way.
        supervise(running, &self.activity, limits, self.signals, Duration::ZERO).await;
    }

    /// The role's service as hyper wants it, with each request counted.
    fn counted(
        &self,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = http::Response<CountedBody<S::Body>>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + use<S> {
        let (service, client) = (Arc::clone(&self.service), self.client.clone());
        let (activity, drain) = (Arc::clone(&self.activity), self.signals.drain.clone());
        service_fn(move |request: Request<Incoming>| {
            let (service, connection) = (Arc::clone(&service), client.of(&request));
            let id = client.request_id(&request);
            let under_way = UnderWay::begin(&activity);
            let is_last = request.version() <= http::Version::HTTP_11 && drain.is_cancelled();
            let mut request = request.map(|body| RequestBody::new(body, Arc::clone(&activity)));
            id.mark(request.headers_mut());
            async move {
                let mut response = service.call(request, connection).await;
                id.mark(response.headers_mut());
                if is_last && response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok(response.map(|body| CountedBody::new(body, under_way)))
            }
        })
    }
}

/// Lets a connection run until it ends, idles, stalls or is told to end; when a
/// drain has begun, an idle one has `linger` for one more request.
async fn supervise<R: Running>(
    running: R,
    activity: &Activity,
    limits: &Limits,
    signals: &Signals,
    linger: Duration,
) {
    let mut watch = Watch::new(limits.idle, limits.stall);
    let mut draining = false;
    let mut running = std::pin::pin!(running);
    let mut drain = std::pin::pin!(async {
        signals.drain.cancelled().await;
        if !activity.is_under_way() {
            tokio::time::sleep(linger).await;
        }
    });
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
                    Verdict::Stuck => {
                        tracing::debug!("connection did not close and was cut");
                        return;
                    }
                }
                sample.as_mut().reset(Instant::now() + watch.pace());
            }
        }
    }
}
