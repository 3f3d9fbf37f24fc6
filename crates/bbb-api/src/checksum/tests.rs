use proptest::prelude::*;

use super::*;

const QUERY: &str = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444";
const SHA1: &str = "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17";
const SHA256: &str = "da9185f7f333cfdfcd6eeac32dca3777510c4c436020d8b887ba5515bd1d189e";
const SHA384: &str = "891ac633df39d0a1b4f8d597f3e190833216c4b29c4fb51ea3ca72757eeb958d6e7b49a845cf29f5c6019c7d29d029d1";
const SHA512: &str = "de73ad61d11a5c801b68d4bd6ec5248546085cefb0b25c85f3c46249ea93a3a4b120f92c0a8a58d7512cb77821884951a3b01245f3435dbbef49fff3cc3988b4";

fn secret() -> Secret {
    Secret::new("639259d4-9dd8-4b25-bf01-95f9567eaf4b").unwrap()
}

fn accepts(call: &str, query: &str) -> bool {
    Presented::read(call, query, None).is_ok_and(|presented| presented.is_signed_by(&secret()))
}

#[test]
fn the_published_vectors_come_out() {
    for (call, query, algorithm, wanted) in [
        ("create", QUERY, Algorithm::Sha1, SHA1),
        ("create", QUERY, Algorithm::Sha256, SHA256),
        ("create", QUERY, Algorithm::Sha384, SHA384),
        ("create", QUERY, Algorithm::Sha512, SHA512),
        ("getMeetings", "", Algorithm::Sha1, "2027baa7771026e9e93392f55031535d1444c41f"),
        (
            "getMeetings",
            "",
            Algorithm::Sha256,
            "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c",
        ),
        ("", "", Algorithm::Sha1, "674406c8c965fa3ee35b767fd3319a83b87fc33f"),
        ("hooks/list", "", Algorithm::Sha1, "15e0d31c1b67ccc0bc9af5d714c6557f02b62cc5"),
        (
            "hooks/list",
            "",
            Algorithm::Sha256,
            "bad2823988b7bfd7f907736d9c2fd17c938f0183580fa428ce0cd54205779b3a",
        ),
        (
            "create",
            "",
            Algorithm::Sha256,
            "272c9555258496a3f19c5ad8f599af2a4ebec031381ff1e37b34842c42c12284",
        ),
    ] {
        assert_eq!(sign(call, query, &secret(), algorithm), wanted, "{call} {query}");
    }
}

#[test]
fn every_form_frontends_send_is_accepted() {
    let (name, rest) = QUERY.split_once('&').unwrap();
    let upper = SHA256.to_uppercase();
    let none = "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c";
    for (call, query) in [
        ("create", format!("{QUERY}&checksum={SHA1}")),
        ("create", format!("{QUERY}&checksum={SHA256}")),
        ("create", format!("{QUERY}&checksum={SHA384}")),
        ("create", format!("{QUERY}&checksum={SHA512}")),
        ("create", format!("{QUERY}&checksum={upper}")),
        ("create", format!("checksum={SHA256}&{QUERY}")),
        ("create", format!("{name}&checksum={SHA256}&{rest}")),
        ("getMeetings", format!("checksum={none}")),
        ("getMeetings", format!("&checksum={none}")),
    ] {
        assert!(accepts(call, &query), "{call}?{query}");
    }
}

#[test]
fn what_bbb_refuses_is_refused() {
    let encoded = QUERY.replace('+', "%20");
    let wrong = SHA256.replace("da9", "da8");
    let none = "a5370c5f3d97d56d53b435684cdbc429c2898a3bf9f435518b4279e1e0dbfc8c";
    for (call, query) in [
        ("create", format!("{encoded}&checksum={SHA256}")),
        ("create", format!("{QUERY}&checksum={wrong}")),
        ("join", format!("{QUERY}&checksum={SHA256}")),
        // A leading `&` before other parameters stays part of the input.
        ("create", format!("&{QUERY}&checksum={SHA256}")),
        // A second, different value stays in the text; the first is compared.
        ("create", format!("{QUERY}&checksum={SHA256}&checksum={SHA1}")),
        ("create", format!("{QUERY}&checksum={SHA256}&extra=1")),
        ("getMeetings", format!("checksum%3D={none}")),
    ] {
        assert!(!accepts(call, &query), "{call}?{query}");
    }
    let error = |query: &str| Presented::read("create", query, None).err();
    assert_eq!(error(QUERY), Some(ChecksumError::Missing));
    assert_eq!(error("checksum="), Some(ChecksumError::Missing));
    assert_eq!(error("checksum=abc"), Some(ChecksumError::NotADigest));
    assert_eq!(error(&format!("checksum={}", "g".repeat(64))), Some(ChecksumError::NotADigest));
}

#[test]
fn a_body_only_post_is_accepted_over_the_empty_query_and_over_its_sorted_form() {
    let empty = "272c9555258496a3f19c5ad8f599af2a4ebec031381ff1e37b34842c42c12284";
    let body = RawQuery::parse(&format!("name=Test%20Meeting&meetingID=abc123&checksum={empty}"));
    let over_empty = Presented::read("create", "", Some(&body)).unwrap();
    assert!(over_empty.is_signed_by(&secret()));

    let sorted = sign("create", "meetingID=abc123&name=Test+Meeting", &secret(), Algorithm::Sha1);
    let body = RawQuery::parse(&format!("name=Test%20Meeting&meetingID=abc123&checksum={sorted}"));
    assert!(Presented::read("create", "", Some(&body)).unwrap().is_signed_by(&secret()));
    // With a query, the body is never part of the input.
    assert!(!Presented::read("create", "a=1", Some(&body)).unwrap().is_signed_by(&secret()));
}

#[test]
fn another_secret_does_not_match() {
    let presented = Presented::read("create", &format!("{QUERY}&checksum={SHA256}"), None).unwrap();
    assert!(!presented.is_signed_by(&Secret::new("639259d4").unwrap()));
}

proptest! {
    #[test]
    fn what_we_sign_verifies(
        query in "[a-zA-Z0-9&=+%._~*'()!-]{0,60}",
        index in 0_usize..4,
    ) {
        let algorithm =
            [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512][index];
        let signed = signed_query("create", &RawQuery::parse(&query), &secret(), algorithm);
        prop_assert!(accepts("create", &signed), "{}", signed);
    }

    /// The short way takes out of a query what BBB does.
    #[test]
    fn what_is_signed_is_what_bbb_leaves(
        query in proptest::collection::vec("&|a=1|checksum=|check|sum=|c0ffee|c0|%20", 0..9),
    ) {
        let query = query.concat();
        let [before, after] = without_checksum(&query, "c0ffee");
        prop_assert_eq!(format!("{before}{after}"), taken_out(&query, "c0ffee"), "{}", query);
    }

    #[test]
    fn hex_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
    }
}
