//! Names of ours for what Scalelite has.

use bluegate_cluster::{Origin, TenantName};
use rand::Rng as _;

/// A tenant's name: Scalelite's own where it is one, in lower case otherwise.
pub(crate) fn of_tenant(name: &str) -> Option<TenantName> {
    name.to_ascii_lowercase().parse().ok()
}

/// The origin a server's URL begins with, when its API is where we call it:
/// `/bigbluebutton/api` of that origin.
pub(crate) fn origin_of(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_matches('/');
    (path == "bigbluebutton/api").then(|| format!("{scheme}://{authority}").parse().ok())?
}

/// A random UUID, version 4 (RFC 9562 section 5.4): what Scalelite calls things by.
pub(crate) fn new_uuid() -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex[range].concat();
    [part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_address_of_an_api_is_one_we_call() {
        for url in [
            "not a url",
            "https://a.org/",
            "https://a.org/bbb/api",
            "ftp://a.org/bigbluebutton/api",
        ] {
            assert_eq!(origin_of(url), None, "{url}");
        }
    }

    #[test]
    fn uuids_are_of_version_four_and_differ() {
        let (one, other) = (new_uuid(), new_uuid());
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(one.chars().nth(14), Some('4'));
    }
}
