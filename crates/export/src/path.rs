//! What is relayed, as a regular expression that PCRE and Go's RE2 read alike.
//!
//! The same rules as our own proxy's, judged on the bytes that the client sent:
//! no empty segment, no segment that begins with a dot, no character that
//! RFC 3986 keeps out of paths, no `;`, and no escape that is broken, not UTF-8,
//! of a control character or of any of `/ \ . ; % ? #`. Escapes of quotes, angle
//! brackets, braces, `^`, `|` and the backtick are refused too: Go writes these
//! characters as escapes before Caddy and Traefik can see that they were none.
//! An apostrophe is written as `\x27`, because HAProxy cannot quote it otherwise.

/// A character of a segment, but for the dot.
const PLAIN: &str = r"[A-Za-z0-9_~!$&\x27()*+,=:@-]";

/// An escape: ASCII without structure, or well-formed UTF-8 above the C1
/// controls, without surrogates and overlong forms.
const ESCAPED: [&str; 8] = [
    "%(?:2[0146-9A-Da-d]|3[0-9ADad]|4[0-9A-Fa-f]|5[0-9ABDFabdf]|6[1-9A-Fa-f]|7[0-9AEae])",
    "%[Cc]2%[AaBb][0-9A-Fa-f]",
    "%(?:[Cc][3-9A-Fa-f]|[Dd][0-9A-Fa-f])%[89ABab][0-9A-Fa-f]",
    "%[Ee]0%[ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]",
    "%[Ee](?:[1-9A-Ca-cEeFf]%[89ABab]|[Dd]%[89])[0-9A-Fa-f]%[89ABab][0-9A-Fa-f]",
    "%[Ff]0%[9ABab][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){2}",
    "%[Ff][123](?:%[89ABab][0-9A-Fa-f]){3}",
    "%[Ff]4%8[0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){2}",
];

/// Names of files that a cache may keep, whoever asks. A name that says
/// `service-worker` is none: nothing may serve an old one.
pub(crate) const CACHEABLE: &str =
    r"\.(?:js|mjs|css|wasm|tflite|data|woff2?|ttf|svg|png|jpe?g|gif|webp|ico|mp3|json|map)";

/// The queries that assets are asked with: a build number, and Meteor's marks.
/// None of them holds a session token.
pub(crate) const ASSET_QUERY: &str = r"(?:v=[A-Za-z0-9._-]*|meteor_(?:js|css)_resource=true)?";

/// What may follow `html5client`: nothing, or a slash and then characters, each
/// of which may have dots and one slash behind it. So neither a dot nor a slash
/// ever follows a slash.
pub(crate) fn rest() -> String {
    let escaped = ESCAPED.join("|");
    format!(r"(?:/(?:(?:{PLAIN}|{escaped})\.*/?)*)?")
}

/// A text as a regular expression that finds only it.
pub(crate) fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if !character.is_ascii_alphanumeric() && !"-_:/".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_finds_only_itself() {
        assert_eq!(literal("bbb-01.example.org"), r"bbb-01\.example\.org");
        assert_eq!(literal("[2001:db8::1]"), r"\[2001:db8::1\]");
    }

    #[test]
    fn the_pattern_can_stand_in_any_kind_of_quotes() {
        // HAProxy reads lines of at most 2,048 bytes.
        assert!(rest().len() < 700, "{}", rest().len());
        for quote in ["'", "\"", "`", " ", "#"] {
            assert!(!rest().contains(quote), "{quote}");
        }
    }
}
