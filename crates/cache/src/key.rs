//! Which requests mean the same stored answer.

/// The identity of a stored answer: node and target, without what only names
/// a user.
///
/// Codings are not part of it: one entry holds all variants of one content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    mount: String,
    target: String,
}

/// Query parameters that say who asks, not what for.
const PERSONAL: [&str; 2] = ["sessionToken", "waitLayout"];

impl CacheKey {
    /// The key of `path` (from the origin's root, as sent) on the node at
    /// `mount`, with the query as sent.
    #[must_use]
    pub fn new(mount: &str, path: &str, query: Option<&str>) -> Self {
        let mut target = path.to_owned();
        let mut separator = '?';
        for parameter in query.unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            if !PERSONAL.contains(&name) {
                target.push(separator);
                target.push_str(parameter);
                separator = '&';
            }
        }
        Self { mount: mount.to_owned(), target }
    }

    /// The node's mount.
    #[must_use]
    pub fn mount(&self) -> &str {
        &self.mount
    }

    /// Path and query to ask the node for: what the key is made of, and so
    /// nothing personal.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_not_part_of_what_for() {
        for (query, wanted) in [
            (None, "/bbb-01/html5client/"),
            (Some("sessionToken=abc"), "/bbb-01/html5client/"),
            (Some("waitLayout=1&sessionToken=abc"), "/bbb-01/html5client/"),
            (Some("v=3&sessionToken=abc&x"), "/bbb-01/html5client/?v=3&x"),
            (Some("&&"), "/bbb-01/html5client/"),
            (Some("sessiontoken=abc"), "/bbb-01/html5client/?sessiontoken=abc"),
        ] {
            assert_eq!(CacheKey::new("bbb-01", "/bbb-01/html5client/", query).target(), wanted);
        }
    }
}
