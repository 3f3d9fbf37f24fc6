//! Meeting IDs on nodes: a permanent format.
//!
//! A *plain* tenant's IDs are the same on nodes. A *scoped* tenant's are
//! `bg1.<tenant>.<meetingID>`, or, when that would not fit or would be
//! ambiguous, `bg1.<tenant>..<sha256 of meetingID>`. No two (tenant, meetingID)
//! share a node ID, except two plain tenants with the same meetingID, which
//! the scaler's store refuses.

use bluegate_cluster::TenantName;
use sha2::{Digest, Sha256};

use crate::checksum::to_hex;

/// The prefix no plain ID on a node has unless we put it there.
pub const PREFIX: &str = "bg1.";

/// The longest meeting ID BBB takes, in UTF-16 code units (Java's length).
pub const MAX_LENGTH: usize = 256;

/// How a tenant's meeting IDs appear on nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Unchanged: the tenant `default`, and imported ones.
    Plain,
    /// Encoded with the tenant's name.
    Scoped,
}

/// What a node's meeting ID says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A plain tenant's ID, as it is.
    Plain(String),
    /// A tenant's ID.
    Scoped {
        /// Whose it is.
        tenant: TenantName,
        /// The tenant's own ID.
        meeting_id: String,
    },
    /// A tenant's ID of which only the hash fits; the stamp holds the ID.
    Hashed {
        /// Whose it is.
        tenant: TenantName,
        /// 64 lower-case hex digits of SHA-256 over the ID.
        hash: String,
    },
}

/// The ID that nodes know a tenant's meeting by.
#[must_use]
pub fn node_meeting_id(tenant: &TenantName, scope: Scope, meeting_id: &str) -> String {
    if scope == Scope::Plain && !meeting_id.starts_with(PREFIX) {
        return meeting_id.to_owned();
    }
    let encoded = format!("{PREFIX}{tenant}.{meeting_id}");
    if meeting_id.starts_with('.') || java_length(&encoded) > MAX_LENGTH {
        return format!("{PREFIX}{tenant}..{}", hash(meeting_id));
    }
    encoded
}

/// What an ID found on a node says. Anything that we would not have written
/// ourselves is a plain ID.
#[must_use]
pub fn decode(node_meeting_id: &str) -> Decoded {
    scoped(node_meeting_id).unwrap_or_else(|| Decoded::Plain(node_meeting_id.to_owned()))
}

