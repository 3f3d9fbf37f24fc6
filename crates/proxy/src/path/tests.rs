use proptest::prelude::*;

use super::*;

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

/// What a lenient server might make of a path: decoded over and over, with
/// backslashes as slashes, parameters cut off and dot segments resolved.
fn resolved_by_a_lenient_server(path: &str) -> Vec<u8> {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..3 {
        let mut decoded = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let digit = |offset| hex(bytes.get(at + offset));
            match (byte, digit(1), digit(2)) {
                (b'%', Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    at += 3;
                }
                _ => {
                    decoded.push(byte);
                    at += 1;
                }
            }
        }
        bytes = decoded;
    }
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

proptest! {
    #[test]
    fn nothing_that_passes_can_be_read_as_another_place(
        path in "(/(bbb-01|html5client|bigbluebutton|api|[.%/\\\\;a0-9ef]{0,6})){1,6}"
    ) {
        if let Ok(Target::Client { .. }) = parse(&path) {
            let resolved = resolved_by_a_lenient_server(&path);
            let segments: Vec<_> = resolved.split(|&byte| byte == b'/').collect();
            prop_assert_eq!(segments.get(1), Some(&&b"html5client"[..]), "{}", path);
        }
        if let Ok(Target::ApiIndex { .. }) = parse(&path) {
            let resolved = resolved_by_a_lenient_server(&path);
            prop_assert!(resolved.ends_with(b"/bigbluebutton/api"), "{}", path);
        }
    }

    #[test]
    fn a_path_is_only_taken_apart(path in "/[ -~]{0,12}/(html5client/)?\\PC{0,20}") {
        if let Ok(Target::Client { mount, rest }) = parse(&path) {
            prop_assert_eq!(format!("/{mount}/html5client/{rest}"), path);
        }
    }
}
