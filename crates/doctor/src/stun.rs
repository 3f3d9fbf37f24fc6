//! A STUN client as small as can be: one Binding request (RFC 8489), over UDP,
//! TCP or TLS. TURN servers answer it as well, without a password.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UdpSocket,
};

use crate::wire::{Dialer, server_name};

/// The fixed second word of every message.
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Binding, request and success.
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];
/// The header of a message.
const HEADER: usize = 20;
/// The longest answer read: one datagram on any network.
const MAX_ANSWER: usize = 1500;
/// UDP loses datagrams; how often the request is sent, and how far apart.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// The most servers of one node that are asked.
pub(crate) const MAX_SERVERS: usize = 16;

/// A server of a node's list, and whether it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerProbe {
    /// Its URL as the node names it.
    pub url: String,
    /// Whether it is to relay (TURN), or only to tell addresses (STUN).
    pub is_turn: bool,
    /// Why it did not answer.
    pub outcome: Result<(), String>,
}

/// How a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// A `stun:`, `stuns:`, `turn:` or `turns:` URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    transport: Transport,
}

/// Asks a server that a node names.
pub(crate) async fn ask(dialer: &Dialer, url: &str) -> ServerProbe {
    let is_turn = url.starts_with("turn");
    let outcome = match parse(url) {
        Some(server) => exchange(dialer, &server).await,
        None => Err("not a STUN or TURN address".to_owned()),
    };
    ServerProbe { url: url.to_owned(), is_turn, outcome }
}

/// Reads a URL of RFC 7064 or RFC 7065.
fn parse(url: &str) -> Option<Server> {
    let (scheme, rest) = url.split_once(':')?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let tls = match scheme {
        "stun" | "turn" => false,
        "stuns" | "turns" => true,
        _ => return None,
    };
    let transport = match (tls, query) {
        // DTLS is in no browser; they take TLS for `turns` without transport too.
        (true, _) => Transport::Tls,
        (false, "transport=tcp") => Transport::Tcp,
        (false, _) => Transport::Udp,
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (place, if tls { 5349 } else { 3478 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| Server { host: host.to_owned(), port, transport })
}

async fn exchange(dialer: &Dialer, server: &Server) -> Result<(), String> {
    let text = |trouble: crate::Trouble| trouble.to_string();
    let addresses = dialer.addresses(&server.host, server.port).await.map_err(text)?;
    let transaction: [u8; 12] = rand::rng().random();
    if server.transport == Transport::Udp {
        let mut last = "no answer".to_owned();
        for address in addresses {
            match udp(address, &transaction).await {
                Ok(()) => return Ok(()),
                Err(cause) => last = cause,
            }
        }
        return Err(last);
    }
    let stream = dialer.tcp(&addresses).await.map_err(text)?;
    let asked = async {
        if server.transport == Transport::Tls {
            let name = server_name(&server.host).map_err(text)?;
            let tls = Arc::clone(&dialer.tls);
            let stream = dialer.secure(stream, name, &tls).await.map_err(text)?;
            return over(stream, &transaction).await;
        }
        over(stream, &transaction).await
    };
    tokio::time::timeout(dialer.timeout, asked).await.map_err(|_| "no answer".to_owned())?
}

async fn udp(address: SocketAddr, transaction: &[u8; 12]) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let any: SocketAddr =
        if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(text)?;
    socket.connect(address).await.map_err(text)?;
    let mut answer = [0; MAX_ANSWER];
    for _ in 0..TRIES {
        socket.send(&request(transaction)).await.map_err(text)?;
        match tokio::time::timeout(BETWEEN_TRIES, socket.recv(&mut answer)).await {
            Ok(Ok(length)) => return read(answer.get(..length).unwrap_or_default(), transaction),
            Ok(Err(_)) => return Err("the port is closed".to_owned()),
            Err(_) => {}
        }
    }
    Err("no answer".to_owned())
}

async fn over<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    transaction: &[u8; 12],
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    stream.write_all(&request(transaction)).await.map_err(text)?;
    stream.flush().await.map_err(text)?;
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await.map_err(|_| "no answer".to_owned())?;
    read(&header, transaction)
}

/// A Binding request without attributes.
fn request(transaction: &[u8; 12]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER);
    message.extend(REQUEST);
    message.extend([0, 0]);
    message.extend(MAGIC);
    message.extend(transaction);
    message
}

/// Whether `answer` is a success response to our request. What it says of our
/// address does not matter.
fn read(answer: &[u8], transaction: &[u8; 12]) -> Result<(), String> {
    let foreign = || "what answers there is no STUN server".to_owned();
    let header = answer.get(..HEADER).ok_or_else(foreign)?;
    let ours = header.get(4..8) == Some(&MAGIC) && header.get(8..) == Some(transaction.as_slice());
    match header.get(..2) {
        Some(kind) if ours && kind == SUCCESS => Ok(()),
        Some(_) if ours => Err("the server refuses".to_owned()),
        _ => Err(foreign()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_of_the_rfcs_are_read() {
        for (url, wanted) in [
            ("stun:a.example", Some(("a.example", 3478, Transport::Udp))),
            ("stun:a.example:19302", Some(("a.example", 19302, Transport::Udp))),
            ("turn:a.example:443?transport=tcp", Some(("a.example", 443, Transport::Tcp))),
            ("turns:a.example:443?transport=tcp", Some(("a.example", 443, Transport::Tls))),
            ("turns:a.example", Some(("a.example", 5349, Transport::Tls))),
            ("turn:[2001:db8::1]:3478", Some(("2001:db8::1", 3478, Transport::Udp))),
            ("turn:[2001:db8::1]", Some(("2001:db8::1", 3478, Transport::Udp))),
            ("https://a.example", None),
            ("stun:", None),
            ("stun:a.example:x", None),
        ] {
            let read = parse(url);
            let read = read.as_ref().map(|s| (s.host.as_str(), s.port, s.transport));
            assert_eq!(read, wanted, "{url}");
        }
    }

    #[test]
    fn only_a_success_to_our_request_counts() {
        let transaction = [7; 12];
        let mut answer = request(&transaction);
        assert!(read(&answer, &transaction).is_err());
        answer[..2].copy_from_slice(&SUCCESS);
        assert_eq!(read(&answer, &transaction), Ok(()));
        assert!(read(&answer, &[8; 12]).is_err());
        assert!(read(&answer[..19], &transaction).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_panics(answer in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(read(&answer, &[0; 12]));
        }

        #[test]
        fn no_url_panics(url in "(stuns?|turns?):.*") {
            let _ = parse(&url);
        }
    }
}
