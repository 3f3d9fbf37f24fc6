//! Listening sockets that were handed over, and copies to hand on.

use std::{io, net::SocketAddr, os::fd::OwnedFd};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::{BindError, Listener, bind};

/// A socket that was handed over and is of no use.
#[derive(Debug, thiserror::Error)]
pub enum HandedOverError {
    /// Not a TCP socket.
    #[error("the {0}. socket that was handed over (LISTEN_FDS) is no TCP socket")]
    NotTcp(usize, #[source] io::Error),
    /// Not one that connections can be accepted from.
    #[error(
        "the socket of {0} that was handed over (LISTEN_FDS) does not listen; `Accept=no` and `ListenStream=` make one that does"
    )]
    NotListening(SocketAddr),
}

/// The listening sockets of this process: handed over where they were, bound
/// where not, each with a copy for a successor.
#[derive(Debug, Default)]
pub struct Sockets {
    handed: Vec<Listener>,
    kept: Vec<Listener>,
}

impl Sockets {
    /// Takes what systemd or a predecessor handed over: `LISTEN_FDS`, meant for
    /// us if `LISTEN_PID` is absent or our process.
    ///
    /// Changes the environment, so it has to be called before there are
    /// threads.
    ///
    /// # Errors
    /// [`HandedOverError`] for a socket that cannot be served.
    pub fn from_environment() -> Result<Self, HandedOverError> {
        let mut handed = Vec::new();
        let mut found = ListenFd::from_env();
        for index in 0..found.len() {
            let refused = |source| HandedOverError::NotTcp(index + 1, source);
            let Some(socket) = found.take_tcp_listener(index).map_err(refused)? else { continue };
            let listens = SockRef::from(&socket).is_listener().map_err(refused)?;
            let listener = Listener::from_std(socket).map_err(refused)?;
            if !listens {
                return Err(HandedOverError::NotListening(listener.local_addr()));
            }
            handed.push(listener);
        }
        Ok(Self { handed, kept: Vec::new() })
    }

    /// Listens on `addr`: with the socket of exactly this address that was
    /// handed over, or else with a new one.
    ///
    /// # Errors
    /// [`BindError`] when there is none and the address cannot be bound.
    pub fn open(&mut self, addr: SocketAddr) -> Result<Listener, BindError> {
        let handed = self.handed.iter().position(|listener| listener.local_addr() == addr);
        let listener = match handed {
            Some(index) => self.handed.swap_remove(index),
            None => bind(addr)?,
        };
        let copy = listener.try_clone().map_err(|source| BindError { addr, source })?;
        self.kept.push(copy);
        Ok(listener)
    }

    /// Ends the choice: the copies for a successor, and the addresses of what
    /// was handed over and asked for by nobody. Our copies of those are closed.
    #[must_use]
    pub fn finish(self) -> (KeptSockets, Vec<SocketAddr>) {
        let unused = self.handed.iter().map(Listener::local_addr).collect();
        (KeptSockets(self.kept), unused)
    }
}

/// Copies of all sockets that this process listens on. While they are open,
/// newcomers are queued even if nobody accepts them.
#[derive(Debug)]
pub struct KeptSockets(Vec<Listener>);

impl KeptSockets {
    /// A copy of each, for another process.
    pub(super) fn copies(&self) -> io::Result<Vec<OwnedFd>> {
        self.0.iter().map(|listener| listener.try_clone().map(Listener::into_descriptor)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_handed_over_is_not_bound_again() {
        let handed = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let other = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, unused) = (handed.local_addr(), other.local_addr());
        let mut sockets = Sockets { handed: vec![handed, other], kept: Vec::new() };
        assert_eq!(sockets.open(address).unwrap().local_addr(), address);
        let bound = sockets.open("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(bound.local_addr(), unused);
        // Taken once, and listening still: a second one has to bind.
        let error = sockets.open(address).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        let (kept, left) = sockets.finish();
        assert_eq!(left, [unused]);
        assert_eq!(kept.copies().unwrap().len(), 2);
    }
}
