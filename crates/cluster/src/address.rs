//! Where to open a connection, when that differs from what a name says.

use std::{fmt, str::FromStr};

use crate::origin::is_host;

/// Host and port of a TCP connection, such as `10.0.0.11:443`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

/// A text that is not `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `host:port`, such as `10.0.0.11:443` or `[2001:db8::1]:443`")]
pub struct AddressError(String);

impl Address {
    /// The host name or IP address, IPv6 without brackets, as resolvers want it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let port = port.parse().ok().filter(|&port| port != 0).ok_or_else(error)?;
        if !is_host(host) {
            return Err(error());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(address: std::net::SocketAddr) -> Self {
        let host = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_a_host_and_a_port() {
        for (text, wanted) in [
            ("10.0.0.11:443", Some(("10.0.0.11", 443))),
            ("[2001:db8::1]:443", Some(("2001:db8::1", 443))),
            ("bbb-01.lan:8443", Some(("bbb-01.lan", 8443))),
            ("10.0.0.11", None),
            ("10.0.0.11:0", None),
            (":443", None),
            ("2001:db8::1:443", None),
            ("https://10.0.0.11:443", None),
        ] {
            let parsed = text.parse::<Address>().ok();
            let got = parsed.as_ref().map(|address| (address.host(), address.port()));
            assert_eq!(got, wanted, "{text}");
        }
    }
}
