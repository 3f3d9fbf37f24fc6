//! The end of serving.

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    fake_node::{download, hello},
    front::{PATIENCE, Setup, whole},
};

#[tokio::test]
async fn a_download_finishes_while_nothing_new_is_accepted() {
    let (node, pieces) = download().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let request = front.request("GET", "/bbb-01/html5client/big").body(Bytes::new()).unwrap();
    pieces.send(Bytes::from_static(b"first ")).await.unwrap();
    let download = front.open(request).await;

    front.shutdown.cancel();
    let refused = async {
        while TcpStream::connect(front.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("new connections to be refused");

    pieces.send(Bytes::from_static(b"last")).await.unwrap();
    drop(pieces);
    assert_eq!(whole(download).await.unwrap().body, "first last");
    assert_eq!(front.drained().await.cut, 0);
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let node = hello().await;
    let front = Setup::new().mount("bbb-01", &node).start().await;
    let mut idle = TcpStream::connect(front.address).await.unwrap();
    let request = format!("GET /bbb-01/html5client/ HTTP/1.1\r\nHost: {}\r\n\r\n", front.host());
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 8];
    timeout(PATIENCE, idle.read_exact(&mut first)).await.unwrap().unwrap();

    front.shutdown.cancel();
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(front.drained().await.cut, 0);
}
