//! What kind of file a target below `html5client/` names.

/// The kinds of client files, by how long their bytes are known to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    /// The page itself, and routes that Meteor answers with it: asked for
    /// before each use, since it says which bundle is current.
    Document,
    /// A listing or another answer that may change at any time.
    Listing,
    /// A name with a content hash in it: another content has another address.
    Hashed,
    /// A name with a `?v=` build number: another build has another address,
    /// unless somebody forgot to count (BBB#18029).
    Versioned,
    /// A plain name: the same address after an upgrade.
    Plain,
    /// Never kept: service workers, sockets, answers to one session.
    Uncacheable,
}

impl Asset {
    /// Decides by the path below `html5client/` (no leading slash) and the
    /// query as the client sent it.
    #[must_use]
    pub fn of(path: &str, query: Option<&str>) -> Self {
        let file = path.rsplit('/').next().unwrap_or_default();
        if path.starts_with("sockjs/")
            || file == "service-worker.js"
            || file.starts_with("workbox-")
            || path.starts_with("__meteor__/")
        {
            return Self::Uncacheable;
        }
        match path {
            "" | "index.html" | "join" | "guestWait" => return Self::Document,
            "locales" | "locales/" | "locale" => return Self::Listing,
            "check" | "useragent" | "feedback" | "metrics" => return Self::Uncacheable,
            _ if path.ends_with('/') => return Self::Listing,
            _ => {}
        }
        let Some((stem, extension)) = file.split_once('.') else { return Self::Document };
        if extension.is_empty() || extension.ends_with("html") || path.starts_with("private/") {
            return Self::Document;
        }
        if has_hash(stem) || extension.split('.').any(has_hash) {
            return Self::Hashed;
        }
        if has_build_number(query) { Self::Versioned } else { Self::Plain }
    }
}

/// `v=` with a value: what the client appends to names that carry no hash.
fn has_build_number(query: Option<&str>) -> bool {
    let mut parameters = query.unwrap_or_default().split('&');
    parameters.any(|parameter| parameter.strip_prefix("v=").is_some_and(|value| !value.is_empty()))
}

/// Twenty hex digits or more: what webpack and Meteor put in file names. Shorter
/// ones may be words or numbers that stay over an upgrade.
pub(crate) fn has_hash(text: &str) -> bool {
    text.len() >= 20 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_long_their_bytes_hold() {
        let hash = "0123456789abcdef0123";
        for (path, query, wanted) in [
            ("", Some("sessionToken=x"), Asset::Document),
            ("index.html", None, Asset::Document),
            ("join", Some("sessionToken=x"), Asset::Document),
            ("anything", None, Asset::Document),
            ("private/config/settings.yml", None, Asset::Document),
            ("locales/", None, Asset::Listing),
            ("locales", None, Asset::Listing),
            ("locale", Some("locale=de"), Asset::Listing),
            ("locales/de.json", None, Asset::Plain),
            ("locales/de.json", Some("v=3028"), Asset::Versioned),
            ("locales/de.json", Some("v="), Asset::Plain),
            ("stylesheets/fonts.css", None, Asset::Plain),
            ("compatibility/sip.js", Some("v=2913"), Asset::Versioned),
            (&format!("bundle.{hash}.js"), None, Asset::Hashed),
            (&format!("bundle.{hash}.safari.js"), None, Asset::Hashed),
            (&format!("bundle.{hash}.js"), Some("v=1"), Asset::Hashed),
            (&format!("{hash}.css"), Some("meteor_css_resource=true"), Asset::Hashed),
            ("bundle.safari.js", None, Asset::Plain),
            ("resources/sounds/deadbeef.mp3", None, Asset::Plain),
            ("service-worker.js", None, Asset::Uncacheable),
            ("workbox-1234.js", Some("v=1"), Asset::Uncacheable),
            ("sockjs/info", None, Asset::Uncacheable),
            ("check", None, Asset::Uncacheable),
            ("__meteor__/dynamic-import/fetch", None, Asset::Uncacheable),
        ] {
            assert_eq!(Asset::of(path, query), wanted, "{path}?{query:?}");
        }
    }
}
