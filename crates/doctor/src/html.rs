//! What a page loads: the addresses in its HTML, resolved as a browser would.

use url::Url;

/// The most addresses of one page that are looked at.
pub(crate) const MAX_ASSETS: usize = 64;

/// The files a client page loads, in the order of the page: what `script` and
/// `link` elements name, and the bundle that the static client's own script
/// inserts.
pub(crate) fn assets(page: &str, base: &Url) -> Vec<Url> {
    let mut found = Vec::new();
    let mut add = |reference: &str| {
        let reference = reference.replace("&amp;", "&");
        if reference.is_empty() || reference.starts_with("data:") || reference.starts_with('#') {
            return;
        }
        if let Ok(url) = base.join(&reference)
            && matches!(url.scheme(), "http" | "https")
            && !found.contains(&url)
            && found.len() < MAX_ASSETS
        {
            found.push(url);
        }
    };
    for (name, attributes) in elements(page) {
        let wanted = match name.as_str() {
            "script" => "src",
            "link" => "href",
            _ => continue,
        };
        if let Some((_, value)) = attributes.iter().find(|(name, _)| name == wanted) {
            add(value);
        }
    }
    for bundle in bundles(page) {
        add(bundle);
    }
    found
}

/// `bundle.<hash>.js` as it stands quoted in an inline script.
fn bundles(page: &str) -> impl Iterator<Item = &str> {
    page.split(['"', '\'']).filter(|text| {
        let named = text.strip_prefix("bundle.").and_then(|rest| rest.strip_suffix(".js"));
        // The variant for old Safari is made by the same build.
        named.is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_alphanumeric()))
    })
}

/// What stands quoted behind `decodeURIComponent(` where Meteor puts its
/// runtime configuration, decoded.
pub(crate) fn runtime_config(page: &str) -> Option<serde_json::Value> {
    let (_, rest) = page.split_once("__meteor_runtime_config__")?;
    let (_, rest) = rest.split_once("decodeURIComponent(")?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (text, _) = rest.get(1..)?.split_once(quote)?;
    let text = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    serde_json::from_str(&text).ok()
}

/// The start tags of a page: lower-case name and attributes. Knows comments,
/// and that script and style hold no tags; entities stay as they are.
fn elements(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after_name) = rest.split_at(end);
        if name.is_empty() {
            continue;
        }
        let name = name.to_ascii_lowercase();
        let (attributes, after_tag) = attributes(after_name);
        rest = after_tag;
        if matches!(name.as_str(), "script" | "style") {
            let close = format!("</{name}");
            let lower = rest.to_ascii_lowercase();
            rest = lower.find(&close).and_then(|at| rest.get(at..)).unwrap_or("");
        }
        found.push((name, attributes));
    }
    found
}

/// The attributes of a tag whose name was read, and what follows the tag.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        if rest.is_empty() {
            return (found, rest);
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let trimmed = after.trim_start();
        let (value, after) = match trimmed.strip_prefix('=') {
            Some(value) => value_of(value.trim_start()),
            None => ("", after),
        };
        found.push((name.to_ascii_lowercase(), value.to_owned()));
        // A lone `=` has no name; skip it or nothing would be read.
        rest = if after.len() == rest.len() { after.get(1..).unwrap_or("") } else { after };
    }
}

fn value_of(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(page: &str, base: &str) -> Vec<String> {
        assets(page, &base.parse().unwrap()).iter().map(Url::to_string).collect()
    }

    #[test]
    fn relative_addresses_resolve_against_the_page() {
        let page = r#"<!doctype html><link rel=stylesheet href='a/b.css?v=1'>
            <!-- <script src="gone.js"></script> -->
            <script src="c.js?x=1&amp;y=2"></script><link rel="icon" href="data:,">
            <script>if (a < b) { s.src = "bundle.0a1b2c.js"; }</script>
            <a href="elsewhere">x</a><LINK HREF=/abs.css>"#;
        assert_eq!(
            found(page, "https://a.example/m/html5client/?sessionToken=x"),
            [
                "https://a.example/m/html5client/a/b.css?v=1",
                "https://a.example/m/html5client/c.js?x=1&y=2",
                "https://a.example/abs.css",
                "https://a.example/m/html5client/bundle.0a1b2c.js",
            ]
        );
        // The slash makes the difference.
        let page = "<script src=c.js></script>";
        assert_eq!(found(page, "https://a.example/m/html5client"), ["https://a.example/m/c.js"]);
    }

    #[test]
    fn meteors_configuration_is_read() {
        let page = r#"<script>__meteor_runtime_config__ = JSON.parse(decodeURIComponent("%7B%22a%22%3A1%7D"))</script>"#;
        assert_eq!(runtime_config(page).unwrap()["a"], 1);
        assert!(runtime_config("<p>").is_none());
    }

    proptest! {
        #[test]
        fn no_page_panics(page in "(<|>|!--|-->|script|link|src|=|\"|'| |/|ä|x)*") {
            let _ = assets(&page, &"https://a.example/".parse().unwrap());
            let _ = runtime_config(&page);
        }
    }
}
