//! The client's nginx locations on 2.x: copied from the node's own package
//! file, so that they are what that very build needs.

use crate::edit::{
    EditError,
    item::without,
    nginx::{self, Directive, Word},
};

/// What the paths of the client begin with.
const CLIENT: &str = "/html5client";

/// The locations of the client in `text`, a package file, with `/{mount}` in
/// front of their paths. Everything else in them stays as the package has it.
/// Those in `skipped` are no places of the client.
pub(super) fn with_mount(text: &str, mount: &str, skipped: &[String]) -> Result<String, EditError> {
    let mut copies = Vec::new();
    for directive in nginx::parse(text)? {
        if skipped.contains(&directive.key()) {
            continue;
        }
        let Some(pattern) = client_pattern(&directive) else { continue };
        let source = text.get(directive.range.clone()).unwrap_or_default();
        let at = pattern.range.start - directive.range.start;
        let Some(path) = source.get(at..).and_then(|rest| rest.find(CLIENT)) else { continue };
        let mut copy = source.to_owned();
        copy.insert_str(at + path, &format!("/{mount}"));
        copies.push(dedented(&copy));
    }
    Ok(copies.iter().map(|copy| format!("{copy}\n")).collect::<Vec<_>>().join("\n"))
}

/// `text`, a package file in which paths of the client were given a mount by
/// hand, as the package ships it: the mount goes, or the whole location where
/// the one without mount is there too.
pub(super) fn without_mounts(text: &str) -> Result<String, EditError> {
    let directives = nginx::parse(text)?;
    let keys: Vec<String> = directives.iter().map(Directive::key).collect();
    let mut cuts = Vec::new();
    for directive in directives.iter().filter(|directive| directive.name() == "location") {
        let Some(pattern) = directive.words.last() else { continue };
        let Some(bare) = without_mount(&pattern.text) else { continue };
        let anchor = if pattern.text.starts_with('^') { "^" } else { "" };
        let bare_key = directive.key().replace(&pattern.text, &format!("{anchor}{bare}"));
        if keys.contains(&bare_key) {
            cuts.push(nginx::with_line(text, &directive.range));
        } else {
            let source = text.get(pattern.range.clone()).unwrap_or_default();
            if let Some(path) = source.rfind(CLIENT) {
                let first = source.find('/').unwrap_or(path);
                cuts.push(pattern.range.start + first..pattern.range.start + path);
            }
        }
    }
    cuts.sort_by_key(|cut| cut.start);
    Ok(without(text, &cuts, 0).0)
}

/// The pattern of a location of the client, without mount.
fn client_pattern(directive: &Directive) -> Option<&Word> {
    let pattern = directive.words.last().filter(|_| directive.name() == "location")?;
    let path = pattern.text.trim_start_matches('^');
    path.starts_with(CLIENT).then_some(pattern)
}

/// `/html5client/x` of `/bbb-01/html5client/x`.
fn without_mount(pattern: &str) -> Option<&str> {
    let path = pattern.trim_start_matches('^');
    let at = path.find(CLIENT).filter(|&at| at > 1 && path.starts_with('/'))?;
    let (mount, bare) = path.split_at_checked(at)?;
    (!mount.get(1..)?.contains('/')).then_some(bare)
}

/// `copy` with its lines moved left by the indentation of its last one.
fn dedented(copy: &str) -> String {
    let last = copy.lines().next_back().unwrap_or_default();
    let indent = last.get(..last.len() - last.trim_start().len()).unwrap_or_default();
    let lines: Vec<&str> =
        copy.lines().map(|line| line.strip_prefix(indent).unwrap_or(line).trim_end()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "\
location @html5client {
  proxy_pass http://poolhtml5servers;
}
  location /html5client/locales {
    alias /x/locales; # {mount}
  }
location ~* ^/html5client/.*\\.(css|js)$ {
  expires 8h;
}
location /html5client { alias /x; try_files $uri @html5client; }
location /other { }
location /html5client/x { }
";

    #[test]
    fn locations_are_copied_with_the_mount() {
        assert_eq!(
            with_mount(PACKAGE, "bbb-01", &["location /html5client/x".to_owned()]).unwrap(),
            "\
location /bbb-01/html5client/locales {
  alias /x/locales; # {mount}
}

location ~* ^/bbb-01/html5client/.*\\.(css|js)$ {
  expires 8h;
}

location /bbb-01/html5client { alias /x; try_files $uri @html5client; }
"
        );
    }

    #[test]
    fn mounts_put_in_by_hand_go() {
        let renamed = PACKAGE.replace(" /html5client", " /bbb-01/html5client");
        assert_eq!(without_mounts(&renamed).unwrap(), PACKAGE);
        let renamed = renamed.replace("^/html5client", "^/bbb-01/html5client");
        assert_eq!(without_mounts(&renamed).unwrap(), PACKAGE);
        let added = format!("{PACKAGE}{}", with_mount(PACKAGE, "old", &[]).unwrap());
        assert_eq!(without_mounts(&added).unwrap().trim_end(), PACKAGE.trim_end());
        assert_eq!(without_mounts(PACKAGE).unwrap(), PACKAGE);
    }
}
