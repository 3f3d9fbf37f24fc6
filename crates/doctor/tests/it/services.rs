//! Services of a node that do not run, refuse or are misled.

use tokio::net::UdpSocket;

use crate::{
    cluster::{Plan, assert_finds, cluster},
    meddler::{Rule, altering, altering_head, instead},
};

async fn breaks(release: &'static str, rule: Rule, wanted: &str) {
    breaks_plan(cluster(release).at_node(rule), wanted).await;
}

async fn breaks_plan(plan: Plan, wanted: &str) {
    let report = plan.start().await.examine().await;
    assert_finds(&report, &[&format!("bbb-01 {wanted}")]);
}

fn package(file: &str) -> String {
    format!("/usr/share/bigbluebutton/nginx/{file} (package file)")
}

#[tokio::test]
async fn bbb_web_that_does_not_run() {
    let rule = instead("/bigbluebutton/api", "502 Bad Gateway", "", "");
    breaks("3.0.28", rule, "node-answers /var/log/bigbluebutton/bbb-web.log").await;
}

#[tokio::test]
async fn another_server_in_the_nodes_place() {
    let rule = instead("/bigbluebutton/api", "200 OK", "Content-Type: text/html", "<h1>Hello</h1>");
    breaks("3.0.28", rule, "node-answers /etc/bluegate/bluegate.toml").await;
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let wrong = "date: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-date: ";
    let rule = altering_head("/bigbluebutton/api HTTP", "date: ", wrong);
    breaks("3.0.28", rule, "clock /etc/systemd/timesyncd.conf").await;
}

#[tokio::test]
async fn a_location_without_its_slash() {
    let rule = instead("/bbb-01/html5client../nginx/", "200 OK", "Content-Type: text/plain", "x");
    breaks("3.0.28", rule, "client-folder-only /etc/bigbluebutton/nginx/bbb-cluster.nginx").await;
}

#[tokio::test]
async fn a_page_of_nobody_may_call() {
    let rule = instead(
        "/bigbluebutton/api/stuns",
        "200 OK",
        "Access-Control-Allow-Origin: https://hostile.invalid
         Access-Control-Allow-Credentials: true",
        "{}",
    );
    let rule = rule.holding("https://hostile.invalid");
    let file = "/etc/systemd/system/bbb-web.service.d/cluster.conf";
    breaks("3.0.28", rule, &format!("web-calls-closed {file}")).await;
}

#[tokio::test]
async fn a_clock_that_pages_cannot_read() {
    let file = "/usr/share/bigbluebutton/nginx/web.nginx (package file: upgrade bbb-web)";
    for headers in ["", "Access-Control-Allow-Origin: *"] {
        let rule = instead("/bigbluebutton/rtt-check", "200 OK", headers, "");
        breaks("3.0.28", rule, &format!("round-trip {file}")).await;
    }
}

#[tokio::test]
async fn plugins_that_pages_cannot_load() {
    let rule = instead("/plugins/", "403 Forbidden", "", "");
    breaks("3.0.28", rule, &format!("plugins {}", package("plugins-assets-cors.nginx"))).await;
}

#[tokio::test]
async fn notes_that_pages_cannot_export() {
    let socket = instead("/hocuspocus/collaboration", "401 Unauthorized", "", "");
    let export =
        instead("/hocuspocus/api/", "204 No Content", "Access-Control-Allow-Origin: *", "");
    let plan = cluster("3.0.28").at_node(socket).at_node(export);
    let file = "/etc/bigbluebutton/nginx/bbb-cluster.nginx";
    breaks_plan(plan, &format!("shared-notes-calls {file}")).await;
}

#[tokio::test]
async fn livekit_that_pages_cannot_use() {
    let file = package("livekit.nginx");
    for (path, answer, headers) in [
        ("/livekit/rtc?", "404 Not Found", "Access-Control-Allow-Origin: *"),
        ("/livekit/rtc/validate", "401 Unauthorized", ""),
        (
            "/livekit/rtc/validate",
            "401 Unauthorized",
            "Access-Control-Allow-Origin: https://x.test",
        ),
    ] {
        breaks("3.0.28", instead(path, answer, headers, ""), &format!("livekit {file}")).await;
    }
}

#[tokio::test]
async fn services_that_do_not_run() {
    let livekit = instead("/livekit/", "502 Bad Gateway", "", "");
    breaks("3.0.28", livekit, &format!("livekit {}", package("livekit.nginx"))).await;
    let notes = instead("/hocuspocus/collaboration", "502 Bad Gateway", "", "");
    let file = package("bbb-shared-notes-server.nginx");
    breaks("3.0.28", notes, &format!("shared-notes-socket {file}")).await;
}

#[tokio::test]
async fn places_that_are_gone() {
    let gone = |path: &str| instead(path, "404 Not Found", "", "");
    for (release, rule, wanted) in [
        (
            "3.0.28",
            gone("OPTIONS /bigbluebutton/presentation/"),
            format!("uploads {}", package("web.nginx")),
        ),
        (
            "3.0.28",
            instead("/pad/p/", "200 OK", "", "x").holding("GET /pad/p/doctor?"),
            format!("pads {}", package("notes.nginx")),
        ),
        (
            "3.0.28",
            gone("/learning-analytics-dashboard/"),
            format!("dashboard {}", package("learning-dashboard.nginx")),
        ),
        (
            "3.0.28",
            gone("/html5client/locales/"),
            format!("dashboard-texts {}", package("bbb-html5.nginx")),
        ),
        (
            "2.7.17",
            gone("/bbb-01/html5client/sockjs/"),
            "meteor-socket /etc/bigbluebutton/nginx/bbb-cluster.nginx".to_owned(),
        ),
    ] {
        breaks(release, rule, &wanted).await;
    }
}

