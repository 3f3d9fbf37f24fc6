//! Recordings hold what nodes answer, and nothing that opens anything.

use bluegate_doctor::examine_and_record;
use tokio_util::sync::CancellationToken;

use crate::{cluster::cluster, meddler::instead};

#[tokio::test]
async fn no_secret_is_in_a_recording() {
    const TOKEN: &str = "knowntoken123456";
    const COOKIE: &str = "KNOWNCOOKIE0123456789";
    let join = instead(
        "/bigbluebutton/api/join",
        "302 Found",
        &format!(
            "Location: http://bbb-01.cluster.localhost:1/?sessionToken={TOKEN}
             Set-Cookie: JSESSIONID={COOKIE}; Path=/; HttpOnly"
        ),
        "",
    );
    let stuns = instead(
        "/bigbluebutton/api/stuns",
        "200 OK",
        "Content-Type: application/json",
        r#"{"stunServers":[],"turnServers":[{"username":"1800:known-user","password":"known-password","url":"turn:127.0.0.1:1?transport=tcp","ttl":1}]}"#,
    )
    .holding("JSESSIONID");
    let entered = instead(
        "/api/rest/meetingStaticData",
        "200 OK",
        "Content-Type: application/json",
        &format!(r#"{{"meeting":[{{"authToken":"knownauth","echo":"{TOKEN} {COOKIE}"}}]}}"#),
    )
    .holding("JSESSIONID");
    let cluster = cluster("3.0.28").at_node(join).at_node(stuns).at_node(entered).start().await;
    let (report, recordings) =
        examine_and_record(&cluster.config(), &CancellationToken::new(), |_| {}).await;

    let secret = cluster.subject.nodes[0].secrets[0].expose();
    let text = serde_json::to_string(&recordings[0].document).unwrap();
    for known in [TOKEN, COOKIE, "known-user", "known-password", "knownauth", secret] {
        assert!(!text.contains(known), "`{known}` in {text}");
        assert!(!report.to_string().contains(known), "{report}");
        assert!(!serde_json::to_string(&report).unwrap().contains(known));
    }
    // What it is for is there all the same.
    let document = &recordings[0].document;
    assert_eq!(document["answers"]["IndexOnNode"]["answer"]["status"], 200);
    assert_eq!(document["session"]["join"]["answer"]["status"], 302);
    assert!(text.contains("meetingStaticData"));
}

#[tokio::test]
async fn every_line_can_be_recorded() {
    for release in ["2.7.17", "3.0.28"] {
        let cluster = cluster(release).start().await;
        let (_, recordings) =
            examine_and_record(&cluster.config(), &CancellationToken::new(), |_| {}).await;
        let text = serde_json::to_string(&recordings[0].document).unwrap();
        assert!(!text.contains(cluster.subject.nodes[0].secrets[0].expose()), "{release}");
        assert_eq!(recordings[0].document["session"]["end"]["answer"]["status"], 200);
    }
}
