//! A DNS server that knows every name, at 127.0.0.1.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Names {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let serving = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut query = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut query).await.unwrap();
                if let Some(answer) = answer(&query[..length]) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        }));
        Self { address, _serving: serving }
    }
}

/// One question, answered with an address when it asks for one (RFC 1035).
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let name_length = query.get(12..)?.iter().position(|&byte| byte == 0)?;
    let question = query.get(12..12 + name_length + 5)?;
    let is_for_address = question.ends_with(&[0, 1, 0, 1]);
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_for_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_for_address {
        // The name above, type A, class IN, for no time, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
