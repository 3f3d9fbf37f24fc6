//! Where a scoped tenant's meeting ID shows and where the node's does, on the
//! surfaces of docs/ids.md that no other file is about.

use http::{HeaderValue, header};
use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::{
    cluster::{Cluster, eventually},
    simulated::{Kind, Simulated},
};

#[tokio::test]
async fn an_internal_id_is_the_nodes_own() {
    let simulated = Simulated::start(&[Kind::STOCK]).await;
    for (tenant, on_node) in [("default", "class"), ("physics", "bg1.physics.class")] {
        let frontend = simulated.cluster.frontend(tenant);
        let created = frontend.create("class").await;
        let hash: String =
            Sha1::digest(on_node.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let wanted = format!("{hash}-{}", created.text("createTime").unwrap());
        assert_eq!(created.text("internalMeetingID").as_ref(), Some(&wanted), "{tenant}");
        // It names the meeting everywhere, to its tenant alone.
        for (tenant, found) in [(tenant, true), ("history", false)] {
            let frontend = simulated.cluster.frontend(tenant);
            let info = frontend.get("getMeetingInfo", &format!("meetingID={wanted}")).await;
            assert_eq!(info.text.contains("<returncode>SUCCESS"), found, "{tenant}");
        }
    }
}

#[tokio::test]
async fn an_id_of_256_characters_lives_like_any_other() {
    let simulated = Simulated::start(&[Kind::STOCK]).await;
    // 256 as Java counts: an emoji is two.
    let long = format!("{}{}", "%F0%9F%8E%93".repeat(3), "x".repeat(250));
    let shown = format!("{}{}", "\u{1f393}".repeat(3), "x".repeat(250));
    let frontend = simulated.cluster.frontend("physics");
    assert_eq!(frontend.create(&long).await.text("meetingID").as_ref(), Some(&shown));
    let on_node = simulated.nodes[0].meetings()[0].meeting_id.clone();
    assert!(on_node.starts_with("bg1.physics..") && on_node.len() <= 256, "{on_node}");
    eventually("it is listed", async || frontend.listed().await == [shown.as_str()]).await;
    let query = format!("meetingID={long}&fullName=J&role=VIEWER");
    let join = frontend.get("join", &query).await;
    let joined = simulated.follow(&frontend, join.location()).await;
    assert!(joined.location().contains("/html5client"), "{}", joined.location());
    let info = frontend.get("getMeetingInfo", &format!("meetingID={long}")).await.answer();
    assert_eq!(info.text("meetingID").as_ref(), Some(&shown));
    assert_eq!(frontend.create(&long).await.key(), "duplicateWarning");
    let ended = frontend.get("end", &format!("meetingID={long}")).await;
    assert_eq!(ended.answer().key(), "sentEndMeetingRequest");
    let longer = frontend.get("create", &format!("name=Class&meetingID={long}x")).await;
    assert_eq!(longer.failure(), "sizeError");
}

#[tokio::test]
async fn a_join_url_that_a_node_gives_its_user_leads_to_that_node() {
    let simulated = Simulated::start(&[Kind::STOCK]).await;
    let frontend = simulated.cluster.frontend("physics");
    frontend.create("class").await;
    let join = frontend.get("join", "meetingID=class&fullName=J&role=VIEWER").await;
    let joined = simulated.follow(&frontend, join.location()).await;
    let (_, token) = joined.location().split_once("sessionToken=").unwrap();
    let cookie = joined.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap();
    let cookie = [(header::COOKIE, HeaderValue::from_str(cookie).unwrap())];
    let path = format!("/getJoinUrl?sessionToken={token}");
    let mut browser = frontend.clone();
    browser.base = format!("http://{}/bigbluebutton/api", simulated.nodes[0].address());
    let given = browser.request("GET", &path, None, &cookie).await;
    let given: Value = serde_json::from_str(&given.text).unwrap();
    let url = given["response"]["url"].as_str().unwrap();
    assert!(url.contains("meetingID=bg1.physics.class"), "{url}");
    let again = simulated.follow(&frontend, url).await;
    assert!(again.location().contains("/html5client"), "{}", again.location());
    // The scaler knows no session, so nobody gets such a URL from it.
    let asked = frontend.raw("GET", &path, None).await;
    assert!(!asked.text.contains("bg1.") && !asked.text.contains("SUCCESS"), "{}", asked.text);
}

#[tokio::test]
async fn the_token_for_the_id_is_replaced_in_logout_urls_alone() {
    let cluster = Cluster::start(1).await;
    let frontend = cluster.frontend("physics");
    let query = "name=x&meetingID=a%26b&welcome=%25%25MEETINGID%25%25\
        &logoutURL=https%3A%2F%2Flms%2F%25%25MEETINGID%25%25";
    frontend.get("create", query).await.answer();
    let parameters = &cluster.nodes[0].meetings()[0].parameters;
    assert_eq!(parameters["welcome"], "%%MEETINGID%%", "BBB replaces it in no welcome either");
    assert_eq!(parameters["logoutURL"], "https://lms/a%26b");
}
