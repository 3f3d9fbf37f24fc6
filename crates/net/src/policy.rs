//! How a listener meets its clients: bounds, and whom it believes.

use std::sync::Arc;

use crate::{Clients, Handshakes, Limits, Trust};

/// The rules of one listener. `Limits` alone are rules too.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What one connection may take.
    pub limits: Limits,
    /// The balancers in front, if any. They have no bound as clients.
    pub trust: Trust,
    /// What one client may take; shared between listeners.
    pub clients: Option<Arc<Clients>>,
    /// How TLS handshakes ended; shared between listeners.
    pub handshakes: Arc<Handshakes>,
}

impl From<Limits> for Policy {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}
