//! What a client opens besides the API and its main socket: pads, LiveKit, the
//! shared notes server, the dashboard, uploads, the lobby.

use serde_json::Value;

use crate::{
    node::{Answer, Browser, Node, PROXY, Setup},
    sockets::open,
};

const EVIL: &str = "https://evil.example";

async fn clustered() -> (Node, Browser) {
    let node = Setup::clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    (node, browser)
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_pad_needs_the_session_and_etherpads_own_cookie() {
    let (node, browser) = clustered().await;
    let query = format!("padName=notes&sessionID=s.1&lang=de&sessionToken={}", browser.token);
    let path = format!("/pad/auth_session?{query}");
    assert_eq!(node.get(&path).await.status, 401);
    let answer = node.get_with(&path, &[("Cookie", &browser.cookie)]).await;
    assert_eq!(answer.status, 302);
    let pad = answer.header("location").unwrap();
    assert_eq!(pad, format!("/pad/p/notes?lang=de&sessionToken={}", browser.token));
    assert_eq!(answer.header("set-cookie"), Some("sessionID=s.1; Path=/"));
    let with_cookie = async |cookie: &str| node.get_with(pad, &[("Cookie", cookie)]).await.status;
    assert_eq!(with_cookie(&browser.cookie).await, 403);
    assert_eq!(with_cookie(&format!("{}; sessionID=s.1", browser.cookie)).await, 200);
    let socket = format!("/pad/socket.io/?EIO=4&sessionToken={}", browser.token);
    let opened = open(&node, &socket, &[("Cookie", &browser.cookie)]).await;
    assert!(opened.is_ok());
    assert_eq!(open(&node, &socket, &[]).await.err(), Some(401));
}

#[tokio::test]
async fn livekit_asks_for_a_token_of_its_own_and_any_origin_may_ask() {
    let (node, browser) = clustered().await;
    assert_eq!(node.get("/livekit/").await.text(), "OK");
    let answer =
        node.api("join", "fullName=Bo&meetingID=room&role=VIEWER&redirect=false").await.success();
    let token = answer.element("auth_token").unwrap();
    let path = format!("/livekit/rtc?access_token={token}");
    assert!(open(&node, &path, &[("Origin", EVIL)]).await.is_ok());
    assert_eq!(open(&node, "/livekit/rtc?access_token=x", &[]).await.err(), Some(401));
    let refused = node.get_with("/livekit/rtc/validate", &[("Origin", EVIL)]).await;
    assert_eq!((refused.status, allowed(&refused)), (401, Some("*")));
    drop(browser);
}

#[tokio::test]
async fn notes_are_read_by_the_cluster_since_3_0_28_and_by_anybody_before() {
    let export = "/hocuspocus/api/documents/notes/export/txt";
    for (release, seen) in [("3.0.26", EVIL), ("3.0.28", PROXY)] {
        let node = Setup::clustered().release(release).start().await;
        let browser = node.browser("room", "MODERATOR").await;
        let path = format!("{export}?sessionToken={}", browser.token);
        let headers = [("Origin", EVIL), ("Cookie", browser.cookie.as_str())];
        let answer = node.get_with(&path, &headers).await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(seen)), "{release}");
        let socket = format!("/hocuspocus/collaboration?sessionToken={}", browser.token);
        assert!(open(&node, &socket, &headers).await.is_ok(), "{release}");
        assert_eq!(open(&node, &socket, &headers[..1]).await.err(), Some(401), "{release}");
    }
}

#[tokio::test]
async fn the_dashboards_data_is_for_moderators() {
    let (node, browser) = clustered().await;
    let viewer = node.browser("room", "VIEWER").await;
    let ask = async |browser: &Browser| {
        let path = format!("/bigbluebutton/api/learningDashboard?sessionToken={}", browser.token);
        node.get_with(&path, &[("Cookie", &browser.cookie)]).await.json()["response"].clone()
    };
    let data = ask(&browser).await;
    assert_eq!(data["returncode"], "SUCCESS");
    let data: Value = serde_json::from_str(data["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["users"], serde_json::json!(["Ada", "Ada"]));
    assert_eq!(ask(&viewer).await["returncode"], "FAILED");
}

#[tokio::test]
async fn the_stun_server_is_the_nodes_own_and_answers() {
    let (node, browser) = clustered().await;
    let path = format!("/bigbluebutton/api/stuns?sessionToken={}", browser.token);
    let servers = node.get_with(&path, &[("Cookie", &browser.cookie)]).await.json();
    let url = servers["stunServers"][0]["url"].as_str().unwrap().to_owned();
    let turn = servers["turnServers"][0]["url"].as_str().unwrap();
    let address = url.strip_prefix("stun:").unwrap();
    assert_eq!(turn, format!("turn:{address}?transport=udp"));
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    socket.send_to(&request, address).await.unwrap();
    let mut answer = [0; 64];
    let received = tokio::time::timeout(*crate::node::PATIENCE, socket.recv_from(&mut answer));
    assert_eq!(received.await.unwrap().unwrap().0, 32);
    assert_eq!(answer[..2], [1, 1]);
}

#[tokio::test]
async fn a_moderator_decides_about_the_lobby() {
    for (release, decision, expected) in
        [("2.7.17", "allow", "ALLOW"), ("2.7.17", "deny", "DENY"), ("2.4.9", "allow", "ALLOW")]
    {
        let node = Setup::stock().release(release).start().await;
        node.api("create", "meetingID=room&name=Class&guestPolicy=ASK_MODERATOR").await.success();
        let joined = node.api("join", "fullName=Bo&meetingID=room&role=VIEWER&guest=true").await;
        let location = joined.header("location").unwrap();
        assert!(location.contains("/html5client/guestWait?"), "{release}: {location}");
        let token = location.split_once("sessionToken=").unwrap().1;
        let cookie = joined.header("set-cookie").unwrap().split(';').next().unwrap();
        let path = format!("/bigbluebutton/api/guestWait?sessionToken={token}&redirect=false");
        let status = async || {
            let answer = node.get_with(&path, &[("Cookie", cookie)]).await.json();
            answer["response"]["guestStatus"].as_str().unwrap().to_owned()
        };
        assert_eq!(status().await, "WAIT", "{release}");
        let order = format!("{{\"meeting_id\":\"room\",\"decision\":\"{decision}\"}}");
        let decided = node.send("POST", "/_simnode/guests", &[], order.as_bytes()).await;
        assert_eq!(decided.json()["decided"], 1, "{release}");
        assert_eq!(status().await, expected, "{release}");
    }
}
