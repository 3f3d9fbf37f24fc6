//! Which hosts a node that is added at run time may have.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::{Node, origin::is_host};

/// One host, all hosts below a domain, or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHost {
    /// Exactly this name, in lower case.
    Name(String),
    /// Every name below this domain, at any depth; not the domain itself.
    Below(String),
    /// Every address in this network.
    Network(IpNet),
}

/// A text that is not an [`AllowedHost`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name, `*.` and a domain, or a network such as `10.0.0.0/8`")]
pub struct AllowedHostError(String);

/// What bounds the nodes that are added at run time. Empty allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<AllowedHost>);

impl AllowedHost {
    /// Whether `host`, a name or an address, is one of them. A name is never
    /// looked up: by a network only addresses match.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        match (self, address) {
            (Self::Network(network), Some(address)) => network.contains(&address),
            (Self::Name(name), None) => name.eq_ignore_ascii_case(host),
            (Self::Below(domain), None) => {
                let split = host.len().checked_sub(domain.len());
                let parts = split.and_then(|split| host.split_at_checked(split));
                parts.is_some_and(|(labels, end)| {
                    end.eq_ignore_ascii_case(domain) && labels.len() > 1 && labels.ends_with('.')
                })
            }
            _ => false,
        }
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        let error = || AllowedHostError(text.to_owned());
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(address.to_canonical().into()));
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        let (name, below) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        let looks_like_address = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_host(name) || looks_like_address || name.contains(['[', ':']) {
            return Err(error());
        }
        let name = name.to_ascii_lowercase();
        Ok(if below { Self::Below(name) } else { Self::Name(name) })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

impl AllowedHosts {
    /// These, and no others.
    #[must_use]
    pub fn new(hosts: Vec<AllowedHost>) -> Self {
        Self(hosts)
    }

    /// What is allowed.
    #[must_use]
    pub fn hosts(&self) -> &[AllowedHost] {
        &self.0
    }

    /// The host of `node` that is not allowed: of its origin, or of the
    /// address that is connected to instead. Both have to be, each by itself:
    /// the one is what browsers are told, the other what we connect to.
    #[must_use]
    pub fn refused<'a>(&self, node: &'a Node) -> Option<&'a str> {
        let address = node.address.as_ref().map(crate::Address::host);
        [Some(node.origin.host()), address]
            .into_iter()
            .flatten()
            .find(|host| !self.0.iter().any(|allowed| allowed.matches(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_matches_by_its_whole_name_its_domain_or_its_network() {
        for (allowed, host, wanted) in [
            ("bbb-01.example.org", "bbb-01.example.org", true),
            ("bbb-01.example.org", "BBB-01.Example.org", true),
            ("bbb-01.example.org", "xbbb-01.example.org", false),
            ("*.example.org", "bbb-01.example.org", true),
            ("*.example.org", "a.b.EXAMPLE.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("*.example.org", "evilexample.org", false),
            ("*.example.org", "bbb.example.org.evil.net", false),
            ("*.example.org", "10.0.0.1", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "10.0.0.1.example.org", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("2001:db8::/32", "[2001:db8::1]", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let parsed: AllowedHost = allowed.parse().unwrap();
            assert_eq!(parsed.matches(host), wanted, "{allowed} {host}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_and_what_is_prints_as_it_reads() {
        for bad in [
            "",
            "*",
            "*.",
            "a.*.org",
            "*example.org",
            "10.0.0.0/33",
            "10.*",
            "https://a.org",
            "a.org:443",
            "10.0.0",
            "a b",
            "*.10.0.0.1",
        ] {
            assert_eq!(bad.parse::<AllowedHost>(), Err(AllowedHostError(bad.to_owned())), "{bad}");
        }
        for (text, printed) in
            [("*.Example.org", "*.example.org"), ("10.1.2.3/8", "10.0.0.0/8"), ("::1", "::1/128")]
        {
            assert_eq!(text.parse::<AllowedHost>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn origin_and_address_are_held_to_it_each_by_itself() {
        let allowed = |texts: &[&str]| {
            AllowedHosts::new(texts.iter().map(|text| text.parse().unwrap()).collect())
        };
        let node = |origin: &str, address: Option<&str>| Node {
            name: "n".parse().unwrap(),
            origin: origin.parse().unwrap(),
            address: address.map(|address| address.parse().unwrap()),
            bbb: None,
            proxied: true,
        };
        let both = allowed(&["*.example.org", "10.0.0.0/8"]);
        for (origin, address, refused) in [
            ("https://a.example.org", None, None),
            ("https://a.example.org", Some("10.0.0.1:443"), None),
            ("https://a.example.org", Some("b.example.org:443"), None),
            ("https://10.0.0.1", None, None),
            ("https://a.example.net", None, Some("a.example.net")),
            ("https://a.example.org", Some("127.0.0.1:443"), Some("127.0.0.1")),
            ("https://a.example.org", Some("[::1]:443"), Some("::1")),
            ("https://a.example.net", Some("10.0.0.1:443"), Some("a.example.net")),
        ] {
            assert_eq!(both.refused(&node(origin, address)), refused, "{origin} {address:?}");
        }
        let none = AllowedHosts::default();
        assert_eq!(none.refused(&node("https://a.example.org", None)), Some("a.example.org"));
    }
}
