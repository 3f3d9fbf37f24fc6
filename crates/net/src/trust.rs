//! Whose word on a client's address is believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// The balancers in front of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Where they connect from. Requests from there say in `X-Forwarded-For` or
    /// `Forwarded` for whom they are; only the last hop is believed.
    pub networks: Vec<IpNet>,
    /// Whether connections from there begin with a header of the PROXY
    /// protocol. Then that is believed, and no header of a request.
    pub proxy_protocol: bool,
}

impl Trust {
    /// Whether `address` is one of the balancers.
    #[must_use]
    pub fn includes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}