/// Whether a node could take `text` for an internal meeting ID or the start of
/// one. BBB's own look-ups try that first, so such an external ID may find a
/// stranger's meeting; to nodes we then name the internal ID instead.
#[must_use]
pub fn may_be_taken_for_internal(text: &str) -> bool {
    let (hash, time) = text.split_once('-').map_or((text, None), |(h, t)| (h, Some(t)));
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let start_of_hash = hash.len() <= 40 && hex(hash);
    match time {
        None => start_of_hash,
        Some(time) => start_of_hash && hash.len() == 40 && time.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// The length Java counts: UTF-16 code units.
#[must_use]
pub fn java_length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn scoped(node_meeting_id: &str) -> Option<Decoded> {
    let (tenant, rest) = node_meeting_id.strip_prefix(PREFIX)?.split_once('.')?;
    let tenant: TenantName = tenant.parse().ok()?;
    match rest.strip_prefix('.') {
        None => Some(Decoded::Scoped { tenant, meeting_id: rest.to_owned() }),
        Some(hash) => {
            let is_hash = hash.len() == 64
                && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            is_hash.then(|| Decoded::Hashed { tenant, hash: hash.to_owned() })
        }
    }
}

fn hash(meeting_id: &str) -> String {
    to_hex(&Sha256::digest(meeting_id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> TenantName {
        name.parse().unwrap()
    }

    #[test]
    fn the_format_is_this_and_stays_this() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(""), EMPTY);
        let long = "x".repeat(245);
        let fits = "x".repeat(244);
        let astral = "\u{1f600}".repeat(123);
        for (name, scope, meeting_id, wanted) in [
            ("default", Scope::Plain, "abc", "abc".to_owned()),
            ("default", Scope::Plain, "bg1.physics.abc", "bg1.default.bg1.physics.abc".to_owned()),
            ("default", Scope::Plain, "bg1.", "bg1.default.bg1.".to_owned()),
            ("default", Scope::Plain, "bg10.x", "bg10.x".to_owned()),
            ("physics", Scope::Scoped, "abc", "bg1.physics.abc".to_owned()),
            ("physics", Scope::Scoped, "a.b", "bg1.physics.a.b".to_owned()),
            (
                "physics",
                Scope::Scoped,
                ".abc",
                "bg1.physics..96d10103a0fb1f0c5d3e8e4e728545f932dfea1bc09c5b1bd951d11d82ab1eb9"
                    .to_owned(),
            ),
            ("physics", Scope::Scoped, &long, format!("bg1.physics..{}", hash(&long))),
            ("physics", Scope::Scoped, &fits, format!("bg1.physics.{fits}")),
            ("physics", Scope::Scoped, &astral, format!("bg1.physics..{}", hash(&astral))),
        ] {
            assert_eq!(node_meeting_id(&tenant(name), scope, meeting_id), wanted);
        }
    }

    #[test]
    fn ids_on_nodes_say_whose_they_are() {
        assert_eq!(decode("abc"), Decoded::Plain("abc".into()));
        assert_eq!(decode("bg1.UPPER.abc"), Decoded::Plain("bg1.UPPER.abc".into()));
        assert_eq!(decode("bg1.physics..abc"), Decoded::Plain("bg1.physics..abc".into()));
        assert_eq!(
            decode("bg1.physics.abc"),
            Decoded::Scoped { tenant: tenant("physics"), meeting_id: "abc".into() }
        );
        assert_eq!(
            decode(&format!("bg1.physics..{}", hash(".x"))),
            Decoded::Hashed { tenant: tenant("physics"), hash: hash(".x") }
        );
    }

    #[test]
    fn texts_that_look_internal_are_known() {
        let sha1 = "6367c48dd193d56ea7b0baad25b19455e529f5ee";
        for (text, wanted) in [
            (sha1.to_owned(), true),
            (format!("{sha1}-1700000000000"), true),
            (format!("{sha1}-"), true),
            ("ab".to_owned(), true),
            ("12345".to_owned(), true),
            (format!("{sha1}-5-3"), false),
            (format!("{sha1}0"), false),
            ("ab-1".to_owned(), false),
            ("AB".to_owned(), false),
            ("room-7".to_owned(), false),
            ("bg1.physics.ab".to_owned(), false),
        ] {
            assert_eq!(may_be_taken_for_internal(&text), wanted, "{text}");
        }
    }

    fn meeting_ids() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c.]{2,6}",
            "bg1\\.[a-c]\\.{0,2}[a-c.]{0,4}",
            "bg1\\.[a-c]\\.\\.[0-9a-f]{64}",
            "[^,\\x00-\\x1f]{2,256}",
            "\\.?x{236,256}",
        ]
    }

    fn scopes() -> impl Strategy<Value = Scope> {
        prop_oneof![Just(Scope::Plain), Just(Scope::Scoped)]
    }

    proptest! {
        #[test]
        fn no_two_meetings_share_a_node_id(
            left in ("[a-c]", meeting_ids()),
            right in ("[a-c]", meeting_ids()),
        ) {
            // `a` is the plain tenant, the others are scoped.
            let encode = |(name, id): &(String, String)| {
                let scope = if name == "a" { Scope::Plain } else { Scope::Scoped };
                node_meeting_id(&tenant(name), scope, id)
            };
            prop_assert_eq!(encode(&left) == encode(&right), left == right);
        }

        #[test]
        fn a_node_id_fits_and_decodes(id in meeting_ids(), scope in scopes(), name in "[a-z]{1,32}") {
            prop_assume!(java_length(&id) <= MAX_LENGTH);
            let encoded = node_meeting_id(&tenant(&name), scope, &id);
            prop_assert!(java_length(&encoded) <= MAX_LENGTH);
            prop_assert!(!encoded.contains(',') || id.contains(','));
            match decode(&encoded) {
                Decoded::Plain(plain) => prop_assert!(scope == Scope::Plain && plain == id),
                Decoded::Scoped { tenant: found, meeting_id } => {
                    prop_assert_eq!((found, meeting_id), (tenant(&name), id));
                }
                Decoded::Hashed { tenant: found, hash: found_hash } => {
                    prop_assert_eq!((found, found_hash), (tenant(&name), hash(&id)));
                }
            }
        }
    }
}
