//! A STUN server of a node's own, on UDP of loopback: it answers binding
//! requests (RFC 8489) with the address they came from, and nothing else.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::UdpSocket;

/// The fixed number in every message.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// The length of a message's head.
const HEAD: usize = 20;

/// The largest request looked at.
const REQUEST_MAX: usize = 1_500;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct StunServer {
    socket: UdpSocket,
    address: SocketAddr,
}

impl StunServer {
    /// Takes a free port.
    pub(crate) async fn bind() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until dropped.
    pub(crate) async fn run(self) {
        let mut buffer = [0; REQUEST_MAX];
        loop {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer).await else { continue };
            let answer = buffer.get(..length).and_then(|request| answer(request, from));
            if let Some(answer) = answer {
                // UDP promises nothing; whoever asks asks again.
                drop(self.socket.send_to(&answer, from).await);
            }
        }
    }
}

/// The success response to a binding request from an IPv4 address.
fn answer(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let SocketAddr::V4(from) = from else { return None };
    let head = request.get(..HEAD)?;
    if head.get(..2)? != [0, 1] || head.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let mut answer = vec![1, 1, 0, 12];
    answer.extend(head.get(4..)?);
    // XOR-MAPPED-ADDRESS: port and address, each veiled with the magic cookie.
    answer.extend([0, 0x20, 0, 8, 0, 1]);
    let veil = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().zip(MAGIC_COOKIE).map(|(byte, veil)| byte ^ veil).collect()
    };
    answer.extend(veil(&from.port().to_be_bytes()));
    answer.extend(veil(&from.ip().octets()));
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::{HEAD, StunServer, answer};

    fn request() -> Vec<u8> {
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        request.extend(1..=12);
        request
    }

    #[test]
    fn tells_the_address_the_request_came_from() {
        // The example of RFC 5769, section 2.2.
        let answer = answer(&request(), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(answer[..4], [1, 1, 0, 12]);
        assert_eq!(answer[4..HEAD], request()[4..]);
        assert_eq!(answer[HEAD..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    #[test]
    fn says_nothing_to_anything_else() {
        let from = "127.0.0.1:1".parse().unwrap();
        assert!(answer(&request()[..19], from).is_none());
        let mut other = request();
        other[1] = 3;
        assert!(answer(&other, from).is_none());
        let mut other = request();
        other[5] = 0;
        assert!(answer(&other, from).is_none());
        assert!(answer(&request(), "[::1]:1".parse().unwrap()).is_none());
    }

    #[tokio::test]
    async fn answers_over_udp() {
        let server = StunServer::bind().await.unwrap();
        let address = server.address();
        let running = tokio::spawn(server.run());
        let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&request(), address).await.unwrap();
        let mut buffer = [0; 64];
        let (length, _) = client.recv_from(&mut buffer).await.unwrap();
        assert_eq!(length, HEAD + 12);
        running.abort();
    }
}
