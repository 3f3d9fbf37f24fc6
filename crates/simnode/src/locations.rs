//! Where nginx serves the client, read from the node's own nginx files.
//!
//! A location counts when its `alias` leads into the client's folder or when it
//! is an exact match that only redirects. Everything else in those files (the
//! proxied services) is built into the simulation. Selection follows nginx:
//! an exact match first, then the longest prefix.

use crate::files::nginx::Directive;

/// The folder in which the client's files are installed.
const CLIENT_FOLDER: &str = "/usr/share/bigbluebutton/html5-client";

/// The location directives that concern the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientLocations {
    exact: Vec<(String, Action)>,
    prefixes: Vec<(String, Action)>,
}

/// What a location does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Serve files below a folder of the client.
    Files(Alias),
    /// `return CODE TARGET;` with `$is_args$args` still in it.
    Redirect {
        /// The status.
        code: u16,
        /// The target, variables unresolved.
        target: String,
    },
}

/// A folder served at a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    /// The folder below the client's, as `alias` writes it: `/`, `/locales`.
    pub(crate) folder: String,
    /// `autoindex on; autoindex_format json;`
    pub(crate) listing: bool,
    /// `gzip_static on;`
    pub(crate) gzip_static: bool,
    /// `types { application/wasm wasm; }`, which forgets all other types.
    pub(crate) wasm_types: bool,
}

/// A location block whose pattern appears twice: nginx does not start then.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("duplicate location \"{pattern}\"")]
pub struct DuplicateLocation {
    /// The pattern.
    pattern: String,
}

impl ClientLocations {
    /// Reads all locations of the server block the node's files make up.
    pub(crate) fn read(directives: &[Directive]) -> Result<Self, DuplicateLocation> {
        let mut locations = Self::default();
        let mut seen: Vec<(bool, &str)> = Vec::new();
        for directive in directives.iter().filter(|directive| directive.name() == "location") {
            let Some(block) = &directive.block else { continue };
            let (exact, pattern) = match directive.arguments() {
                [modifier, pattern] if modifier == "=" => (true, pattern),
                [modifier, pattern] if modifier == "^~" => (false, pattern),
                [pattern] => (false, pattern),
                _ => continue,
            };
            if seen.contains(&(exact, pattern)) {
                return Err(DuplicateLocation { pattern: pattern.clone() });
            }
            seen.push((exact, pattern));
            if let Some(action) = action(block) {
                let list = if exact { &mut locations.exact } else { &mut locations.prefixes };
                list.push((pattern.clone(), action));
            }
        }
        locations.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(locations)
    }

    /// The location for a path and what of the path lies behind its prefix.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&Action, &'a str)> {
        let exact = self.exact.iter().find(|(pattern, _)| pattern == path);
        if let Some((_, action)) = exact {
            return Some((action, ""));
        }
        self.prefixes
            .iter()
            .find_map(|(prefix, action)| path.strip_prefix(prefix).map(|rest| (action, rest)))
    }
}

fn action(block: &[Directive]) -> Option<Action> {
    let argument = |name: &str| {
        block.iter().find(|inner| inner.name() == name).and_then(|inner| inner.arguments().first())
    };
    if let Some(alias) = argument("alias") {
        let folder = alias.strip_prefix(CLIENT_FOLDER)?;
        return Some(Action::Files(Alias {
            folder: folder.to_owned(),
            listing: argument("autoindex").is_some_and(|value| value == "on"),
            gzip_static: argument("gzip_static").is_some_and(|value| value == "on"),
            wasm_types: block.iter().any(|inner| inner.name() == "types"),
        }));
    }
    let redirect = block.iter().find(|inner| inner.name() == "return")?;
    match redirect.arguments() {
        [code, target] => {
            Some(Action::Redirect { code: code.parse().ok()?, target: target.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, ClientLocations};
    use crate::files::nginx;

    const FILE: &str = "
        location = /m/html5client { return 301 /m/html5client/$is_args$args; }
        location ^~ /m/html5client/ { gzip_static on; alias /usr/share/bigbluebutton/html5-client/; }
        location ^~ /m/html5client/locales { alias /usr/share/bigbluebutton/html5-client/locales; autoindex on; autoindex_format json; }
        location /other { alias /var/www/; }
        location /graphql { proxy_pass http://127.0.0.1:1; }";

    #[test]
    fn picks_exact_then_longest_prefix() {
        let locations = ClientLocations::read(&nginx::parse(FILE).unwrap()).unwrap();
        let (action, _) = locations.find("/m/html5client").unwrap();
        assert!(matches!(action, Action::Redirect { code: 301, .. }));
        let (action, rest) = locations.find("/m/html5client/index.html").unwrap();
        assert!(matches!(action, Action::Files(alias) if alias.gzip_static && !alias.listing));
        assert_eq!(rest, "index.html");
        let (action, rest) = locations.find("/m/html5client/locales/").unwrap();
        assert!(
            matches!(action, Action::Files(alias) if alias.listing && alias.folder == "/locales")
        );
        assert_eq!(rest, "/");
        for path in ["/m/html5clientx", "/other/x", "/graphql", "/"] {
            assert!(locations.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_location_given_twice_is_an_error() {
        let tree = nginx::parse("location /a { return 404; } location /a { return 404; }").unwrap();
        assert!(ClientLocations::read(&tree).is_err());
        let tree =
            nginx::parse("location /a { return 404; } location = /a { return 404; }").unwrap();
        assert!(ClientLocations::read(&tree).is_ok());
    }
}
