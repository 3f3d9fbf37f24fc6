//! The certificate a listener shows, exchangeable while it serves.

use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::Arc;
use crate::acme::validity;

/// A certificate with its key that can be exchanged at any time.
///
/// Handshakes take what is there at their moment; connections that already
/// stand keep what they have. An empty slot refuses handshakes.
#[derive(Debug, Default)]
pub struct Slot {
    current: ArcSwapOption<CertifiedKey>,
}

impl Slot {
    /// A slot that already holds a certificate.
    #[must_use]
    pub fn holding(certificate: CertifiedKey) -> Self {
        Self { current: ArcSwapOption::from_pointee(certificate) }
    }

    /// Shows `certificate` from the next handshake on.
    pub fn put(&self, certificate: CertifiedKey) {
        self.current.store(Some(Arc::new(certificate)));
    }

    /// When what it holds now ends.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        let held = self.current()?;
        validity::end(held.cert.first()?)
    }

    /// What it holds now.
    #[must_use]
    pub fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }
}

impl ResolvesServerCert for Slot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}
