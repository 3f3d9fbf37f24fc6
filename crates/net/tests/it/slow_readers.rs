//! Clients that do not take what they asked for, or do not go when told to.

use std::{sync::Arc, time::Duration};

use bluegate_net::{Connection, Limits, Policy, RequestBody, Service};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::timeout,
};

use crate::{
    front::{Front, read_to_end, tls},
    hostile::{Client, PING, frame},
    site::within,
};

/// Many times what sockets hold on the way.
const SIZE: usize = 32 << 20;

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/// Answers with a large body that is there as a whole, as those from a cache are.
struct Large(Bytes);

impl Service for Large {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        let is_small = request.uri().path() == "/small";
        Response::new(Full::from(if is_small { Bytes::from("small") } else { self.0.clone() }))
    }
}

/// One place, and little patience.
fn narrow(tls: Option<Arc<rustls::ServerConfig>>) -> Front {
    let limits =
        Limits { max_connections: 1, idle: Duration::from_millis(200), ..Limits::default() };
    Front::serve(Arc::new(Large(vec![7; SIZE].into())), Policy::from(limits), tls)
}

async fn small(front: &Front) -> String {
    front.tell(b"GET /small HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await
}

#[tokio::test]
async fn who_does_not_read_the_last_answer_does_not_keep_its_place() {
    let front = narrow(None);
    let mut deaf = front.connect().await;
    deaf.write_all(ASK).await.unwrap();
    let mut begun = [0; 12];
    within(deaf.read_exact(&mut begun)).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    assert!(small(&front).await.ends_with("small"));
}

#[tokio::test]
async fn who_reads_slowly_has_the_whole_answer() {
    let front = narrow(None);
    // A small window, so that what is read is what goes out.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut slow = socket.connect(front.address).await.unwrap();
    slow.write_all(ASK).await.unwrap();
    let mut piece = vec![0; 2 << 20];
    // Longer than it may be idle, and then as long again, and more.
    for _ in 0..SIZE / piece.len() - 1 {
        within(slow.read_exact(&mut piece)).await.unwrap();
        assert!(timeout(Duration::from_millis(60), std::future::pending::<()>()).await.is_err());
    }
    let rest = read_to_end(&mut slow).await;
    assert!(rest.len() > piece.len() && rest.ends_with('\x07'));
}

#[tokio::test]
async fn who_talks_on_after_the_goodbye_does_not_keep_its_place() {
    let (server, config) = tls();
    let front = narrow(Some(server));
    let mut chatty = Client::connect(&front, &config).await;
    let talking = async {
        loop {
            // To whatever comes, or does not come any more, the same.
            drop(timeout(Duration::from_millis(10), chatty.frame()).await);
            chatty.send(&frame(PING, 1, 0, b"12345678")).await;
        }
    };
    let newcomer = async {
        let mut newcomer = Client::connect(&front, &config).await;
        assert!(newcomer.frame().await.is_some());
    };
    tokio::select! {
        () = talking => {}
        () = newcomer => {}
    }
}
