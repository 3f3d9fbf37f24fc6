//! Which certificate a handshake is shown.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{ALPN, Challenges, Status};
use crate::tls::Slot;

/// One certificate per host name, and the proofs of TLS-ALPN-01.
#[derive(Debug)]
pub struct Names {
    named: ArcSwap<Vec<Named>>,
    challenges: Arc<Challenges>,
}

/// A host name and its certificate.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where its certificate is shown; empty until there is one.
    pub slot: Arc<Slot>,
    /// How it goes with it.
    pub status: Arc<Status>,
}

impl Names {
    pub(super) fn new(named: Vec<Named>, challenges: Arc<Challenges>) -> Self {
        Self { named: ArcSwap::from_pointee(named), challenges }
    }

    /// Shows these from now on, the default one first.
    pub(super) fn set(&self, named: Vec<Named>) {
        self.named.store(Arc::new(named));
    }

    /// All of them, as they now are.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Named>> {
        self.named.load_full()
    }

    /// The certificate of `name`; of the first name for one that is not ours,
    /// as for a client that states none.
    fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = self.named.load();
        let named =
            all.iter().find(|ours| name.is_some_and(|name| ours.name.eq_ignore_ascii_case(name)));
        named.or(all.first()).and_then(|named| named.slot.current())
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
