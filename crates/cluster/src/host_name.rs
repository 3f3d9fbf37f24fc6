//! A host name that frontends may call the API by.

use std::{fmt, str::FromStr};

use crate::origin::is_host;

/// A host name such as `school-a.example.org`: lower case, without port and
/// without trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

/// A text that is not a [`HostName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name such as `school-a.example.org`, without scheme, port and path")]
pub struct HostNameError(String);

impl HostName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of an authority (`Host`, `:authority`), whatever its port;
    /// absent when that is an address or no authority at all.
    #[must_use]
    pub fn of_authority(authority: &str) -> Option<Self> {
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let name = host.strip_suffix('.').unwrap_or(host);
        port.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten()
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
        if is_address || !is_host(&name) || name.contains(['[', ':']) {
            return Err(HostNameError(text.to_owned()));
        }
        Ok(Self(name))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hosts_and_nothing_else() {
        for (text, wanted) in [
            ("school-a.example.org", Some("school-a.example.org")),
            ("School-A.example.ORG", Some("school-a.example.org")),
            ("localhost", Some("localhost")),
            ("", None),
            ("*.example.org", None),
            ("https://a.example.org", None),
            ("a.example.org:443", None),
            ("a.example.org/", None),
            ("a..example.org", None),
            ("10.0.0.1", None),
            ("[::1]", None),
            ("a b", None),
        ] {
            assert_eq!(text.parse::<HostName>().ok().as_ref().map(HostName::as_str), wanted);
        }
    }

    #[test]
    fn an_authority_names_a_host_whatever_its_port() {
        for (authority, wanted) in [
            ("a.example.org", Some("a.example.org")),
            ("A.example.org:8443", Some("a.example.org")),
            ("a.example.org.:443", Some("a.example.org")),
            ("a.example.org:443@evil", None),
            ("b@a.example.org", None),
            ("127.0.0.1:80", None),
            ("[::1]:80", None),
            ("", None),
        ] {
            let host = HostName::of_authority(authority);
            assert_eq!(host.as_ref().map(HostName::as_str), wanted, "{authority}");
        }
    }
}