#[tokio::test]
async fn a_node_that_makes_no_meeting() {
    let rule = instead("/bigbluebutton/api/create", "500 Internal Server Error", "", "");
    breaks("3.0.28", rule, "meeting /var/log/bigbluebutton/bbb-web.log").await;
}

#[tokio::test]
async fn a_cookie_that_does_not_come_along() {
    let file = "/etc/systemd/system/bbb-web.service.d/cluster.conf";
    for (from, to, file, title) in [
        ("set-cookie:", "x-cookie:", "", "Joining sets no session cookie"),
        ("Path=/;", "Path=/bigbluebutton;", file, "do not send"),
        ("; HttpOnly", "", file, "is not `HttpOnly`"),
    ] {
        let rule = altering_head("/bigbluebutton/api/join", from, to);
        let report = cluster("3.0.28").at_node(rule).start().await.examine().await;
        assert_finds(&report, &[&format!("bbb-01 session-cookie {file}")]);
        let (_, finding) = report.findings().next().unwrap();
        assert!(finding.title.contains(title), "{report}");
    }
}

#[tokio::test]
async fn a_session_that_is_refused() {
    let rule = instead("GET /api/rest/meetingStaticData", "401 Unauthorized", "", "");
    let log = "/var/log/bigbluebutton/bbb-web.log";
    let cluster = cluster("3.0.28").at_node(rule).start().await;
    let report = cluster.examine().await;
    assert_finds(&report, &[&format!("bbb-01 session {log}")]);
    // The one thing that sends operators the wrong way.
    let (_, finding) = report.findings().next().unwrap();
    assert!(finding.title.contains("no matter of CORS"), "{report}");
}

#[tokio::test]
async fn a_socket_that_refuses_the_session() {
    // Only the second upgrade of this page brings a cookie.
    let rule = instead("/graphql", "403 Forbidden", "", "").holding("JSESSIONID");
    breaks("3.0.28", rule, &format!("session-socket {}", package("graphql.nginx"))).await;
}

#[tokio::test]
async fn daemons_that_do_not_run() {
    for (path, wanted) in [
        ("/bbb-webrtc-sfu", format!("session-sfu {}", package("webrtc-sfu.nginx"))),
        ("/ws", format!("session-sip {}", package("sip.nginx"))),
    ] {
        // nginx lets the user in, and then finds nobody.
        let rule = instead(path, "502 Bad Gateway", "", "").holding("JSESSIONID");
        breaks("3.0.28", rule, &wanted).await;
    }
}

#[tokio::test]
async fn servers_that_do_not_answer() {
    // A port that is bound and silent, and one that is closed.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (list, problems) in [
        (format!(r#"{{"stunServers":[{{"url":"stun:{silent}"}}],"turnServers":[]}}"#), 0),
        (
            format!(
                r#"{{"stunServers":[],"turnServers":[{{"url":"turn:{closed}?transport=tcp"}}]}}"#
            ),
            1,
        ),
    ] {
        let plan = cluster("3.0.28");
        let rule = |page: &str| {
            let headers = format!(
                "Access-Control-Allow-Origin: {page}\nAccess-Control-Allow-Credentials: true"
            );
            instead("/bigbluebutton/api/stuns", "200 OK", &headers, &list).holding("JSESSIONID")
        };
        let cluster = plan.at_node(rule("any")).start().await;
        let report = cluster.examine().await;
        assert_finds(&report, &["bbb-01 stun-and-turn /etc/bigbluebutton/turn-stun-servers.xml"]);
        assert_eq!(report.summary.problems, problems, "{report}");
    }
}

#[tokio::test]
async fn a_server_that_answers_bindings() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = server.recv_from(&mut buffer).await {
            // A success response with the request's own transaction.
            buffer[0] = 1;
            server.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let list = format!(r#"{{"stunServers":[{{"url":"stun:{address}"}}],"turnServers":[]}}"#);
    let rule = instead("/bigbluebutton/api/stuns", "200 OK", "", &list).holding("JSESSIONID");
    let report = cluster("3.0.28").at_node(rule).start().await.examine().await;
    assert_finds(&report, &[]);
    let servers = report.nodes[0].checks.iter().find(|check| check.check == "stun-and-turn");
    assert_eq!(servers.unwrap().state, bluegate_doctor::State::Passed);
}

#[tokio::test]
async fn a_meeting_that_does_not_end() {
    let rule = instead("/bigbluebutton/api/end", "500 Internal Server Error", "", "");
    breaks("3.0.28", rule, "probe-meeting-ended ").await;
}

#[tokio::test]
async fn nodes_with_different_clients() {
    // The second node's client is of another build of the same release.
    let rule = altering("GET /bbb-02/html5client/ HTTP", "?v=", "?v=9");
    let report = cluster("3.0.28").nodes(2).at_node(rule).start().await.examine().await;
    assert_finds(&report, &["cluster client-builds packages of the nodes"]);
}
