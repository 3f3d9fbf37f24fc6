//! Which requests mean the same stored answer.

use std::{borrow::Borrow, borrow::Cow, sync::Arc};

/// The identity of a stored answer: path and query, without what only names a
/// user.
///
/// The path begins with the mount, so two nodes never share a key. Codings
/// are not part of it: one entry holds all variants of one content. Looked up
/// by `&str`, so that a request for what is stored need not build one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(Arc<str>);

/// Query parameters that say who asks, not what for.
const PERSONAL: [&str; 2] = ["sessionToken", "waitLayout"];

impl CacheKey {
    /// The key of a path and query as a client sent them.
    #[must_use]
    pub fn new(path_and_query: &str) -> Self {
        Self(Arc::from(Self::shared(path_and_query).as_ref()))
    }

    /// The part of a path and query that all users share: the text of its key.
    #[must_use]
    pub fn shared(path_and_query: &str) -> Cow<'_, str> {
        let Some((path, query)) = path_and_query.split_once('?') else {
            return Cow::Borrowed(path_and_query);
        };
        if !query.is_empty() && query.split('&').all(is_shared) {
            return Cow::Borrowed(path_and_query);
        }
        let mut target = path.to_owned();
        let mut separator = '?';
        for parameter in query.split('&').filter(|parameter| is_shared(parameter)) {
            target.push(separator);
            target.push_str(parameter);
            separator = '&';
        }
        Cow::Owned(target)
    }

    /// The node's mount: the first segment of the path.
    #[must_use]
    pub fn mount(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// Path and query to ask the node for: what the key is made of, and so
    /// nothing personal.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for CacheKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn is_shared(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    !parameter.is_empty() && !PERSONAL.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_not_part_of_what_for() {
        for (query, wanted) in [
            ("", "/bbb-01/html5client/"),
            ("?", "/bbb-01/html5client/"),
            ("?sessionToken=abc", "/bbb-01/html5client/"),
            ("?waitLayout=1&sessionToken=abc", "/bbb-01/html5client/"),
            ("?v=3&sessionToken=abc&x", "/bbb-01/html5client/?v=3&x"),
            ("?v=3", "/bbb-01/html5client/?v=3"),
            ("?&&", "/bbb-01/html5client/"),
            ("?sessiontoken=abc", "/bbb-01/html5client/?sessiontoken=abc"),
        ] {
            let key = CacheKey::new(&format!("/bbb-01/html5client/{query}"));
            assert_eq!(key.target(), wanted);
            assert_eq!(key.mount(), "bbb-01");
        }
    }

    #[test]
    fn most_requests_are_looked_up_as_they_are() {
        for (target, borrowed) in [("/a/b", true), ("/a/b?v=3", true), ("/a?sessionToken=x", false)]
        {
            assert_eq!(matches!(CacheKey::shared(target), Cow::Borrowed(_)), borrowed, "{target}");
        }
    }
}
