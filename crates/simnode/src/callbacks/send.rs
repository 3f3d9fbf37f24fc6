//! One request of a node to somebody else on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::Callback;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a status says that a callback arrived.
pub(super) fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|status| (200..300).contains(&status))
}

/// The status that comes back; redirects are not followed.
pub(super) fn send(callback: &Callback) -> impl Future<Output = Option<u16>> + Send + use<> {
    let request = request(callback);
    async move {
        let (to, request) = request?;
        timeout(TIMEOUT, attempt(to, request)).await.ok()?
    }
}

fn request(callback: &Callback) -> Option<(SocketAddr, Request<Full<Bytes>>)> {
    let (url, _) = callback.url.split_once('#').unwrap_or((&callback.url, ""));
    let uri: Uri = url.parse().ok()?;
    let to = address(&uri)?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::builder()
        .method(callback.method)
        .uri(target)
        .header(header::HOST, uri.authority()?.as_str())
        .header(header::CONNECTION, "close");
    for (name, value) in &callback.headers {
        request = request.header(*name, value);
    }
    Some((to, request.body(Full::from(callback.body.clone())).ok()?))
}

/// A simulated node calls its own machine and nobody else, in the clear.
fn address(uri: &Uri) -> Option<SocketAddr> {
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let host = uri.host()?.trim_matches(['[', ']']);
    let is_local_name = host == "localhost" || host.ends_with(".localhost");
    let address = match host.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) if is_local_name => Ipv4Addr::LOCALHOST.into(),
        Err(_) => return None,
    };
    address.is_loopback().then_some(SocketAddr::new(address, uri.port_u16().unwrap_or(80)))
}

async fn attempt(to: SocketAddr, request: Request<Full<Bytes>>) -> Option<u16> {
    let stream = TcpStream::connect(to).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let answer = sender.send_request(request);
    tokio::pin!(answer, connection);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    };
    Some(answer.ok()?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_this_machine_is_called() {
        for (url, wanted) in [
            ("http://127.0.0.1:81/a?b", Some("127.0.0.1:81")),
            ("http://bbb.cluster.localhost:81", Some("127.0.0.1:81")),
            ("http://localhost/", Some("127.0.0.1:80")),
            ("http://[::1]:81/", Some("[::1]:81")),
            ("http://192.0.2.1/", None),
            ("http://lms.example.org/", None),
            ("http://localhost.example.org/", None),
            ("https://127.0.0.1/", None),
            ("nonsense", None),
        ] {
            let found = address(&url.parse().unwrap()).map(|address| address.to_string());
            assert_eq!(found.as_deref(), wanted, "{url}");
        }
    }
}
