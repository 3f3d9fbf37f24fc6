//! A web origin: scheme, host and port, as browsers compare it (RFC 6454).

use std::{fmt, str::FromStr};

/// The scheme of an [`Origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`, default port 80.
    Http,
    /// `https`, default port 443.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL: `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port a URL of this scheme means when it names none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The WebSocket scheme of a page with this scheme: `ws` or `wss`.
    #[must_use]
    pub fn web_socket(self) -> &'static str {
        match self {
            Self::Http => "ws",
            Self::Https => "wss",
        }
    }
}

/// Scheme, host and port that browsers see, such as `https://bbb.example.org`.
///
/// The host is lower case, the default port is not kept, there is no path and
/// no trailing slash: two equal origins print the same text, which is also
/// the text a browser sends in its `Origin` header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
}

/// Why a text is not an [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// No `http://` or `https://` in front.
    #[error("`{0}` does not start with `http://` or `https://`")]
    Scheme(String),
    /// A second scheme, as in the `https://https://` of the BBB documentation.
    #[error("`{0}` has its scheme twice")]
    SchemeTwice(String),
    /// A path, query or trailing slash.
    #[error("`{0}` has a path or a trailing slash; an origin is scheme, host and port only")]
    Path(String),
    /// User name or password in the URL.
    #[error("an origin has no user name or password")]
    UserInfo,
    /// The host is empty or has characters no host name has.
    #[error("`{0}` is not a host name or IP address")]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("`{0}` is not a port (1 to 65535)")]
    Port(String),
}

impl Origin {
    /// An origin from its parts. `host` may be in any case.
    ///
    /// # Errors
    /// [`OriginError::Host`] when `host` is not a host name or an IP address
    /// (IPv6 in brackets).
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Result<Self, OriginError> {
        if !is_host(host) {
            return Err(OriginError::Host(host.to_owned()));
        }
        let port = port.filter(|&port| port != scheme.default_port());
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port, lower case; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that is connected to: the stated one or the scheme's default.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.scheme.default_port())
    }

    /// What a `Host` header for this origin says: the host, and the port when
    /// it is not the scheme's default.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether `authority` (a `Host` header, an HTTP/2 `:authority`) names this
    /// origin: host in any case, default port written or not.
    #[must_use]
    pub fn matches_authority(&self, authority: &str) -> bool {
        let (host, port) = match split_port(authority) {
            Ok((host, port)) => (host, port.unwrap_or_else(|| self.scheme.default_port())),
            Err(_) => return false,
        };
        port == self.port() && host.eq_ignore_ascii_case(&self.host)
    }

    /// The origin WebSockets of this origin are addressed to:
    /// `wss://host` or `ws://host:port`.
    #[must_use]
    pub fn web_socket(&self) -> String {
        format!("{}://{}", self.scheme.web_socket(), self.authority())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = if let Some(rest) = strip_prefix_ignore_case(text, "https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = strip_prefix_ignore_case(text, "http://") {
            (Scheme::Http, rest)
        } else {
            return Err(OriginError::Scheme(text.to_owned()));
        };
        if rest.contains("://") {
            return Err(OriginError::SchemeTwice(text.to_owned()));
        }
        if rest.contains('@') {
            return Err(OriginError::UserInfo);
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(OriginError::Path(text.to_owned()));
        }
        let (host, port) = split_port(rest)?;
        Self::new(scheme, host, port)
    }
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Splits `host[:port]`; an IPv6 address keeps its brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), OriginError> {
    let host_end = if authority.starts_with('[') {
        authority.find(']').map_or(authority.len(), |end| end + 1)
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_end);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let port = rest.strip_prefix(':').unwrap_or(rest);
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((host, Some(number)))
        }
        _ => Err(OriginError::Port(port.to_owned())),
    }
}

/// A DNS name (letters, digits, hyphens, underscores, dots), an IPv4 address
/// or an IPv6 address in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty()
        && host.len() <= 253
        && host.trim_end_matches('.').split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_print_as_browsers_send_them() {
        for (text, printed) in [
            ("https://bbb.example.org", "https://bbb.example.org"),
            ("HTTPS://BBB.Example.org:443", "https://bbb.example.org"),
            ("http://bbb.cluster.localhost:8080", "http://bbb.cluster.localhost:8080"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused_with_its_reason() {
        for (text, wanted) in [
            ("bbb.example.org", OriginError::Scheme("bbb.example.org".into())),
            ("https://https://bbb-01", OriginError::SchemeTwice("https://https://bbb-01".into())),
            ("https://bbb.example.org/", OriginError::Path("https://bbb.example.org/".into())),
            ("https://u:p@bbb.example.org", OriginError::UserInfo),
            ("https://", OriginError::Host(String::new())),
            ("https://bbb_01..org", OriginError::Host("bbb_01..org".into())),
            ("https://bbb.example.org:0", OriginError::Port("0".into())),
            ("https://bbb.example.org:+80", OriginError::Port("+80".into())),
            ("https://bbb.example.org:99999", OriginError::Port("99999".into())),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(wanted), "{text}");
        }
    }

    #[test]
    fn an_authority_matches_whatever_its_case_and_default_port() {
        let origin: Origin = "https://bbb.example.org".parse().unwrap();
        for (authority, wanted) in [
            ("bbb.example.org", true),
            ("BBB.example.org:443", true),
            ("bbb.example.org:80", false),
            ("bbb.example.org:", false),
            ("bbb.example.org.evil.org", false),
            ("evil.org", false),
            ("", false),
        ] {
            assert_eq!(origin.matches_authority(authority), wanted, "{authority}");
        }
    }
}
