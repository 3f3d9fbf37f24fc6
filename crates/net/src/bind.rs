//! Opening a listening socket.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel completes for us before we accept them.
///
/// Large enough for a burst of new connections to wait out one busy moment;
/// the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A bound and listening TCP socket that no runtime owns yet.
///
/// Kept as a std socket so that it can be opened before the runtime starts,
/// be handed to a successor, or be inherited from a supervisor.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}")]
pub struct BindError {
    /// The address asked for.
    pub addr: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Listens on `addr`; port 0 takes a free one.
///
/// An IPv6 address listens on IPv6 only, so that `0.0.0.0:443` and `[::]:443`
/// can stand side by side.
///
/// # Errors
/// [`BindError`] when the address is taken, not ours, or not permitted.
pub fn bind(addr: SocketAddr) -> Result<Listener, BindError> {
    open(addr).map_err(|source| BindError { addr, source })
}

fn open(addr: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Listener::from_std(socket.into())
}

impl Listener {
    /// Takes a socket that already listens.
    ///
    /// # Errors
    /// When it is not a bound socket, or cannot be made non-blocking.
    pub fn from_std(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address it listens on, with the port it really has.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Another handle on the same socket and its queue.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, address: self.address })
    }

    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.socket.into()
    }

    /// Hands the socket to the current runtime.
    pub(crate) fn into_tokio(self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_and_both_families_share_one() {
        let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = bind(first.local_addr()).unwrap_err();
        assert_eq!(error.addr, first.local_addr());
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);

        // Machines without IPv6 have nothing to show here.
        if let Ok(six) = bind("[::]:0".parse().unwrap()) {
            let four = SocketAddr::from(([127, 0, 0, 1], six.local_addr().port()));
            assert!(bind(four).is_ok(), "IPv6 took the IPv4 port along");
        }
    }
}
