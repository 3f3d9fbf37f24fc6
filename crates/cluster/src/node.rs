//! One BBB server of the cluster.

use crate::{Address, BbbVersion, Mount, Origin};

/// One BBB server, without its secret: all that the proxy may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, which is also its mount on the cluster's origin.
    pub name: Mount,
    /// The origin browsers reach it at directly.
    pub origin: Origin,
    /// Where to connect instead of what `origin` resolves to; the TLS name and
    /// the `Host` stay those of `origin`.
    pub address: Option<Address>,
    /// Its release, when the operator states it.
    pub bbb: Option<BbbVersion>,
    /// Whether the cluster's origin serves its client. `false` while a live
    /// cluster is converted node by node.
    pub proxied: bool,
}

impl Node {
    /// The upstream of the BBB API as the proxy reaches it: like a node, under
    /// the reserved name `api`, which no node can have.
    #[must_use]
    pub fn api(origin: Origin) -> Self {
        Self { name: Mount::api(), origin, address: None, bbb: None, proxied: false }
    }

    /// Host and port to open a connection to.
    #[must_use]
    pub fn connect_to(&self) -> (&str, u16) {
        match &self.address {
            Some(address) => (address.host(), address.port()),
            None => (
                self.origin.host().trim_start_matches('[').trim_end_matches(']'),
                self.origin.port(),
            ),
        }
    }
}
