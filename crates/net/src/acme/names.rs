//! Which certificate a handshake is shown.

use std::sync::Arc;

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{ALPN, Challenges};
use crate::tls::Slot;

/// One certificate per host name, and the proofs of TLS-ALPN-01.
#[derive(Debug)]
pub struct Names {
    slots: Vec<(String, Arc<Slot>)>,
    challenges: Arc<Challenges>,
}

impl Names {
    pub(super) fn new(slots: Vec<(String, Arc<Slot>)>, challenges: Arc<Challenges>) -> Self {
        Self { slots, challenges }
    }

    /// The certificate of `name`; of the first name for one that is not ours,
    /// as for a client that states none.
    fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let named = self
            .slots
            .iter()
            .find(|(ours, _)| name.is_some_and(|name| ours.eq_ignore_ascii_case(name)));
        named.or(self.slots.first()).and_then(|(_, slot)| slot.current())
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // An authority offers this protocol alone (RFC 8737, 3).
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.next() == Some(ALPN) && offered.next().is_none() {
            return hello.server_name().and_then(|name| self.challenges.certificate(name));
        }
        self.certificate(hello.server_name())
    }
}
