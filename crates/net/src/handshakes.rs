//! How TLS handshakes ended.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use rustls::HandshakeKind;

/// Counts the handshakes of all listeners that share it.
#[derive(Debug, Default)]
pub struct Handshakes {
    full: AtomicU64,
    resumed: AtomicU64,
    timed_out: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    invalid: AtomicU64,
}

/// Handshakes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandshakeReport {
    /// Whole ones.
    pub full: u64,
    /// Of clients that were here before.
    pub resumed: u64,
    /// Not finished in time.
    pub timed_out: u64,
    /// The client went away in the middle.
    pub closed: u64,
    /// The client did not take what it was shown: no trusted certificate, or
    /// no common version.
    pub refused: u64,
    /// What the client sent is not TLS, or not for a name we have.
    pub invalid: u64,
}

impl Handshakes {
    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> HandshakeReport {
        HandshakeReport {
            full: self.full.load(Relaxed),
            resumed: self.resumed.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            closed: self.closed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            invalid: self.invalid.load(Relaxed),
        }
    }

    pub(crate) fn done(&self, kind: Option<HandshakeKind>) {
        let counter = if kind == Some(HandshakeKind::Resumed) { &self.resumed } else { &self.full };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn timed_out(&self) {
        self.timed_out.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, error: &io::Error) {
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let counter = match tls {
            Some(rustls::Error::AlertReceived(_)) => &self.refused,
            Some(_) => &self.invalid,
            None => &self.closed,
        };
        counter.fetch_add(1, Relaxed);
    }
}
