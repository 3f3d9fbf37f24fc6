//! A listener that answers with the client it sees, and raw connections to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bluegate_net::{Connection, Limits, Policy, RequestBody, Service, Trust, bind, serve, tls};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::site::within;

/// Answers with the address it would hold to account.
pub(crate) struct Who;

impl Service for Who {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        _: Request<RequestBody>,
        connection: Arc<Connection>,
    ) -> Response<Self::Body> {
        assert_eq!(connection.client, connection.peer.ip().to_canonical());
        Response::new(Full::from(format!("<{}>", connection.client)))
    }
}

pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    _shutdown: DropGuard,
    _serving: JoinHandle<()>,
}

impl Front {
    pub(crate) fn start(policy: Policy, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::serve(Arc::new(Who), policy, tls)
    }

    pub(crate) fn serve(
        service: Arc<impl Service>,
        policy: Policy,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        let serving = serve(listener, tls, service, policy, shutdown.clone(), Duration::ZERO);
        let serving = tokio::spawn(async { drop(serving.await) });
        Self { address, _shutdown: shutdown.drop_guard(), _serving: serving }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to `text` on a connection of its own, until it closes.
    pub(crate) async fn tell(&self, text: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text).await.unwrap();
        read_to_end(&mut stream).await
    }
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is one way to close.
    drop(within(stream.read_to_end(&mut answer)).await);
    String::from_utf8(answer).unwrap()
}

/// Asks on a connection that is kept, and takes the client out of the answer.
pub(crate) async fn ask_who(
    stream: &mut (impl AsyncWrite + AsyncReadExt + Unpin),
    headers: &str,
) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b">") {
        let read = within(stream.read_buf(&mut answer)).await.unwrap();
        assert_ne!(read, 0, "closed: {}", answer.escape_ascii());
    }
    let answer = String::from_utf8(answer).unwrap();
    answer.rsplit_once('<').unwrap().1.trim_end_matches('>').to_owned()
}

/// A policy that believes everyone on this machine.
pub(crate) fn behind_a_balancer(proxy_protocol: bool) -> Policy {
    Policy {
        trust: Trust { networks: vec!["127.0.0.0/8".parse().unwrap()], proxy_protocol },
        limits: Limits { tls_handshake: Duration::from_millis(300), ..Limits::default() },
        ..Policy::default()
    }
}

/// TLS of its own, and a client's that trusts it.
pub(crate) fn tls() -> (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let (ca, certificate, key) = crate::site::authority_for_localhost();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ca).unwrap();
    (
        tls::server_config_from_pem(certificate.as_bytes(), key.as_bytes()).unwrap(),
        tls::client_config(Some(file.path())).unwrap(),
    )
}
