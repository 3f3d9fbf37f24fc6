//! What pages of other origins may read, route by route and release by release, on nodes configured
//! by hand: the simulated nginx and a real one answer alike.
//!
//! The facts are those of the tables of cross-origin calls in BBB's cluster documentation and in the
//! issues named beside each row.

use bluegate_simnode::configure_by_hand;

use crate::node::{Answer, Browser, Node, PROXY, Setup};

const HOSTILE: &str = "https://hostile.example";

/// Releases on both sides of every change.
const RELEASES: [&str; 13] = [
    "2.4.3", "2.4.9", "2.5.18", "2.6.9", "2.6.18", "2.7.17", "3.0.0", "3.0.10", "3.0.18", "3.0.20",
    "3.0.27", "3.0.28", "4.0.0",
];

/// One route of some releases.
struct Rule {
    since: &'static str,
    before: &'static str,
    method: &'static str,
    /// `{token}` is the session of a user whose cookie comes along.
    path: &'static str,
    /// For a page of the cluster.
    page: Seen,
    /// For a page of nobody.
    hostile: Seen,
    source: &'static str,
}

/// Status, `Access-Control-Allow-Origin` and `Access-Control-Allow-Credentials`.
type Seen = (u16, Option<&'static str>, Option<&'static str>);

const TRUE: Option<&str> = Some("true");
const PAGE: Option<&str> = Some(PROXY);
const ANY: Option<&str> = Some("*");

const STUNS: &str = "/bigbluebutton/api/stuns?sessionToken={token}";
const ENTER: &str = "/bigbluebutton/api/enter?sessionToken={token}";
const SVG: &str = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1";
const THUMBNAIL: &str = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/thumbnail/1";
const TEXT: &str = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/textfiles/1";
const PDF: &str = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/pdf/cccc/annotated_slides.pdf";
const STATIC_DATA: &str = "/api/rest/meetingStaticData";
const NOTES: &str = "/hocuspocus/api/documents/notes/export/txt?sessionToken={token}";
const EXPORT: &str = "/pad/p/notes/export/txt?sessionToken={token}";

