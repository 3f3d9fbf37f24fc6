//! Handshakes are counted by how they end.

use std::{sync::Arc, time::Duration};

use bluegate_net::{HandshakeReport, Limits, Policy, tls as net_tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    front::{Front, Who, tls},
    site::within,
};

async fn closed(mut stream: TcpStream) {
    // A reset is a way to close, too.
    drop(within(stream.read_to_end(&mut Vec::new())).await);
}

#[tokio::test]
async fn each_handshake_is_counted_as_what_it_came_to() {
    let (server, client) = tls();
    let limits = Limits { tls_handshake: Duration::from_millis(300), ..Limits::default() };
    let policy = Policy::from(limits);
    let counted = Arc::clone(&policy.handshakes);
    let front = Front::serve(Arc::new(Who), policy, Some(server));

    for _ in 0..2 {
        let connector = TlsConnector::from(Arc::clone(&client));
        let stream = front.connect().await;
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: bbb.test\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        // The ticket comes with the answer.
        within(stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let made = HandshakeReport { full: 1, resumed: 1, ..HandshakeReport::default() };
    assert_eq!(counted.report(), made);

    // Who trusts another authority says so with an alert.
    let stranger = TlsConnector::from(net_tls::client_config(None).unwrap());
    let stream = front.connect().await;
    assert!(stranger.connect("localhost".try_into().unwrap(), stream).await.is_err());
    let mut plain = front.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\nHost: bbb.test\r\n\r\n").await.unwrap();
    closed(plain).await;
    closed(front.connect().await).await;
    let mut gone = front.connect().await;
    gone.write_all(&[22, 3, 1]).await.unwrap();
    gone.shutdown().await.unwrap();
    closed(gone).await;

    let wanted = HandshakeReport { refused: 1, invalid: 1, timed_out: 1, closed: 1, ..made };
    within(async {
        while counted.report() != wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
