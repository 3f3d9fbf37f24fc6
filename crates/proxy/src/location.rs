//! Where a node may redirect to: relayed paths of its own mount, seen from
//! our origin. Everything else is refused, and nothing is ever followed.

use bluegate_cluster::{Node, Origin, Scheme};

use crate::path::{self, Target};

/// `location` as the browser may see it, when it stays on the mount.
///
/// `request_path` is the path the node was asked for.
pub(crate) fn rewrite(
    location: &str,
    request_path: &str,
    node: &Node,
    cluster: &Origin,
) -> Option<String> {
    let target = match split_authority(location) {
        Some((scheme, authority, rest)) => {
            if !names_node(scheme, authority, node) {
                return None;
            }
            rest.to_owned()
        }
        None => resolve(location, request_path)?,
    };
    let path_end = target.find(['?', '#']).unwrap_or(target.len());
    match path::parse(target.get(..path_end)?) {
        Ok(Target::Client { mount, .. }) if mount == node.name.as_str() => {
            Some(format!("{cluster}{target}"))
        }
        _ => None,
    }
}

/// Splits `scheme://authority/rest` and `//authority/rest`.
fn split_authority(location: &str) -> Option<(Option<Scheme>, &str, &str)> {
    let strip = |prefix: &str| {
        let (head, rest) = location.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    let (scheme, rest) = if let Some(rest) = strip("https://") {
        (Some(Scheme::Https), rest)
    } else if let Some(rest) = strip("http://") {
        (Some(Scheme::Http), rest)
    } else {
        (None, strip("//")?)
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    Some((scheme, authority, rest))
}

/// Whether an authority is the node's. A web server behind another one often
/// writes `http` where the world sees `https`, so either scheme's default
/// port will do; the browser is sent to our origin anyway.
fn names_node(scheme: Option<Scheme>, authority: &str, node: &Node) -> bool {
    let plain = |scheme| {
        Origin::new(scheme, node.origin.host(), None)
            .is_ok_and(|origin| origin.matches_authority(authority))
    };
    match scheme {
        Some(scheme) if scheme != node.origin.scheme() => plain(scheme),
        _ => node.origin.matches_authority(authority),
    }
}

/// A relative reference as an absolute path. Other schemes and backslashes,
/// which browsers take for slashes, are refused here or by the path's parser.
fn resolve(location: &str, request_path: &str) -> Option<String> {
    let first_end = location.find(['/', '?', '#']).unwrap_or(location.len());
    if location.get(..first_end)?.contains([':', '\\']) {
        return None;
    }
    match location.as_bytes().first()? {
        b'/' => Some(location.to_owned()),
        b'?' => Some(format!("{request_path}{location}")),
        b'#' => None,
        _ => {
            let folder_end = request_path.rfind('/')? + 1;
            Some(format!("{}{location}", request_path.get(..folder_end)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relayed_paths_of_the_same_mount_are_redirected_to() {
        let node = Node {
            name: "bbb-01".parse().unwrap(),
            origin: "https://bbb-01.example.org".parse().unwrap(),
            address: None,
            bbb: None,
            proxied: true,
        };
        let cluster: Origin = "https://bbb.example.org".parse().unwrap();
        let ours = "https://bbb.example.org/bbb-01/html5client";
        for (location, wanted) in [
            // What nginx sends for a folder without its slash.
            ("https://bbb-01.example.org/bbb-01/html5client/locales/", Some("/locales/")),
            ("http://bbb-01.example.org/bbb-01/html5client/locales/", Some("/locales/")),
            ("HTTPS://BBB-01.example.org:443/bbb-01/html5client/", Some("/")),
            ("//bbb-01.example.org/bbb-01/html5client/x", Some("/x")),
            ("/bbb-01/html5client/x?a=1#b", Some("/x?a=1#b")),
            ("y.js", Some("/locales/y.js")),
            ("?lang=de", Some("/locales/?lang=de")),
            // Off the node.
            ("https://evil.example.org/bbb-01/html5client/", None),
            ("https://bbb-02.example.org/bbb-01/html5client/", None),
            ("https://bbb-01.example.org:8443/bbb-01/html5client/", None),
            ("https://bbb-01.example.org@evil.org/bbb-01/html5client/", None),
            ("https://bbb-01.example.org\\@evil.org/bbb-01/html5client/", None),
            ("//evil.example.org/bbb-01/html5client/", None),
            ("/\\evil.example.org/bbb-01/html5client/", None),
            ("\\\\evil.example.org/bbb-01/html5client/", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            // Off the mount, or off its relayed paths.
            ("/bbb-02/html5client/", None),
            ("/bbb-01/bigbluebutton/api", None),
            ("/bbb-01/html5client", None),
            ("/bbb-01/html5client/../../bbb-02/html5client/", None),
            ("../../bbb-02/html5client/", None),
            ("/", None),
            ("https://bbb-01.example.org", None),
            ("#top", None),
            ("", None),
        ] {
            let got = rewrite(location, "/bbb-01/html5client/locales/", &node, &cluster);
            assert_eq!(got, wanted.map(|rest| format!("{ours}{rest}")), "{location}");
        }
    }
}