#[rustfmt::skip]
const RULES: &[Rule] = &[
    // nginx says the same to everybody; since 2.6 bbb-web looks who asks.
    rule("2.4.0", "2.6.0", "GET", STUNS, (200, PAGE, TRUE), (200, PAGE, TRUE), "BBB#15436"),
    rule("2.6.0", "", "GET", STUNS, (200, PAGE, TRUE), (403, None, None), "BBB#15457"),
    rule("2.6.0", "", "OPTIONS", "/bigbluebutton/api/stuns", (200, PAGE, TRUE), (403, None, None), "BBB#15457"),
    rule("2.4.0", "2.6.0", "GET", ENTER, (200, PAGE, TRUE), (200, PAGE, TRUE), "BBB#15436"),
    rule("2.6.0", "3.0.0", "GET", ENTER, (200, PAGE, TRUE), (403, None, None), "BBB#15457"),
    // Whether the token is right is asked before anybody's cross-origin rule.
    rule("2.4.0", "", "OPTIONS", "/bigbluebutton/presentation/bogus/upload", (403, None, None), (403, None, None), "BBB#15457"),
    // Slides: nginx, whatever the status.
    rule("2.4.0", "3.0.0", "GET", SVG, (404, PAGE, TRUE), (404, PAGE, TRUE), "BBB#15436"),
    rule("2.4.0", "3.0.0", "GET", THUMBNAIL, (404, PAGE, TRUE), (404, PAGE, TRUE), "BBB#15436"),
    rule("2.4.0", "3.0.0", "GET", TEXT, (404, PAGE, TRUE), (404, PAGE, TRUE), "BBB#15436"),
    rule("2.6.0", "3.0.0", "GET", PDF, (404, PAGE, TRUE), (404, PAGE, TRUE), "BBB#15885"),
    rule("3.0.0", "3.0.27", "GET", SVG, (404, ANY, None), (404, ANY, None), "BBB#21361"),
    rule("3.0.0", "3.0.27", "GET", THUMBNAIL, (404, ANY, None), (404, ANY, None), "BBB#21361"),
    rule("3.0.0", "3.0.27", "GET", TEXT, (404, ANY, None), (404, ANY, None), "BBB#21361"),
    rule("3.0.0", "3.0.27", "GET", PDF, (404, ANY, None), (404, ANY, None), "BBB#21361"),
    rule("3.0.27", "3.0.28", "GET", SVG, (401, ANY, None), (401, ANY, None), "BBB#25020"),
    rule("3.0.27", "3.0.28", "GET", PDF, (401, ANY, None), (401, ANY, None), "BBB#25020"),
    rule("3.0.28", "", "GET", SVG, (401, PAGE, TRUE), (401, PAGE, TRUE), "BBB#25108"),
    rule("3.0.28", "", "GET", THUMBNAIL, (401, PAGE, TRUE), (401, PAGE, TRUE), "BBB#25108"),
    rule("3.0.28", "", "GET", TEXT, (401, PAGE, TRUE), (401, PAGE, TRUE), "BBB#25108"),
    rule("3.0.28", "", "GET", PDF, (401, PAGE, TRUE), (401, PAGE, TRUE), "BBB#25108"),
    // Meteor's sockets and Etherpad.
    rule("2.4.0", "3.0.0", "GET", "/bbb-01/html5client/sockjs/info", (200, ANY, None), (200, ANY, None), "SockJS: info"),
    rule("2.4.0", "2.6.0", "GET", EXPORT, (200, ANY, None), (200, ANY, None), "BBB#15436"),
    rule("2.6.0", "", "GET", EXPORT, (200, PAGE, TRUE), (200, None, None), "BBB#15753"),
    rule("2.4.0", "", "GET", "/pad/p/notes", (401, None, None), (401, None, None), "package file notes.nginx"),
    // What came with 3.0.
    rule("3.0.0", "", "GET", "/bigbluebutton/rtt-check", (200, ANY, None), (200, ANY, None), "BBB#23943"),
    rule("3.0.0", "", "OPTIONS", STATIC_DATA, (204, PAGE, TRUE), (204, None, None), "BBB#21132"),
    rule("3.0.0", "", "GET", STATIC_DATA, (401, None, None), (401, None, None), "BBB#23637"),
    rule("3.0.0", "", "OPTIONS", "/api/rest/userMetadata", (204, PAGE, TRUE), (204, None, None), "BBB#21132"),
    rule("3.0.0", "4.0.0", "OPTIONS", "/api/rest/clientSettings", (204, PAGE, TRUE), (204, None, None), "BBB#21132"),
    rule("4.0.0", "", "GET", "/api/rest/clientSettings", (404, None, None), (404, None, None), "announced with 3.0"),
    rule("3.0.0", "", "GET", "/livekit/rtc/validate", (401, ANY, None), (401, ANY, None), "LiveKit"),
    rule("3.0.10", "", "OPTIONS", "/plugins/x/locales.json", (204, ANY, None), (204, ANY, None), "BBB#23655"),
    rule("3.0.10", "", "GET", "/plugins/x/locales.json", (404, ANY, None), (404, ANY, None), "BBB#23655"),
    rule("3.0.20", "3.0.28", "OPTIONS", "/hocuspocus/api/x", (204, PAGE, TRUE), (204, Some(HOSTILE), TRUE), "BBB#24952"),
    rule("3.0.20", "3.0.28", "GET", NOTES, (200, PAGE, TRUE), (200, Some(HOSTILE), TRUE), "BBB#24952"),
    rule("3.0.28", "", "OPTIONS", "/hocuspocus/api/x", (204, PAGE, TRUE), (204, PAGE, TRUE), "BBB#25194"),
    rule("3.0.28", "", "GET", NOTES, (200, PAGE, TRUE), (200, PAGE, TRUE), "BBB#25194"),
];

const fn rule(
    since: &'static str,
    before: &'static str,
    method: &'static str,
    path: &'static str,
    page: Seen,
    hostile: Seen,
    source: &'static str,
) -> Rule {
    Rule { since, before, method, path, page, hostile, source }
}

impl Rule {
    fn holds_on(&self, release: &str) -> bool {
        let number = |text: &str| -> Vec<u32> {
            text.split('.').map(|part| part.parse().unwrap()).collect()
        };
        let release = number(release);
        release >= number(self.since) && (self.before.is_empty() || release < number(self.before))
    }

    async fn ask(&self, node: &Node, browser: &Browser, origin: &str) -> Answer {
        let path = self.path.replace("{token}", &browser.token);
        let mut headers = vec![("Origin", origin)];
        if self.method == "OPTIONS" {
            headers.push(("Access-Control-Request-Method", "GET"));
            headers.push(("Access-Control-Request-Headers", "x-session-token"));
        }
        if path != self.path {
            headers.push(("Cookie", browser.cookie.as_str()));
        }
        node.send(self.method, &path, &headers, b"").await
    }
}

/// All that browsers look at when pages of other origins ask.
fn cross_origin(answer: &Answer) -> Vec<(String, String)> {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name.starts_with("access-control-"));
    headers.sort();
    headers
}

