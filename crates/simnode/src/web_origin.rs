//! An origin as a node's files and a browser's `Origin` header write it.

use std::fmt;

/// Scheme, host and port, e.g. `http://bbb-01.cluster.localhost:4100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebOrigin {
    secure: bool,
    authority: String,
}

/// A text that is no origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an origin such as `https://bbb-01.example.org`")]
pub struct WebOriginError {
    /// The text found.
    text: String,
}

impl WebOrigin {
    /// Reads an origin; a path, query or trailing slash makes it none.
    pub(crate) fn parse(text: &str) -> Result<Self, WebOriginError> {
        let error = || WebOriginError { text: text.to_owned() };
        let (scheme, authority) = text.split_once("://").ok_or_else(error)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(error()),
        };
        let authority = authority.to_ascii_lowercase();
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(error());
        }
        let default_port = if secure { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority).to_owned();
        Ok(Self { secure, authority })
    }

    /// Whether the scheme is `https`.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host and, when it is not the scheme's own, port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without its port.
    pub(crate) fn host(&self) -> &str {
        self.authority.rsplit_once(':').map_or(&self.authority, |(host, _)| host)
    }

    /// The port, when it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<&str> {
        self.authority.rsplit_once(':').map(|(_, port)| port)
    }

    /// The same place for WebSockets: `wss://...` or `ws://...`.
    pub(crate) fn websocket(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.authority)
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::WebOrigin;

    #[test]
    fn reads_origins_and_nothing_else() {
        for (text, shown) in [
            ("https://bbb.example.org", "https://bbb.example.org"),
            ("https://BBB.example.org:443", "https://bbb.example.org"),
            ("http://a.localhost:8080", "http://a.localhost:8080"),
        ] {
            assert_eq!(WebOrigin::parse(text).unwrap().to_string(), shown);
        }
        for text in
            ["bbb.example.org", "https://", "https://a/", "ftp://a", "https://a?b", "https://u@a"]
        {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
    }
}
