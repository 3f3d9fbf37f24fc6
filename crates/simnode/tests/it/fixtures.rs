//! Nodes that somebody else configured work, with the faults of their sources.
//! A real nginx stands in front: one of the recipes is a line of its site file.

use bluegate_simnode::{ClusterOf, FixtureError, Stock, configure_by_ansible, configure_by_hand};

use crate::{
    node::{Answer, Node, PROXY, SECRET, Setup},
    sockets::open,
};

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

/// What every configured node has in common.
async fn works(node: &Node, what: &str) {
    let browser = node.browser("room", "MODERATOR").await;
    let page = browser.location.split('?').next().unwrap();
    let page = page.strip_prefix(PROXY).unwrap_or_else(|| panic!("{what}: {page}"));
    let page = node.get(page).await;
    assert_eq!(page.status, 200, "{what}");
    assert!(page.text().contains("id=\"app\""), "{what}");
    let headers = [("Origin", PROXY), ("Cookie", browser.cookie.as_str())];
    let session = format!("?sessionToken={}", browser.token);
    let stuns = node.get_with(&format!("/bigbluebutton/api/stuns{session}"), &headers).await;
    assert_eq!(allowed(&stuns), Some(PROXY), "{what}");
    let export = node.get_with(&format!("/pad/p/x/export/txt{session}"), &headers).await;
    assert_eq!(export.status, 200, "{what}");
}

#[tokio::test]
async fn nodes_with_meteor_configured_by_hand() {
    for release in ["2.4.9", "2.5.9", "2.6.9", "2.6.18", "2.7.17"] {
        let node =
            Setup::stock().release(release).configured(configure_by_hand).start_with_nginx().await;
        works(&node, release).await;
        let slide = node.get("/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1").await;
        assert_eq!(allowed(&slide), Some(PROXY), "{release}");
        let locale = node.get("/html5client/locale?locale=de").await;
        let target = format!("{}/bbb-01/html5client/locale?locale=de", node.origin);
        assert_eq!(locale.header("location"), Some(target.as_str()), "{release}");
        // The dashboard's texts went with the package's locations.
        assert_eq!(node.get("/html5client/locales/en.json").await.status, 404, "{release}");
    }
}

#[tokio::test]
async fn nodes_with_a_static_client_configured_by_hand() {
    for (release, slides) in
        [("3.0.0", "*"), ("3.0.18", "*"), ("3.0.27", "*"), ("3.0.28", PROXY), ("4.0.0", PROXY)]
    {
        let node =
            Setup::stock().release(release).configured(configure_by_hand).start_with_nginx().await;
        works(&node, release).await;
        let slide = node.get("/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1").await;
        assert_eq!(allowed(&slide), Some(slides), "{release}");
        assert!(open(&node, "/graphql", &[("Origin", PROXY)]).await.is_ok(), "{release}");
        let headers = [("Origin", PROXY), ("Access-Control-Request-Headers", "x-session-token")];
        let rest = node.send("OPTIONS", "/api/rest/meetingStaticData", &headers, b"").await;
        assert_eq!(allowed(&rest), Some(PROXY), "{release}");
        let evil = [("Origin", "https://evil.example")];
        let rest = node.send("OPTIONS", "/api/rest/meetingStaticData", &evil, b"").await;
        assert_eq!(allowed(&rest), None, "{release}");
        // What the documentation's locations lack.
        let wasm = node.get("/bbb-01/html5client/wasm/noise-suppression.wasm").await;
        assert_eq!(wasm.header("content-type"), Some("application/octet-stream"), "{release}");
        let astray = node.get("/bbb-01/html5client../nginx/web.nginx").await;
        assert_eq!(astray.status, 200, "{release}");
    }
}

#[tokio::test]
async fn nodes_configured_by_ansible() {
    for release in ["2.6.18", "2.7.17", "3.0.10", "3.0.18", "3.0.28"] {
        let node = Setup::stock()
            .release(release)
            .configured(configure_by_ansible)
            .start_with_nginx()
            .await;
        works(&node, release).await;
        let exposed = node.get("/bbb-01/bigbluebutton/api").await.status;
        let rewrites = release.starts_with('3');
        assert_eq!(exposed, if rewrites { 200 } else { 404 }, "{release}");
        let query = "fullName=Bo&meetingID=room&role=VIEWER";
        let cookie = node.api("join", query).await.header("set-cookie").unwrap().to_owned();
        assert_eq!(cookie.ends_with("SameSite=Lax"), rewrites, "{release}: {cookie}");
    }
}

#[test]
fn the_role_has_no_recipe_for_other_lines() {
    let cluster = ClusterOf { origin: PROXY.to_owned(), mount: "bbb-01".to_owned() };
    for release in ["2.5.9", "4.0.0"] {
        let root = tempfile::tempdir().unwrap();
        let stock = Stock {
            origin: "https://bbb-01.example.org".to_owned(),
            secret: SECRET.to_owned(),
            release: release.to_owned(),
        };
        bluegate_simnode::install(root.path(), &stock).unwrap();
        let made = configure_by_ansible(root.path(), &cluster);
        assert!(matches!(made, Err(FixtureError::NoRecipe { .. })), "{release}");
    }
    let root = tempfile::tempdir().unwrap();
    assert!(configure_by_hand(root.path(), &cluster).is_err(), "no stock node");
}
