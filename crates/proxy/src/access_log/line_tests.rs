//! Both forms as they are written, and that nothing secret gets into them.

use std::time::{Instant, UNIX_EPOCH};

use http::{Method, StatusCode, Uri};
use proptest::prelude::*;

use super::*;
use crate::access_log::AccessLogClient;

fn record(uri: Uri, host: &str, referer: Option<&str>, user_agent: Option<&str>) -> Record {
    let header = |text: Option<&str>| text.and_then(|text| HeaderValue::try_from(text).ok());
    Record {
        time: UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
        began: Instant::now(),
        took: Duration::from_micros(3417),
        client: "203.0.113.77".parse().unwrap(),
        version: Version::HTTP_2,
        method: Method::GET,
        host: host.to_owned(),
        request_id: Some(HeaderValue::from_static("0d9ab2f4")),
        referer: header(referer),
        user_agent: header(user_agent),
        uri,
        node: None,
        asked_node: false,
        cache: Some("hit"),
        upstream: None,
        status: StatusCode::OK,
        bytes: 9120,
        broken_off: false,
    }
}

fn lines(record: &Record) -> [String; 2] {
    [AccessLogFormat::Json, AccessLogFormat::Combined].map(|format| {
        let mut out = Vec::new();
        write(&mut out, record, format, &mut Clients::new(AccessLogClient::Truncated), 0);
        String::from_utf8(out).unwrap()
    })
}

#[test]
fn both_forms() {
    let uri = Uri::from_static("/bbb-01/html5client/?sessionToken=s3cr3t");
    let referer = Some("https://moodle.example/mod/view?sesskey=s3cr3t");
    let record = record(uri, "bbb.example.org", referer, Some("Mozilla/5.0 \"x\\y\""));
    assert_eq!(
        lines(&record),
        [
            "{\"time\":\"2026-09-21T14:13:20.123Z\",\"request_id\":\"0d9ab2f4\",\"client\":\"203.0.113.0/24\",\"http\":\"2\",\
             \"method\":\"GET\",\"host\":\"bbb.example.org\",\"path\":\"/bbb-01/html5client/\",\
             \"status\":200,\"bytes\":9120,\"duration_ms\":3.417,\"asked_node\":false,\
             \"cache\":\"hit\"}\n",
            "203.0.113.0/24 - - [21/Sep/2026:14:13:20 +0000] \"GET /bbb-01/html5client/ HTTP/2\" \
             200 9120 \"https://moodle.example/mod/view***\" \"Mozilla/5.0 \\x22x\\x5Cy\\x22\"\n",
        ]
    );
}

/// Ways in which a token stands in a URL, mended links and broken ones.
fn carriers() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("sessionToken"),
        Just("SESSIONTOKEN"),
        Just("checksum"),
        Just("password"),
        Just("x"),
    ];
    let begin =
        prop_oneof![Just("?"), Just("%3F"), Just("%3f"), Just("%253F"), Just(";"), Just("&")];
    let equals = prop_oneof![Just("="), Just("%3D"), Just("%3d"), Just("%253d")];
    (word, begin, equals, "[a-zA-Z0-9/.-]{0,12}", "[a-zA-Z0-9/&=-]{0,12}").prop_map(
        |(word, begin, equals, before, after)| {
            format!("/{before}{begin}{word}{equals}s3cr3tt0ken{after}")
        },
    )
}

proptest! {
    #[test]
    fn no_token_is_written_whatever_the_url(target in carriers(), authority in "[a-z@:]{1,8}") {
        for uri in [target.clone(), format!("http://u:s3cr3tt0ken@{authority}{target}")] {
            let Ok(uri) = uri.parse::<Uri>() else { continue };
            let host = uri.authority().map_or("bbb.test", |authority| authority.as_str()).to_owned();
            let referer = format!("https://s3cr3tt0ken@moodle.test{target}");
            let user_agent = format!("browser sessionToken{target}");
            let record = record(uri, &host, Some(&referer), Some(&user_agent));
            for line in lines(&record) {
                prop_assert!(!line.contains("s3cr3tt0ken"), "{line}");
                prop_assert_eq!(line.matches('\n').count(), 1);
            }
        }
    }

    #[test]
    fn a_line_is_one_line_with_six_quotes(referer: Vec<u8>, user_agent: Vec<u8>) {
        let mut record = record(Uri::from_static("/x"), "bbb.test", None, None);
        record.referer = HeaderValue::from_bytes(&referer).ok();
        record.user_agent = HeaderValue::from_bytes(&user_agent).ok();
        let [_, combined] = lines(&record);
        prop_assert_eq!(combined.matches('"').count(), 6, "{}", combined);
        prop_assert_eq!(combined.matches('\n').count(), 1);
    }
}
