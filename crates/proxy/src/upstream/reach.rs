//! A TCP connection to whichever address of a node answers first.
//!
//! After RFC 8305: addresses of both families in turn, the next one begun when
//! the one before failed or has not answered for a moment. An address that
//! swallows packets costs that moment, not a timeout.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, task::JoinSet, time::sleep};

/// How long an address is alone before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects; the caller bounds the time.
pub(super) async fn reach(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = in_turn(addresses);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    // Ends what is still under way when it is dropped.
    let mut trying = JoinSet::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            trying.spawn(TcpStream::connect(address));
        } else if trying.is_empty() {
            return Err(last);
        }
        let next = async {
            if waiting.is_empty() {
                std::future::pending().await
            } else {
                sleep(HEAD_START).await;
            }
        };
        tokio::select! {
            tried = trying.join_next() => match tried {
                Some(Ok(Ok(stream))) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Some(Ok(Err(error))) => last = error,
                // Never aborted while it is waited for.
                Some(Err(_)) | None => {}
            },
            () = next => {}
        }
    }
}

/// The families in turn, beginning with that of the first address.
fn in_turn(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == first_is_v6);
    let mut turns = VecDeque::new();
    while turns.len() < MAX_ADDRESSES {
        let before = turns.len();
        turns.extend(first.pop_front());
        turns.extend(second.pop_front());
        if turns.len() == before {
            break;
        }
    }
    turns.truncate(MAX_ADDRESSES);
    turns
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_are_bounded() {
        let six = ["[::1]:1", "[::2]:1", "[::3]:1"];
        for (given, wanted) in [
            (vec!["[::1]:1", "[::2]:1", "192.0.2.1:1"], vec!["[::1]:1", "192.0.2.1:1", "[::2]:1"]),
            (vec!["192.0.2.1:1", "[::1]:1"], vec!["192.0.2.1:1", "[::1]:1"]),
            (six.to_vec(), six.to_vec()),
            (vec![], vec![]),
        ] {
            assert_eq!(in_turn(&addresses(&given)), addresses(&wanted));
        }
        assert_eq!(in_turn(&addresses(&["192.0.2.1:1"; 50])).len(), MAX_ADDRESSES);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // The same port, where nobody listens.
        let refusing = SocketAddr::new("127.0.0.77".parse().unwrap(), good.port());
        let refusing_v6 = SocketAddr::new("::1".parse().unwrap(), good.port());
        let stream = reach(&[refusing_v6, refusing, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert_eq!(reach(&[refusing]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(reach(&[]).await.is_err());
    }

    #[tokio::test]
    async fn an_address_that_swallows_packets_costs_a_moment() {
        // A full backlog: the kernel drops the handshake's packets.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut taken = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(silent)).await
        {
            taken.push(stream);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let reached = tokio::time::timeout(Duration::from_secs(10), reach(&[silent, good])).await;
        assert_eq!(
            reached.expect("no wait for the silent one").unwrap().peer_addr().unwrap(),
            good
        );
    }
}