async fn pages_read_what_they_may(releases: &[&'static str]) {
    for release in releases.iter().copied() {
        let configured = || Setup::stock().release(release).configured(configure_by_hand);
        let (own, nginx) = (configured().start().await, configured().start_with_nginx().await);
        let browsers =
            (own.browser("room", "MODERATOR").await, nginx.browser("room", "MODERATOR").await);
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| rule.holds_on(release)).collect();
        assert!(rules.len() >= 8, "{release}");
        for rule in rules {
            for (origin, wanted) in [(PROXY, rule.page), (HOSTILE, rule.hostile)] {
                let what = format!(
                    "{release}: {} {} of {origin} ({})",
                    rule.method, rule.path, rule.source
                );
                let answers = (
                    rule.ask(&own, &browsers.0, origin).await,
                    rule.ask(&nginx, &browsers.1, origin).await,
                );
                for (by, answer) in [("simulated", &answers.0), ("real", &answers.1)] {
                    let seen = (
                        answer.status,
                        answer.header("access-control-allow-origin"),
                        answer.header("access-control-allow-credentials"),
                    );
                    assert_eq!(seen, wanted, "{by} nginx, {what}");
                }
                assert_eq!(cross_origin(&answers.0), cross_origin(&answers.1), "{what}");
            }
        }
    }
}

#[test]
fn every_release_between_two_changes_is_asked() {
    for change in RULES.iter().flat_map(|rule| [rule.since, rule.before]) {
        let later = |release: &&str| {
            let rule = rule(change, "", "", "", (0, None, None), (0, None, None), "");
            rule.holds_on(release)
        };
        assert!(change.is_empty() || RELEASES.iter().any(later), "{change}");
    }
}

#[tokio::test]
async fn pages_read_what_they_may_before_2_6() {
    pages_read_what_they_may(&RELEASES[..3]).await;
}

#[tokio::test]
async fn pages_read_what_they_may_before_3_0() {
    pages_read_what_they_may(&RELEASES[3..6]).await;
}

#[tokio::test]
async fn pages_read_what_they_may_before_3_0_20() {
    pages_read_what_they_may(&RELEASES[6..9]).await;
}

#[tokio::test]
async fn pages_read_what_they_may_today() {
    pages_read_what_they_may(&RELEASES[9..]).await;
}

/// Timers need the node's time, which pages may read since 3.0.18 (BBB#23960, BBB#24285).
#[tokio::test]
async fn pages_read_the_nodes_time_since_3_0_18() {
    for (release, wanted) in [
        ("3.0.10", None),
        ("3.0.18", Some("X-Server-Epoch-Msec,X-Request-Id")),
        ("4.0.0", Some("X-Server-Epoch-Msec,X-Request-Id")),
    ] {
        let node = Setup::stock().release(release).start().await;
        let nginx = Setup::stock().release(release).start_with_nginx().await;
        for node in [&node, &nginx] {
            let answer = node.get_with("/bigbluebutton/rtt-check", &[("Origin", PROXY)]).await;
            let seen = answer.header("access-control-expose-headers");
            assert_eq!(seen, wanted, "{release}");
        }
    }
}

/// The session cookie's `SameSite` stands in the file that bbb-web of the release reads (BBB#23776).
#[tokio::test]
async fn the_session_cookie_is_as_its_file_says() {
    const YAML: &str = "usr/share/bbb-web/WEB-INF/classes/application.yml";
    const PROPERTIES: &str = "usr/share/bbb-web/WEB-INF/classes/application.properties";
    let yaml = "server:\n  servlet:\n    session:\n      cookie:\n        secure: true\n        SameSite: none\n";
    let properties = "server.servlet.session.cookie.SameSite=none\n";
    for (release, file, text, same_site) in [
        ("2.4.9", "etc/unread", "", false),
        ("2.7.17", YAML, yaml, true),
        ("3.0.10", YAML, yaml, true),
        ("3.0.28", "etc/unread", "", false),
        ("3.0.28", PROPERTIES, properties, true),
        ("4.0.0", PROPERTIES, properties, true),
    ] {
        let node = Setup::stock().release(release).file(file, text).start().await;
        node.api("create", "meetingID=room&name=Class").await.success();
        let joined = node.api("join", "fullName=Bo&meetingID=room&role=VIEWER").await;
        let cookie = joined.header("set-cookie").unwrap();
        let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
        // A cookie is `Secure` where the node is https.
        assert_eq!(attributes[..2], ["Path=/", "HttpOnly"], "{release} {file}: {cookie}");
        let found = attributes.iter().any(|one| one.eq_ignore_ascii_case("SameSite=none"));
        assert_eq!(found, same_site, "{release} {file}: {cookie}");
    }
}
