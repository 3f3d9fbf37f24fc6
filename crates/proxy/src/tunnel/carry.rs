//! The bytes of a tunnel, both ways, and its end.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::timeout,
};

use super::frames::{Frames, SERVICE_RESTART};

/// How often in its time-out a tunnel is looked at.
const SAMPLES: u32 = 4;

/// Bytes under way in one direction.
const BUFFER: usize = 8 * 1024;

/// How long the two ends may take to part after our Close frame.
const PARTING: Duration = Duration::from_secs(2);

/// Bytes that passed.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) to_client: AtomicU64,
    to_node: AtomicU64,
}

/// How the way to the client ended.
enum End {
    /// The node has nothing more to say.
    Node,
    /// We said goodbye in its place.
    Farewell,
}

/// Carries bytes both ways until both sides have ended, one fails, both are
/// silent for `patience`, or it is time to say goodbye.
///
/// At `farewell` the client gets a Close frame as soon as one may stand there.
/// Its own Close goes to the node as ever, which so hears of the end in its own
/// protocol, and whose last words the client may no longer get.
pub(super) async fn carry(
    client: impl AsyncRead + AsyncWrite,
    node: impl AsyncRead + AsyncWrite,
    patience: Duration,
    farewell: impl Future<Output = ()>,
    passed: &Passed,
) {
    let (from_client, to_client) = split(client);
    let (from_node, to_node) = split(node);
    let down = async {
        match to_the_client(from_node, to_client, farewell, &passed.to_client).await? {
            End::Node => Ok(()),
            // Whatever the client still says, nobody is there any more.
            End::Farewell => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    };
    let up = to_the_node(from_client, to_node, &passed.to_node);
    tokio::select! {
        carried = async { tokio::try_join!(down, up) } => if let Err(error) = carried {
            tracing::debug!(%error, "a WebSocket ended early");
        },
        () = silence(passed, patience) => tracing::debug!("a WebSocket was silent for too long"),
    }
}

async fn to_the_client<N: AsyncRead, C: AsyncRead + AsyncWrite>(
    mut node: ReadHalf<N>,
    mut client: WriteHalf<C>,
    farewell: impl Future<Output = ()>,
    passed: &AtomicU64,
) -> io::Result<End> {
    let mut frames = Frames::default();
    let mut buffer = vec![0; BUFFER];
    let mut farewell = std::pin::pin!(farewell);
    let mut is_time = false;
    loop {
        if is_time && frames.is_between() {
            client.write_all(&SERVICE_RESTART).await?;
            client.flush().await?;
            part(&mut node, &mut buffer).await;
            client.shutdown().await?;
            return Ok(End::Farewell);
        }
        let read = tokio::select! {
            read = node.read(&mut buffer) => read?,
            () = farewell.as_mut(), if !is_time => {
                is_time = true;
                continue;
            }
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            client.shutdown().await?;
            return Ok(End::Node);
        }
        frames.pass(bytes);
        passed.fetch_add(read as u64, Relaxed);
        client.write_all(bytes).await?;
        // Either side may collect what is written until it is told to send.
        client.flush().await?;
    }
}

/// Waits until the node has ended too, and drops what it still says.
async fn part(node: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) {
    let to_the_end = async { while node.read(buffer).await.is_ok_and(|read| read > 0) {} };
    if timeout(PARTING, to_the_end).await.is_err() {
        tracing::debug!("a WebSocket did not end after its Close");
    }
}

async fn to_the_node<C: AsyncRead, N: AsyncRead + AsyncWrite>(
    mut client: ReadHalf<C>,
    mut node: WriteHalf<N>,
    passed: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return node.shutdown().await;
        }
        passed.fetch_add(read as u64, Relaxed);
        node.write_all(buffer.get(..read).unwrap_or_default()).await?;
        node.flush().await?;
    }
}

/// Ends when neither count has grown for `patience`.
async fn silence(passed: &Passed, patience: Duration) {
    let mut seen = None;
    let mut quiet = 0;
    while quiet < SAMPLES {
        tokio::time::sleep(patience / SAMPLES).await;
        let now = Some((passed.to_client.load(Relaxed), passed.to_node.load(Relaxed)));
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::DuplexStream, sync::oneshot};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    /// Browser, node, and the order to say goodbye.
    fn tunnel() -> (DuplexStream, DuplexStream, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let (browser, client) = tokio::io::duplex(64 * 1024);
        let (server, node) = tokio::io::duplex(64 * 1024);
        let (order, ordered) = oneshot::channel();
        let carrying = tokio::spawn(async move {
            let farewell = async { drop(ordered.await) };
            carry(client, node, WITHIN, farewell, &Passed::default()).await;
        });
        (browser, server, order, carrying)
    }

    async fn read(stream: &mut DuplexStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(WITHIN, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_close_waits_for_the_end_of_the_frame() {
        let (mut browser, mut server, order, carrying) = tunnel();
        server.write_all(&[0x82, 4, b'a', b'b']).await.unwrap();
        assert_eq!(read(&mut browser, 4).await, [0x82, 4, b'a', b'b']);
        order.send(()).unwrap();
        // Messages still go up, and the rest of the frame still comes down.
        browser.write_all(b"up").await.unwrap();
        assert_eq!(read(&mut server, 2).await, b"up");
        server.write_all(b"cd").await.unwrap();
        assert_eq!(read(&mut browser, 6).await, [b"cd", &SERVICE_RESTART[..]].concat());

        // The browser's answer reaches the node; the node's never arrives.
        browser.write_all(&[0x88, 0x82, 0, 0, 0, 0, 3, 0xF4]).await.unwrap();
        assert_eq!(read(&mut server, 8).await[..2], [0x88, 0x82]);
        drop(server.write_all(&SERVICE_RESTART).await);
        drop(server);
        let mut rest = Vec::new();
        timeout(WITHIN, browser.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert_eq!(rest, b"");
        timeout(WITHIN, carrying).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_browser_that_does_not_answer_is_left() {
        let (mut browser, _server, order, carrying) = tunnel();
        order.send(()).unwrap();
        assert_eq!(read(&mut browser, 4).await, SERVICE_RESTART);
        timeout(WITHIN, carrying).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_node_that_said_goodbye_itself_is_not_talked_over() {
        let (mut browser, mut server, order, carrying) = tunnel();
        let close = [0x88, 2, 3, 0xE8];
        server.write_all(&close).await.unwrap();
        assert_eq!(read(&mut browser, 4).await, close);
        order.send(()).unwrap();
        drop(server);
        let mut rest = Vec::new();
        timeout(WITHIN, browser.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert_eq!(rest, b"");
        drop(browser);
        timeout(WITHIN, carrying).await.unwrap().unwrap();
    }
}
