//! The one cookie that counts, and whether a browser would send it along.

/// A cookie as a `Set-Cookie` header sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value; never shown.
    pub value: String,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Path`.
    pub path: Option<String>,
    /// `SameSite`, lower case.
    pub same_site: Option<String>,
}

impl Cookie {
    /// Reads a `Set-Cookie` header.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            secure: false,
            http_only: false,
            path: None,
            same_site: None,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.to_ascii_lowercase().as_str() {
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                "path" => cookie.path = Some(value.to_owned()),
                "samesite" => cookie.same_site = Some(value.to_ascii_lowercase()),
                _ => {}
            }
        }
        Some(cookie)
    }

    /// Whether a browser sends it with a request that a page makes to the
    /// cookie's own origin: always within one site (but for path and scheme),
    /// and from another site only when it says so.
    pub(crate) fn is_sent(&self, same_site: bool, secure: bool) -> bool {
        let path = self.path.as_deref().is_none_or(|path| path == "/" || path.is_empty());
        let may_cross = self.same_site.as_deref() == Some("none") && self.secure;
        path && (same_site || may_cross) && (secure || !self.secure)
    }

    /// The attributes, without the value.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("{}=…", self.name);
        if let Some(path) = &self.path {
            text += &format!("; Path={path}");
        }
        if self.http_only {
            text += "; HttpOnly";
        }
        if self.secure {
            text += "; Secure";
        }
        if let Some(same_site) = &self.same_site {
            text += &format!("; SameSite={same_site}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_crosses_sites_only_when_it_may() {
        for (header, same_site, secure, sent) in [
            ("JSESSIONID=1; Path=/; HttpOnly; Secure", true, true, true),
            ("JSESSIONID=1; Path=/; HttpOnly; Secure", false, true, false),
            ("JSESSIONID=1; Path=/; Secure; SameSite=None", false, true, true),
            ("JSESSIONID=1; Path=/; SameSite=None", false, true, false),
            ("JSESSIONID=1; Path=/; samesite=Strict", true, true, true),
            ("JSESSIONID=1; Path=/; SameSite=Lax", false, true, false),
            ("JSESSIONID=1; Path=/bigbluebutton", true, true, false),
            ("JSESSIONID=1; Path=/; Secure", true, false, false),
            ("JSESSIONID=1", true, false, true),
        ] {
            let cookie = Cookie::parse(header).unwrap();
            assert_eq!(cookie.is_sent(same_site, secure), sent, "{header}");
            assert!(!cookie.shown().contains("=1"), "{header}");
        }
    }
}
