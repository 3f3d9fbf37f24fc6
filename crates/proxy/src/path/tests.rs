use proptest::prelude::*;

use super::*;
use crate::fuzzing;

const HOSTILE: &[(&str, u16)] = &include!("../../tests/data/hostile_paths.rs");

/// Whether a path would be asked of the node at one of these mounts.
fn reaches(path: &str, mounts: &[&str]) -> bool {
    match parse(path) {
        Ok(Target::Client { mount, .. } | Target::ApiIndex { mount }) => mounts.contains(&mount),
        _ => false,
    }
}

#[test]
fn hostile_paths_reach_no_node_and_are_told_apart() {
    assert!(HOSTILE.len() >= 60);
    for &(target, status) in HOSTILE {
        let path = target.split('?').next().unwrap();
        assert!(!reaches(path, &["bbb-01", "bbb-10"]), "{path}");
        assert_eq!(parse(path).is_err(), status == 400, "{path}");
    }
}

#[test]
fn what_no_socket_would_carry_is_refused_too() {
    for path in ["", "bbb-01/html5client/", "*", "/bbb-01/html5client/\0", "/bbb-01/html5client/\n"]
    {
        assert!(parse(path).is_err(), "{path:?}");
    }
    assert_eq!(parse("/bbb-01/html5client/ä"), Err(Malformed::Character));
    assert_eq!(parse("/bbb-01/html5client/a b"), Err(Malformed::Character));
    let long = format!("/bbb-01/html5client/{}", "a".repeat(MAX_PATH));
    assert_eq!(parse(&long), Err(Malformed::TooLong));
}

#[test]
fn the_paths_of_real_clients_are_taken_apart() {
    let client = |rest| Ok(Target::Client { mount: "bbb-01", rest });
    for (path, wanted) in [
        ("/bbb-01/html5client/", client("")),
        ("/bbb-01/html5client/join", client("join")),
        ("/bbb-01/html5client/bundle.0f3c.js", client("bundle.0f3c.js")),
        ("/bbb-01/html5client/locales/", client("locales/")),
        ("/bbb-01/html5client/locales/pt_BR.json", client("locales/pt_BR.json")),
        (
            "/bbb-01/html5client/sockjs/123/abcd1234/websocket",
            client("sockjs/123/abcd1234/websocket"),
        ),
        (
            "/bbb-01/html5client/__meteor__/dynamic-import/fetch",
            client("__meteor__/dynamic-import/fetch"),
        ),
        ("/bbb-01/html5client/files/a%20b%c3%a4.svg", client("files/a%20b%c3%a4.svg")),
        ("/bbb-01/html5client/fonts/x~1(2)+3@4.woff2", client("fonts/x~1(2)+3@4.woff2")),
        ("/bbb-01/html5client", Ok(Target::ClientWithoutSlash { mount: "bbb-01" })),
        ("/bbb-01/bigbluebutton/api", Ok(Target::ApiIndex { mount: "bbb-01" })),
        ("/bbb-01/bigbluebutton/api/", Ok(Target::ApiIndex { mount: "bbb-01" })),
        ("/bigbluebutton/api", Ok(Target::Api)),
        ("/bigbluebutton/api/hooks/list", Ok(Target::Api)),
        ("/t/physics/bigbluebutton/api/join", Ok(Target::Api)),
        ("/t/html5client/", Ok(Target::Api)),
    ] {
        assert_eq!(parse(path), wanted, "{path}");
    }
}

proptest! {
    #[test]
    fn nothing_that_passes_can_be_read_as_another_place(
        path in "(/(bbb-01|html5client|bigbluebutton|api|[.%/\\\\;a0-9ef]{0,6})){1,6}"
    ) {
        fuzzing::path(path.as_bytes());
    }

    #[test]
    fn a_path_is_only_taken_apart(path in "/[ -~]{0,12}/(html5client/)?\\PC{0,20}") {
        fuzzing::path(path.as_bytes());
    }

    #[test]
    fn any_bytes_are_a_path_or_none(bytes: Vec<u8>) {
        fuzzing::path(&bytes);
    }
}

#[test]
fn the_corpus_of_the_fuzzer_passes() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/path");
    let mut read = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        fuzzing::path(&std::fs::read(entry.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read > 5, "only {read} in the corpus");
}
