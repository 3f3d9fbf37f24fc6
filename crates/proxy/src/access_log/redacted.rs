//! What of a client's text may stand in a log.
//!
//! Session tokens travel in queries, but a broken link puts them elsewhere. So a
//! path ends for the log where it stops looking like one of ours: at the first
//! character, plain or escaped, that could begin or join parameters.

/// Bytes of a path, referer or name that a line shows.
const MAX_TEXT: usize = 2048;

/// Stands for what is left out.
const LEFT_OUT: &str = "***";

/// What begins, joins or assigns parameters; `%` stands for itself escaped twice.
const PARAMETERS: &[u8] = b"?#&=;%";

/// A path as it may be shown.
pub(super) fn path(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let meant = if byte == b'%' { escaped(bytes, end) } else { byte };
        if PARAMETERS.contains(&meant) {
            return format!("{}{LEFT_OUT}", clip(path, end));
        }
        end += 1;
    }
    clip(path, MAX_TEXT).to_owned()
}

/// What an escape stands for; `%` when it is none.
fn escaped(bytes: &[u8], at: usize) -> u8 {
    let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(b'%')
}

/// An authority as it may be shown: without who claims to be at it, and nothing
/// but what hosts and ports are made of.
pub(super) fn host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    if host.len() <= MAX_HOST && host.bytes().all(is_plain) { host } else { LEFT_OUT }
}

/// The longest name that DNS has, and a port.
const MAX_HOST: usize = 261;

/// A `Referer` as it may be shown.
pub(super) fn referer(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return path(url) };
    if !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return LEFT_OUT.to_owned();
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    format!("{}://{}{}", clip(scheme, MAX_TEXT), host(authority), path(rest))
}

/// Any other text: left out whole when there is a word in it of what carries
/// secrets.
pub(super) fn text(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let tells = ["token", "checksum", "password", "secret"].iter().any(|word| lower.contains(word));
    if tells { LEFT_OUT } else { clip(text, MAX_TEXT) }
}

/// `text`, or as much of its beginning as `most` takes.
fn clip(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most).min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_parameters_could_begin() {
        for (given, wanted) in [
            ("/bbb-01/html5client/a.js", "/bbb-01/html5client/a.js"),
            ("/a%20b/%C3%A4", "/a%20b/%C3%A4"),
            ("/x?sessionToken=t", "/x***"),
            ("/sessionToken=t", "/sessionToken***"),
            ("/sessionToken%3Dt", "/sessionToken***"),
            ("/sessionToken%3dt", "/sessionToken***"),
            ("/x%3fsessionToken", "/x***"),
            ("/x%253fsessionToken", "/x***"),
            ("/x;sessionToken", "/x***"),
            ("/x%zz", "/x***"),
            ("/x%", "/x***"),
        ] {
            assert_eq!(path(given), wanted);
        }
        assert_eq!(path(&"ä".repeat(3000)).len(), MAX_TEXT);
    }

    #[test]
    fn hosts_referers_and_other_texts() {
        assert_eq!(host("user:token@bbb.example.org:443"), "bbb.example.org:443");
        assert_eq!(host("[::1]:8443"), "[::1]:8443");
        assert_eq!(host("a?sessionToken=t"), "***");
        for (given, wanted) in [
            ("https://u:p@moodle.example/course?id=3#x", "https://moodle.example/course***"),
            ("https://moodle.example?sessionToken=t", "https://moodle.example***"),
            ("android-app://x", "***"),
            ("/relative?x", "/relative***"),
        ] {
            assert_eq!(referer(given), wanted);
        }
        assert_eq!(text("Mozilla/5.0 (X11; Linux)"), "Mozilla/5.0 (X11; Linux)");
        assert_eq!(text("curl sessionTOKEN=abc"), "***");
    }
}
