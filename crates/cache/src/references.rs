//! The files a page names: what a warmer fetches before browsers do.
//!
//! Not a parser: the page's bundle is inserted by an inline script, and what
//! matters is that every name is found, not what for. Whatever stands between
//! delimiters and looks like a relative file name counts.

use std::collections::BTreeSet;

use crate::asset::has_hash;

/// What client files end in. Sounds and pictures are fetched when a user needs
/// them, which most never do.
const EXTENSIONS: [&str; 8] = [".js", ".css", ".woff", ".woff2", ".ttf", ".json", ".wasm", ".svg"];

/// The longest name taken for one.
const LONGEST: usize = 256;

/// The targets below `folder` (`/bbb-01/html5client/`) that `page` names, in
/// the order of their names; at most `most`.
#[must_use]
pub fn named_by(page: &str, folder: &str, most: usize) -> Vec<String> {
    let delimiters = ['"', '\'', '`', '(', ')', '<', '>', ',', ';', ' ', '\t', '\r', '\n'];
    let found: BTreeSet<String> = page
        .split(delimiters)
        .filter(|token| token.len() <= LONGEST)
        .filter_map(|token| target(token, folder))
        .take(most)
        .collect();
    found.into_iter().collect()
}

/// The build number that the page appends to names (`?v=`).
#[must_use]
pub fn build_number<'a>(targets: impl IntoIterator<Item = &'a String>) -> Option<&'a str> {
    targets.into_iter().find_map(|target| target.split_once("?v=").map(|(_, number)| number))
}

/// The largest page that is looked through for its bundle; real ones have 9 kB.
const LARGEST_PAGE: usize = 64 << 10;

/// What says that the page may fetch its bundle otherwise than as a classic
/// script without `crossorigin`. A preload would then be a second fetch.
const FETCHED_OTHERWISE: [&str; 5] =
    ["crossOrigin", "'crossorigin'", "\"module\"", "'module'", "<base"];

/// `bundle.{hash}.js`, if the page names just one such file, relative to itself
/// and outside of tags: a name in a tag the browser finds by itself.
#[must_use]
pub fn inserted_bundle(page: &str) -> Option<String> {
    if page.len() > LARGEST_PAGE || FETCHED_OTHERWISE.iter().any(|word| page.contains(word)) {
        return None;
    }
    let named = named_by(page, "", usize::MAX);
    let mut bundles = named.into_iter().filter(|name| name.starts_with("bundle."));
    let bundle = bundles.next().filter(|_| bundles.next().is_none())?;
    let hash = bundle.strip_prefix("bundle.")?.strip_suffix(".js")?;
    (has_hash(hash) && !is_in_tag(page, &bundle)).then_some(bundle)
}

/// Whether a script's or link's own tag names it.
fn is_in_tag(page: &str, name: &str) -> bool {
    let mut tags = page.split("<script").skip(1).chain(page.split("<link").skip(1));
    tags.any(|rest| rest.split('>').next().is_some_and(|tag| tag.contains(name)))
}

fn target(token: &str, folder: &str) -> Option<String> {
    let path_end = token.find('?').unwrap_or(token.len());
    let (path, query) = token.split_at(path_end);
    let rest = path.strip_prefix(folder).or_else(|| path.strip_prefix("./")).unwrap_or(path);
    let is_file = EXTENSIONS.iter().any(|extension| {
        rest.strip_suffix(extension).is_some_and(|stem| !stem.is_empty() && !stem.ends_with('/'))
    });
    // `old.safari.js` is for browsers that hardly anyone has, and the largest of all.
    let wanted = is_file && !rest.contains(".safari.") && !rest.contains("service-worker");
    let safe = |text: &str, more: &[u8]| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b) || more.contains(&b))
    };
    let relative = !rest.starts_with(['/', '.']) && !rest.contains("..") && !rest.contains("//");
    (wanted && relative && safe(rest, b"/") && safe(query, b"?=&"))
        .then(|| format!("{folder}{rest}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_files_in_many_ways() {
        let page = r#"<link rel="stylesheet" href="stylesheets/fonts.css" crossorigin="anonymous">
            <link rel="preload" href='fonts/BbbIcons/bbb-icons.woff2?v=2913' as="font">
            <script src="compatibility/sip.js?v=2913"></script>
            <script src="/bbb-01/html5client/0123456789abcdef0123.js?meteor_js_resource=true"></script>
            <script src="./near.js"></script>
            <script>
              var s = document.createElement('script');
              s.src = old ? "bundle.abc.safari.js" : "bundle.abc.js";
            </script>
            <a href="https://example.org/x.js">x</a> <a href="//example.org/y.js">y</a>
            <script src="../other/z.js"></script><script src="/bbb-02/html5client/w.js"></script>
            <script src="service-worker.js"></script> It's a text about main.rs and .js."#;
        let found = named_by(page, "/bbb-01/html5client/", 100);
        let wanted = [
            "0123456789abcdef0123.js?meteor_js_resource=true",
            "bundle.abc.js",
            "compatibility/sip.js?v=2913",
            "fonts/BbbIcons/bbb-icons.woff2?v=2913",
            "near.js",
            "stylesheets/fonts.css",
        ];
        assert_eq!(found, wanted.map(|name| format!("/bbb-01/html5client/{name}")));
        assert_eq!(build_number(&found), Some("2913"));
        assert_eq!(named_by(page, "/bbb-01/html5client/", 2).len(), 2);
    }

    #[test]
    fn only_an_inserted_bundle_without_a_rival_is_named() {
        let hash = "0123456789abcdef0123";
        let own = format!("bundle.{hash}.js");
        for (page, found) in [
            (format!(r#"<script>s.src = "{own}";</script>"#), true),
            (
                format!(r#"<script>s.src = old ? "bundle.{hash}.safari.js" : '{own}'</script>"#),
                true,
            ),
            (format!(r#"<link crossorigin="anonymous"><script>s.src = "./{own}"</script>"#), false),
            (format!(r#"<script>!function(){{var s=d();s.src="{own}"}}()</script>"#), true),
            (format!(r#"<script src="{own}"></script>"#), false),
            (format!(r#"<link rel=preload as=script href='{own}'>"#), false),
            (format!(r#"<script>a("{own}"); b("bundle.ffffffffffffffffffff.js")</script>"#), false),
            (format!(r#"<script>a("{own}"); b("bundle.js")</script>"#), false),
            (format!(r#"<script>s.crossOrigin = ""; a("{own}")</script>"#), false),
            (format!(r#"<script>s.type = "module"; a("{own}")</script>"#), false),
            (format!(r#"<base href="/other/"><script>a("{own}")</script>"#), false),
            (format!(r#"<script>a("/bbb-02/html5client/{own}")</script>"#), false),
            (format!(r#"<script>a("../../bbb-02/html5client/{own}")</script>"#), false),
            (format!(r#"<script>a("https://example.org/{own}")</script>"#), false),
            (format!(r#"<script>a("bundle./x/{own}")</script>"#), false),
            (format!(r#"<script>a("bundle.{hash}.js?x=1")</script>"#), false),
            (format!(r#"<script>a("bundle.{hash}>; rel=x.js")</script>"#), false),
            (format!(r#"<script>a("{own}")</script>{}"#, " ".repeat(LARGEST_PAGE)), false),
        ] {
            let wanted = found.then(|| own.clone());
            assert_eq!(inserted_bundle(&page), wanted, "{}", page.trim_end());
        }
    }
}
