//! WebSockets of the 2.x client, and only those.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    fake_node::{FakeNode, hello},
    front::{Front, PATIENCE, Setup, node_at},
};

const SOCKET: &str = "/html5client/sockjs/123/abcd1234/websocket";

/// A node that accepts every upgrade and sends back what it gets.
async fn echo() -> FakeNode {
    FakeNode::script(|mut stream, _| async move {
        let head = read_head(&mut stream).await;
        assert!(head.contains("upgrade: websocket\r\n"), "{head}");
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
                  Connection: upgrade\r\nSec-WebSocket-Accept: s3cr3t\r\nSet-Cookie: x=1\r\n\r\n",
            )
            .await
            .unwrap();
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    })
    .await
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match timeout(PATIENCE, stream.read_u8()).await.expect("the rest of the head") {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Asks for a WebSocket and returns the answer's head with the connection.
async fn upgrade(front: &Front, target: &str, headers: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nSec-WebSocket-Key: k\r\n\
         Sec-WebSocket-Version: 13\r\nCookie: x=1\r\n{headers}\r\n",
        front.host()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    (read_head(&mut stream).await, stream)
}

const PROPER: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";

#[tokio::test]
async fn the_2x_socket_is_tunnelled() {
    let node = echo().await;
    let front = Setup::new()
        .mount_2x("old", &node)
        .add(node_at("unknown", node.address, None))
        .start()
        .await;
    for mount in ["old", "unknown"] {
        let (head, mut stream) = upgrade(&front, &format!("/{mount}{SOCKET}"), PROPER).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: s3cr3t\r\n"), "{head}");
        assert!(!head.contains("cookie"), "{head}");
        for message in ["one", "two"] {
            stream.write_all(message.as_bytes()).await.unwrap();
            let mut echoed = [0; 3];
            timeout(PATIENCE, stream.read_exact(&mut echoed)).await.unwrap().unwrap();
            assert_eq!(&echoed[..], message.as_bytes());
        }
        stream.shutdown().await.unwrap();
        assert_eq!(timeout(PATIENCE, stream.read(&mut [0])).await.unwrap().unwrap(), 0);
    }
}

#[tokio::test]
async fn sockets_outlive_a_change_of_their_own_route_and_of_others() {
    let nodes = [echo().await, echo().await, echo().await];
    let front = Setup::new()
        .mount_2x("kept", &nodes[0])
        .mount_2x("moved", &nodes[1])
        .mount_2x("gone", &nodes[2])
        .start()
        .await;
    let mut sockets = Vec::new();
    for mount in ["kept", "moved", "gone"] {
        let (head, socket) = upgrade(&front, &format!("/{mount}{SOCKET}"), PROPER).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        sockets.push(socket);
    }
    let elsewhere = hello().await;
    front.route([
        node_at("kept", nodes[0].address, Some("2.7")),
        node_at("moved", elsewhere.address, Some("2.7")),
    ]);
    assert_eq!(front.get("/moved/html5client/a.js").await.body, "hello");
    assert_eq!(front.get("/gone/html5client/a.js").await.status.as_u16(), 404);
    for mut socket in sockets {
        socket.write_all(b"still there").await.unwrap();
        let mut echoed = [0; 11];
        timeout(PATIENCE, socket.read_exact(&mut echoed)).await.unwrap().unwrap();
        assert_eq!(&echoed, b"still there");
    }
}

#[tokio::test]
async fn no_other_upgrade_passes() {
    let (old, new) = (echo().await, echo().await);
    let front = Setup::new().mount_2x("old", &old).mount("new", &new).start().await;
    let socket = format!("/old{SOCKET}");
    for (target, headers) in [
        ("/new/html5client/sockjs/123/abcd1234/websocket", PROPER),
        ("/new/html5client/ws", PROPER),
        ("/old/html5client/", PROPER),
        ("/old/html5client/sockjsx/websocket", PROPER),
        (socket.as_str(), "Upgrade: websocket\r\n"),
        (&socket, "Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        (&socket, "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n"),
        (&socket, "Upgrade: websocket\r\nUpgrade: x\r\nConnection: Upgrade\r\n"),
        ("/new/html5client/a.js", "Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        ("/new/bigbluebutton/api", PROPER),
    ] {
        let (head, _) = upgrade(&front, target, headers).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{target} {headers}: {head}");
    }
    let (head, _) = upgrade(&front, "/old/graphql", PROPER).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert_eq!((old.connections(), new.connections()), (0, 0));
}

#[tokio::test]
async fn a_node_that_declines_is_heard() {
    let node = hello().await;
    let front = Setup::new().mount_2x("old", &node).start().await;
    let (head, _) = upgrade(&front, &format!("/old{SOCKET}"), PROPER).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let seen = node.only_request().headers;
    assert_eq!(seen["connection"], "Upgrade");
    assert_eq!(seen["sec-websocket-key"], "k");
    assert!(!seen.contains_key("cookie"));
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let node = echo().await;
    let front = Setup::new()
        .mount_2x("old", &node)
        .with(|config| config.web_socket_timeout = Duration::from_millis(200))
        .start()
        .await;
    let (head, mut stream) = upgrade(&front, &format!("/old{SOCKET}"), PROPER).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.expect("the tunnel's end");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn sockets_have_a_bound_of_their_own() {
    let node = echo().await;
    let front =
        Setup::new().mount_2x("old", &node).with(|config| config.max_web_sockets = 1).start().await;
    let target = format!("/old{SOCKET}");
    let (first, held) = upgrade(&front, &target, PROPER).await;
    assert!(first.starts_with("HTTP/1.1 101 "), "{first}");
    let (second, _) = upgrade(&front, &target, PROPER).await;
    assert!(second.starts_with("HTTP/1.1 503 "), "{second}");
    drop(held);
}

#[tokio::test]
async fn a_drain_waits_for_tunnels_until_its_deadline() {
    let node = echo().await;
    let mut setup = Setup::new().mount_2x("old", &node);
    setup.drain = Duration::from_millis(300);
    let front = setup.start().await;
    let (head, mut stream) = upgrade(&front, &format!("/old{SOCKET}"), PROPER).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    front.shutdown.cancel();
    // Still carried while the drain goes on.
    stream.write_all(b"x").await.unwrap();
    assert_eq!(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap(), b'x');
    assert_eq!(front.drained().await.cut, 1);
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.expect("the tunnel's end");
    assert!(matches!(end, Ok(0) | Err(_)));
}
