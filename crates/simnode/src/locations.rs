//! Where nginx serves the client, read from the node's own nginx files.
//!
//! A location counts when its `alias` leads into the client's folder, when it
//! hands on to Meteor, or when it only redirects. Everything else in those files
//! (the proxied services) is built into the simulation. Selection follows nginx:
//! an exact match first, then the longest prefix.

use crate::files::nginx::Directive;

/// The folders in which the client's files are installed, by release line.
const CLIENT_FOLDERS: [&str; 2] =
    ["/usr/share/bigbluebutton/html5-client", "/usr/share/meteor/bundle/programs/web.browser"];

/// The named location that hands on to Meteor's processes, on 2.x.
const METEOR_LOCATION: &str = "@html5client";

/// nginx's name for Meteor's processes.
const METEOR_UPSTREAM: &str = "http://poolhtml5servers";

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
    /// Hand on to Meteor.
    Meteor,
    /// `return CODE TARGET;` with its variables still in it.
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
    /// `try_files ... @html5client;`: Meteor answers what is no file.
    pub(crate) else_meteor: bool,
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
                // A named location is no path.
                [pattern] if !pattern.starts_with('@') => (false, pattern),
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
        let folder = CLIENT_FOLDERS.iter().find_map(|folder| alias.strip_prefix(folder))?;
        return Some(Action::Files(Alias {
            folder: folder.to_owned(),
            listing: argument("autoindex").is_some_and(|value| value == "on"),
            gzip_static: argument("gzip_static").is_some_and(|value| value == "on"),
            wasm_types: block.iter().any(|inner| inner.name() == "types"),
            else_meteor: falls_to_meteor(block),
        }));
    }
    if falls_to_meteor(block) || argument("proxy_pass").is_some_and(|url| url == METEOR_UPSTREAM) {
        return Some(Action::Meteor);
    }
    let redirect = block.iter().find(|inner| inner.name() == "return")?;
    match redirect.arguments() {
        [code, target] => {
            Some(Action::Redirect { code: code.parse().ok()?, target: target.clone() })
        }
        _ => None,
    }
}

fn falls_to_meteor(block: &[Directive]) -> bool {
    block.iter().any(|inner| {
        inner.name() == "try_files"
            && inner.arguments().last().is_some_and(|last| last == METEOR_LOCATION)
    })
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
    fn what_is_no_file_goes_to_meteor() {
        let file = "
            location @html5client { proxy_pass http://poolhtml5servers; }
            location /html5client { alias /usr/share/meteor/bundle/programs/web.browser; try_files $uri @html5client; }
            location /html5client/fonts { alias /usr/share/meteor/bundle/programs/web.browser/app/fonts; }
            location /html5client/sockjs { try_files $uri @html5client; }
            location ^~ /html5client/fetch { proxy_pass http://poolhtml5servers; }";
        let locations = ClientLocations::read(&nginx::parse(file).unwrap()).unwrap();
        for (path, folder, meteor) in
            [("/html5client/join", "", true), ("/html5client/fonts/x.woff", "/app/fonts", false)]
        {
            let (action, _) = locations.find(path).unwrap();
            let Action::Files(alias) = action else { panic!("{path}: {action:?}") };
            assert_eq!((alias.folder.as_str(), alias.else_meteor), (folder, meteor), "{path}");
        }
        for path in ["/html5client/sockjs/info", "/html5client/fetch"] {
            assert_eq!(locations.find(path).unwrap().0, &Action::Meteor, "{path}");
        }
        assert!(locations.find("@html5client").is_none());
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
