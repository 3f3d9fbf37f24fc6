//! What a path asks for, decided on its bytes alone.
//!
//! Nothing here is decoded, normalised or resolved: a path that could mean
//! something else to a node than to us is refused. What passes has only
//! characters of RFC 3986 paths, no empty segment, no segment that starts with
//! a dot, and no escape of a character that has a meaning in a path.

#[cfg(test)]
mod tests;

/// The longest path that is relayed. The client's longest are under 200 bytes.
pub(crate) const MAX_PATH: usize = 2048;

/// The first segment of files by content. No node's mount: it is reserved.
const LEAVES: &str = "_client";

/// A well-formed path, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// `/{mount}/html5client/...`: goes to the node with the path kept.
    Client {
        /// The first segment.
        mount: &'a str,
        /// What follows `html5client/`.
        rest: &'a str,
    },
    /// `/{mount}/html5client`: redirected to the form with a slash, against
    /// which the client's relative URLs resolve.
    ClientWithoutSlash {
        /// The first segment.
        mount: &'a str,
    },
    /// Exactly `/{mount}/bigbluebutton/api`, with or without a slash: goes to
    /// the node's `/bigbluebutton/api`.
    ApiIndex {
        /// The first segment.
        mount: &'a str,
    },
    /// Exactly `/bigbluebutton/api`, below it, or below `/t/`: the API of the
    /// whole cluster, where the proxy passes it.
    Api,
    /// `/_client/{digest}/{rest}`: a file by its content, whatever node has it.
    Leaf {
        /// 64 lower-case hexadecimal digits.
        digest: &'a str,
        /// What follows `html5client/` on a node that has it.
        rest: &'a str,
    },
    /// Nothing that is relayed.
    Other,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Longer than [`MAX_PATH`].
    TooLong,
    /// Does not begin with a slash.
    NotAbsolute,
    /// A character that no path has unescaped, `;` and `\` among them.
    Character,
    /// An escape that is broken, not UTF-8, or of a character with a meaning.
    Escape,
    /// An empty segment, or one that begins with a dot.
    Segment,
}

/// Takes `path` (without its query) apart.
pub(crate) fn parse(path: &str) -> Result<Target<'_>, Malformed> {
    check(path)?;
    if is_api(path) {
        return Ok(Target::Api);
    }
    let Some((mount, rest)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return Ok(Target::Other);
    };
    if mount == LEAVES {
        return Ok(leaf(rest).unwrap_or(Target::Other));
    }
    if let Some(rest) = rest.strip_prefix("html5client") {
        if rest.is_empty() {
            return Ok(Target::ClientWithoutSlash { mount });
        }
        if let Some(rest) = rest.strip_prefix('/') {
            return Ok(Target::Client { mount, rest });
        }
    }
    match rest {
        "bigbluebutton/api" | "bigbluebutton/api/" => Ok(Target::ApiIndex { mount }),
        _ => Ok(Target::Other),
    }
}

fn leaf(path: &str) -> Option<Target<'_>> {
    let (digest, rest) = path.split_once('/')?;
    let is_digest =
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_digest && !rest.is_empty()).then_some(Target::Leaf { digest, rest })
}

/// The prefixes by which a listener that proxy and scaler share is divided,
/// too.
fn is_api(path: &str) -> bool {
    match path.strip_prefix("/bigbluebutton/api") {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => path.starts_with("/t/"),
    }
}

fn check(path: &str) -> Result<(), Malformed> {
    let bytes = path.as_bytes();
    if bytes.len() > MAX_PATH {
        return Err(Malformed::TooLong);
    }
    if bytes.first() != Some(&b'/') {
        return Err(Malformed::NotAbsolute);
    }
    let mut after_slash = false;
    let mut escaped = false;
    for &byte in bytes {
        match byte {
            b'/' | b'.' if after_slash => return Err(Malformed::Segment),
            b'/' => after_slash = true,
            b'%' => {
                escaped = true;
                after_slash = false;
            }
            _ if is_plain(byte) => after_slash = false,
            _ => return Err(Malformed::Character),
        }
    }
    if escaped { check_escapes(bytes) } else { Ok(()) }
}

/// What RFC 3986 lets stand unescaped in a segment, but for `;`, behind which
/// some servers see parameters that are not part of the name.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

/// Every escape must stand for UTF-8 text without control characters and
/// without anything that a second reader could take for structure.
fn check_escapes(path: &[u8]) -> Result<(), Malformed> {
    let mut text = Vec::with_capacity(path.len());
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (hex(rest.next()), hex(rest.next())) else {
            return Err(Malformed::Escape);
        };
        let decoded = high << 4 | low;
        if decoded.is_ascii_control() || b"/\\.;%?#".contains(&decoded) {
            return Err(Malformed::Escape);
        }
        text.push(decoded);
    }
    match std::str::from_utf8(&text) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(()),
        _ => Err(Malformed::Escape),
    }
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    match digit? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
