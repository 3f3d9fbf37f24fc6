//! Files that may come from another address than the one they were asked for
//! at, and browsers that gain by it.
//!
//! A leaf refers to nothing by a relative URL of its own: wherever it comes
//! from, it means the same. Pages and style sheets are none. A script is one
//! as long as it is a classic one of a page, whose `src` stays what it was; a
//! module or a worker would take the new address for its own.

use http::{
    HeaderMap,
    header::{ACCEPT_ENCODING, IF_MODIFIED_SINCE, IF_NONE_MATCH},
};

use crate::{
    accept_encoding::{AcceptedCodings, Coding},
    asset::Asset,
};

/// The leaves by the end of their names, and what they are sent as.
const LEAVES: [(&str, &str); 6] = [
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("mp3", "audio/mpeg"),
    ("wasm", "application/wasm"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
];

/// The media type of the leaf at `rest` below `html5client/`; `None` when it
/// is no leaf, or nothing that is kept.
#[must_use]
pub fn leaf_type(rest: &str, query: Option<&str>) -> Option<&'static str> {
    if !matches!(Asset::of(rest, query), Asset::Hashed | Asset::Versioned | Asset::Plain) {
        return None;
    }
    let (_, extension) = rest.rsplit_once('.')?;
    LEAVES.iter().find(|(name, _)| *name == extension).map(|(_, kind)| *kind)
}

/// Whether what a node calls a leaf is of the kind that its name says.
#[must_use]
pub fn is_of_leaf_type(stated: &str, leaf: &str) -> bool {
    let stated = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    stated == leaf
        || match leaf {
            "text/javascript" => {
                matches!(stated.as_str(), "application/javascript" | "application/x-javascript")
            }
            "font/woff" => stated == "application/font-woff",
            "font/woff2" => stated == "application/font-woff2",
            "audio/mpeg" => stated == "audio/mp3",
            _ => false,
        }
}

/// Whether a browser follows to another address with gain and without harm: it
/// says that it wants the file for something that does not look at the address
/// it came from, does not have it yet, and uses no dictionaries.
///
/// Chromium names `dcz` only where it has a dictionary already, so it is told
/// by its client hint.
#[must_use]
pub fn follows_to_leaf(request: &HeaderMap) -> bool {
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    let wanted_for = match (text("sec-fetch-dest"), text("sec-fetch-mode")) {
        // With `cors` it is a module, or of an element with `crossorigin`.
        (Some("script"), Some(mode)) => mode == "no-cors",
        (Some("font" | "audio" | "empty"), Some(mode)) => mode != "navigate",
        _ => false,
    };
    let accepted = AcceptedCodings::parse(text(ACCEPT_ENCODING.as_str()));
    let uses_dictionaries = accepted.takes(Coding::DictionaryZstd)
        || accepted.takes(Coding::DictionaryBrotli)
        || request.contains_key("available-dictionary")
        || text("sec-ch-ua").is_some_and(|brands| brands.contains("\"Chromium\""));
    let has_it = request.contains_key(IF_NONE_MATCH) || request.contains_key(IF_MODIFIED_SINCE);
    wanted_for && !uses_dictionaries && !has_it
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn leaves_are_told_by_name() {
        let hash = "0123456789abcdef0123";
        for (rest, wanted) in [
            (&*format!("bundle.{hash}.js"), Some("text/javascript")),
            ("compatibility/sip.js", Some("text/javascript")),
            ("resources/tfmodels/a.wasm", Some("application/wasm")),
            ("fonts/a.woff2", Some("font/woff2")),
            ("resources/sounds/a.mp3", Some("audio/mpeg")),
            ("locales/de.json", Some("application/json")),
            ("service-worker.js", None),
            ("stylesheets/a.css", None),
            ("index.html", None),
            ("private/a.js", None),
            ("svgs/a.svg", None),
            ("a.js.html", None),
            ("js", None),
            ("", None),
        ] {
            assert_eq!(leaf_type(rest, None), wanted, "{rest}");
        }
        for (stated, leaf, wanted) in [
            ("application/javascript; charset=utf-8", "text/javascript", true),
            ("text/html", "text/javascript", false),
            ("text/html", "application/json", false),
            ("", "font/woff2", false),
            ("Font/WOFF2", "font/woff2", true),
        ] {
            assert_eq!(is_of_leaf_type(stated, leaf), wanted, "{stated}");
        }
    }

    #[test]
    fn who_is_sent_elsewhere() {
        let script = [("sec-fetch-dest", "script"), ("sec-fetch-mode", "no-cors")];
        let with = |more: &[(&'static str, &'static str)]| [&script[..], more].concat();
        for (lines, wanted) in [
            (with(&[]), true),
            (with(&[("accept-encoding", "gzip, deflate, br, zstd")]), true),
            (with(&[("accept-encoding", "gzip, br, dcz")]), false),
            (with(&[("available-dictionary", ":x:")]), false),
            (with(&[("sec-ch-ua", "\"Not;A=Brand\";v=\"8\", \"Chromium\";v=\"141\"")]), false),
            (with(&[("if-none-match", "\"a\"")]), false),
            (vec![("sec-fetch-dest", "script"), ("sec-fetch-mode", "cors")], false),
            (vec![("sec-fetch-dest", "worker"), ("sec-fetch-mode", "same-origin")], false),
            (vec![("sec-fetch-dest", "style"), ("sec-fetch-mode", "no-cors")], false),
            (vec![("sec-fetch-dest", "font"), ("sec-fetch-mode", "cors")], true),
            (vec![("sec-fetch-dest", "audio"), ("sec-fetch-mode", "no-cors")], true),
            (vec![("sec-fetch-dest", "empty"), ("sec-fetch-mode", "same-origin")], true),
            (vec![], false),
        ] {
            let headers: HeaderMap = lines
                .iter()
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect();
            assert_eq!(follows_to_leaf(&headers), wanted, "{lines:?}");
        }
    }
}
