//! Where a callback goes.

use url::{Host, Url};

/// The longest URL that is called.
const MAX_BYTES: usize = 8 * 1024;

/// The URL of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    /// Without brackets, as a resolver wants it.
    host: String,
    port: u16,
}

/// A text that is no URL we call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("not a URL")]
    Url,
    /// Neither http nor https.
    #[error("neither an http nor an https URL")]
    Scheme,
    /// Longer than 8 KiB.
    #[error("the URL is too long")]
    Length,
}

impl Target {
    /// Reads a URL as browsers do (WHATWG).
    ///
    /// # Errors
    /// [`TargetError`] when it is none that is called.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.len() > MAX_BYTES {
            return Err(TargetError::Length);
        }
        let url = Url::parse(text.trim()).map_err(|_| TargetError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        let host = match url.host().ok_or(TargetError::Url)? {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or(TargetError::Url)?;
        Ok(Self { url, host, port })
    }

    /// Host and port: what is on the other side of the connection.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.port)
    }

    /// Scheme, host and port: all that is shown of it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Path and query, as a request line has them.
    pub(crate) fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// Host and, unless it is the scheme's, port.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_browsers_read_them() {
        for (text, place, path) in [
            ("https://Example.org", "example.org:443", "/"),
            ("http://a.example.org:8080/x y?z=ä&a", "a.example.org:8080", "/x%20y?z=%C3%A4&a"),
            ("https://[2001:db8::1]/a#b", "[2001:db8::1]:443", "/a"),
            ("http://user:pass@127.1/", "127.0.0.1:80", "/"),
            ("http://0x7f000001:81/", "127.0.0.1:81", "/"),
            ("http://2130706433/", "127.0.0.1:80", "/"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.place().as_str(), target.path_and_query().as_str()), (place, path));
        }
        for (text, wanted) in [
            ("", TargetError::Url),
            ("/relative", TargetError::Url),
            ("ftp://example.org", TargetError::Scheme),
            ("file:///etc/passwd", TargetError::Scheme),
            ("https://", TargetError::Url),
        ] {
            assert_eq!(Target::parse(text), Err(wanted), "{text}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX_BYTES));
        assert_eq!(Target::parse(&long), Err(TargetError::Length));
    }

    #[test]
    fn what_is_shown_holds_no_path_and_no_password() {
        let target = Target::parse("https://user:secret@example.org:8443/token?key=1").unwrap();
        assert_eq!(target.shown(), "https://example.org:8443");
    }
}
