//! The API's checksum: a hash over call name, raw query and secret.

use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The hash functions BBB knows, told apart by the length of their hex form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn by_length(hex_length: usize) -> Option<Self> {
        match hex_length {
            40 => Some(Self::Sha1),
            64 => Some(Self::Sha256),
            96 => Some(Self::Sha384),
            128 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name under which `supportedChecksumAlgorithms` lists it.
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The lower-case hex hash of a text.
    pub(crate) fn hex(self, text: &str) -> String {
        match self {
            Self::Sha1 => hex(&Sha1::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
            Self::Sha384 => hex(&Sha384::digest(text)),
            Self::Sha512 => hex(&Sha512::digest(text)),
        }
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Whether `given` (the value the server parsed) is right for this call.
///
/// The checksum is taken out of the raw query as text, every occurrence of it,
/// so a query that carries it percent-encoded or twice can never be right.
pub(crate) fn verify(
    call: &str,
    raw_query: &str,
    given: &str,
    secret: &str,
    supported: &str,
) -> bool {
    let Some(algorithm) = Algorithm::by_length(given.len()) else { return false };
    if !supported.contains(algorithm.name()) {
        return false;
    }
    let query = raw_query
        .replace(&format!("&checksum={given}"), "")
        .replace(&format!("checksum={given}&"), "")
        .replace(&format!("checksum={given}"), "");
    let query: String = query.chars().filter(|character| !character.is_control()).collect();
    algorithm.hex(&format!("{call}{}{secret}", query.trim())).eq_ignore_ascii_case(given)
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, verify};

    const SECRET: &str = "639259d4-9dd8-4b25-bf01-95f9567eaf4b";
    const ALL: &str = "sha1,sha256,sha384,sha512";
    const CREATE: &str = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444";
    const SHA1: &str = "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17";
    const SHA256: &str = "da9185f7f333cfdfcd6eeac32dca3777510c4c436020d8b887ba5515bd1d189e";
    const SHA384: &str = "891ac633df39d0a1b4f8d597f3e190833216c4b29c4fb51ea3ca72757eeb958d6e7b49a845cf29f5c6019c7d29d029d1";
    const SHA512: &str = "de73ad61d11a5c801b68d4bd6ec5248546085cefb0b25c85f3c46249ea93a3a4b120f92c0a8a58d7512cb77821884951a3b01245f3435dbbef49fff3cc3988b4";

    #[test]
    fn known_vectors() {
        let table = [
            ("create", CREATE, SHA1),
            ("create", CREATE, SHA256),
            ("create", CREATE, SHA384),
            ("create", CREATE, SHA512),
            ("getMeetings", "", "2027baa7771026e9e93392f55031535d1444c41f"),
            ("getMeetings", "", "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c"),
            ("", "", "674406c8c965fa3ee35b767fd3319a83b87fc33f"),
            ("hooks/list", "", "15e0d31c1b67ccc0bc9af5d714c6557f02b62cc5"),
            ("hooks/list", "", "bad2823988b7bfd7f907736d9c2fd17c938f0183580fa428ce0cd54205779b3a"),
            ("create", "", "272c9555258496a3f19c5ad8f599af2a4ebec031381ff1e37b34842c42c12284"),
        ];
        for (call, query, sum) in table {
            let first = format!("checksum={sum}&{query}");
            let last = format!("{query}&checksum={sum}");
            for raw in [first, last] {
                assert!(verify(call, &raw, sum, SECRET, ALL), "{call} {raw}");
                assert!(!verify(call, &raw, sum, "other", ALL), "{call} {raw}");
            }
        }
        assert_eq!(Algorithm::Sha1.hex("abc123"), "6367c48dd193d56ea7b0baad25b19455e529f5ee");
    }

    #[test]
    fn position_case_and_damage() {
        let middle = CREATE.replacen("&meetingID", &format!("&checksum={SHA1}&meetingID"), 1);
        assert!(verify("create", &middle, SHA1, SECRET, ALL));
        let upper = SHA1.to_uppercase();
        assert!(verify("create", &format!("{CREATE}&checksum={upper}"), &upper, SECRET, ALL));
        let changed = CREATE.replace('+', "%20");
        assert!(!verify("create", &format!("{changed}&checksum={SHA1}"), SHA1, SECRET, ALL));
        let encoded = SHA1.replacen('1', "%31", 1);
        assert!(!verify("create", &format!("{CREATE}&checksum={encoded}"), SHA1, SECRET, ALL));
        for wrong in ["", "12345", &SHA1.replacen('1', "2", 1)] {
            assert!(!verify("create", &format!("{CREATE}&checksum={wrong}"), wrong, SECRET, ALL));
        }
    }

    #[test]
    fn an_algorithm_not_listed_is_refused() {
        let raw = format!("{CREATE}&checksum={SHA1}");
        assert!(!verify("create", &raw, SHA1, SECRET, "sha256,sha384,sha512"));
    }
}
