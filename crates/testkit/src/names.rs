//! A DNS server that knows every name, at 127.0.0.1.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::{net::UdpSocket, task::JoinHandle};

#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Names {
    pub(crate) async fn start() -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let serving = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let answer = query.get(..length).and_then(answer);
                let Some(answer) = answer else { continue };
                if socket.send_to(&answer, from).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { address, serving })
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.serving.abort();
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
