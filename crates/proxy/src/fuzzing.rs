//! What must hold of every path, for the fuzzer and for the tests alike. Only
//! there when one of them is built.

use crate::path::{Target, parse};

/// Takes any bytes as a path: no panic, and what is relayed means the same place
/// to the most lenient of servers.
pub fn path(bytes: &[u8]) {
    let Ok(path) = std::str::from_utf8(bytes) else { return };
    match parse(path) {
        Ok(Target::Client { mount, rest }) => {
            assert_eq!(format!("/{mount}/html5client/{rest}"), path);
            let resolved = resolved_by_a_lenient_server(path);
            let mut segments = resolved.split(|&byte| byte == b'/');
            assert_eq!(segments.next(), Some(read_thrice(mount).as_slice()), "{path}");
            assert_eq!(segments.next(), Some(&b"html5client"[..]), "{path}");
        }
        Ok(Target::ApiIndex { .. }) => {
            let resolved = resolved_by_a_lenient_server(path);
            assert!(resolved.ends_with(b"/bigbluebutton/api"), "{path}");
        }
        Ok(Target::Api) => {
            let resolved = resolved_by_a_lenient_server(path);
            let is_api = resolved == b"t"
                || resolved.starts_with(b"t/")
                || resolved == b"bigbluebutton/api"
                || resolved.starts_with(b"bigbluebutton/api/");
            assert!(is_api, "{path}");
        }
        Ok(Target::Leaf { digest, rest }) => {
            assert_eq!(format!("/_client/{digest}/{rest}"), path);
            assert!(digest.len() == 64 && !rest.is_empty());
        }
        Ok(Target::ClientWithoutSlash { .. } | Target::Other) | Err(_) => {}
    }
}

/// Decoded over and over.
fn read_thrice(text: &str) -> Vec<u8> {
    decoded(&decoded(&decoded(text.as_bytes())))
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                decoded.push(escaped);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(byte);
                rest = behind;
            }
        }
    }
    decoded
}

/// What a lenient server might make of a path: decoded over and over, with
/// backslashes as slashes, parameters cut off and dot segments resolved.
fn resolved_by_a_lenient_server(path: &str) -> Vec<u8> {
    let bytes = read_thrice(path);
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in bytes.split(|byte| b"/\\".contains(byte)) {
        match segment.split(|&byte| byte == b';').next().unwrap_or_default() {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    segments.join(&b'/')
}
