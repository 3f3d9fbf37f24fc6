//! A node behind a real nginx, which alone decides locations, authorisation,
//! variables and headers of its own.

use bluegate_simnode::{NginxError, RestartError, StartError, Unit};

use crate::{
    node::{Answer, PROXY, Setup},
    sockets::open,
};

const CLUSTER: &str = "etc/bigbluebutton/nginx/bbb-cluster.nginx";
const SLIDE: &str = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1";

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn stock_nodes_with_meteor_start_and_serve_their_client() {
    stock_nodes_serve_their_client(&["2.4.3", "2.5.9", "2.6.9", "2.7.17"]).await;
}

#[tokio::test]
async fn stock_nodes_with_a_static_client_start_and_serve_it() {
    stock_nodes_serve_their_client(&["3.0.0", "3.0.27", "3.0.28", "4.0.0"]).await;
}

async fn stock_nodes_serve_their_client(releases: &[&'static str]) {
    for release in releases.iter().copied() {
        let node = Setup::stock().release(release).start_with_nginx().await;
        let browser = node.browser("room", "MODERATOR").await;
        let is_2_x = release.starts_with('2');
        let page = if is_2_x { "/html5client/join" } else { "/html5client/" };
        let page = node.get(page).await;
        assert_eq!(page.status, 200, "{release}");
        assert!(page.text().contains("id=\"app\""), "{release}");
        assert!(page.header("server").unwrap().starts_with("nginx"), "{release}");
        let session = format!("?sessionToken={}", browser.token);
        let cookie = ("Cookie", browser.cookie.as_str());
        for socket in ["/bbb-webrtc-sfu", "/ws", "/pad/socket.io/"] {
            let socket = format!("{socket}{session}");
            assert!(open(&node, &socket, &[cookie]).await.is_ok(), "{release} {socket}");
            assert_eq!(open(&node, &socket, &[]).await.err(), Some(401), "{release} {socket}");
        }
        let meeting = &node.sim.meetings()[0].internal_meeting_id;
        let slide = format!("/bigbluebutton/presentation/{meeting}/{meeting}/none/svg/1{session}");
        assert_eq!(node.get_with(&slide, &[cookie]).await.status, 404, "{release}");
        if is_2_x {
            let info = node.get("/html5client/sockjs/info").await;
            assert_eq!(info.json()["websocket"], true, "{release}");
        } else {
            let headers = [("x-session-token", browser.token.as_str()), cookie];
            let settings = node.get_with("/api/rest/meetingStaticData", &headers).await;
            assert_eq!(settings.status, 200, "{release}: {settings:?}");
            assert_eq!(settings.json()["meeting"][0]["extId"], "room", "{release}");
            assert_eq!(settings.header("x-cached"), Some("MISS"), "{release}");
            let again = node.get_with("/api/rest/meetingStaticData", &headers).await;
            assert_eq!(again.header("x-cached"), Some("HIT"), "{release}");
        }
    }
}

/// What a slide allows once the cluster is named in this file.
async fn slide_with(release: &'static str, file: &'static str, text: &str) -> Answer {
    let node = Setup::stock().release(release).file(file, text).start_with_nginx().await;
    node.get_with(SLIDE, &[("Origin", PROXY)]).await
}

/// Before 3.0.28 a package file sets the variable to nothing, in any case: only
/// a file included after the packages' wins.
#[tokio::test]
async fn the_old_variable_is_set_by_who_comes_last() {
    let text = format!("set $bbb_loadbalancer_node '{PROXY}';\n");
    for release in ["2.4.9", "2.5.9", "2.6.18", "2.7.17"] {
        let early = slide_with(release, CLUSTER, &text).await;
        assert_eq!((early.status, allowed(&early)), (404, None), "{release}");
        let late = "etc/bigbluebutton/nginx/zz-bbb-cluster.nginx";
        let late = slide_with(release, late, &text).await;
        assert_eq!((late.status, allowed(&late)), (404, Some(PROXY)), "{release}");
        assert_eq!(late.header("access-control-allow-credentials"), Some("true"), "{release}");
    }
}

/// Since 3.0.28 the package file sets the variable only where it is empty.
#[tokio::test]
async fn the_new_variable_may_be_set_before_or_after() {
    let text = format!("set $bbb_cors_origin '{PROXY}';\n");
    for release in ["3.0.28", "4.0.0"] {
        for file in [CLUSTER, "etc/bigbluebutton/nginx/zz-bbb-cluster.nginx"] {
            let slide = slide_with(release, file, &text).await;
            assert_eq!((slide.status, allowed(&slide)), (401, Some(PROXY)), "{release} {file}");
        }
        let stock = slide_with(release, CLUSTER, "# nothing\n").await;
        assert_eq!((stock.status, allowed(&stock)), (401, Some("*")), "{release}");
    }
    for (release, status) in [("3.0.26", 404), ("3.0.27", 401)] {
        let slide = slide_with(release, CLUSTER, &text).await;
        assert_eq!((slide.status, allowed(&slide)), (status, Some("*")), "{release}");
        assert_eq!(slide.header("access-control-allow-credentials"), None, "{release}");
    }
}

#[tokio::test]
async fn nginx_names_what_it_does_not_load_and_goes_on() {
    let node = Setup::clustered().start_with_nginx().await;
    assert!(node.sim.test_nginx().unwrap().contains("test is successful"));
    for (text, said) in [
        (
            "set $bbb_cors_origin 'x'\nlocation /a { return 404; }",
            "directive \"set\" is not terminated by \";\"",
        ),
        ("set $bbb_cors_origin 'x'", "unexpected end of file, expecting \";\" or \"}\""),
        // It blames the file it reads later, here the package's.
        (
            "location /html5client { return 404; }",
            "duplicate location \"/html5client\" in /usr/share/bigbluebutton/nginx/bbb-html5.nginx",
        ),
        ("location /x { alias /y/; ", "unexpected end of file, expecting \"}\""),
    ] {
        node.write("etc/bigbluebutton/nginx/broken.nginx", text);
        let Err(NginxError::Refused { output }) = node.sim.test_nginx() else { panic!("{text}") };
        assert!(output.contains(said), "{text}: {output}");
        let reload = node.sim.restart(Unit::Nginx);
        assert!(matches!(reload, Err(RestartError::Nginx(_))), "{text}");
        assert_eq!(node.get("/html5client/").await.status, 200, "{text}");
    }
    let broken = Setup::stock().file(CLUSTER, "}").try_start_with_nginx().await;
    assert!(matches!(broken.err(), Some(StartError::Nginx(NginxError::Refused { .. }))));
}

#[tokio::test]
async fn a_reload_is_needed_and_enough() {
    let node = Setup::stock().start_with_nginx().await;
    node.write(CLUSTER, "location = /own { return 204; }");
    assert_eq!(node.get("/own").await.status, 404);
    node.sim.restart(Unit::Nginx).unwrap();
    assert_eq!(node.get("/own").await.status, 204);
}

/// `alias` with `try_files`, the redirect of the bare path, types and listings of
/// the files that a cluster's node adds.
#[tokio::test]
async fn the_client_below_its_mount() {
    let node = Setup::clustered().start_with_nginx().await;
    let bare = node.get("/bbb-01/html5client?sessionToken=x").await;
    let target = format!("{}/bbb-01/html5client/?sessionToken=x", node.origin);
    assert_eq!((bare.status, bare.header("location")), (301, Some(target.as_str())));
    let own = node.get("/html5client/").await;
    for path in ["/bbb-01/html5client/", "/bbb-01/html5client/index.html"] {
        let page = node.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")), "{path}");
        assert_eq!(page.body, own.body, "{path}");
        assert_eq!(page.header("cache-control"), None, "{path}");
    }
    assert_eq!(node.get("/bbb-01/html5client/nothing.js").await.status, 404);
    let listing = node.get("/bbb-01/html5client/locales/").await;
    assert_eq!(listing.json()[0]["type"], "file");
    let wasm = "/bbb-01/html5client/wasm/noise-suppression.wasm";
    let wasm = node.get_with(wasm, &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));
    assert_eq!(wasm.header("content-encoding"), Some("gzip"), "its .gz sibling");
    // A look-alike mount is another one.
    assert_eq!(node.get("/bbb-011/html5client/").await.status, 404);
}

#[tokio::test]
async fn without_a_location_of_its_own_wasm_has_no_type() {
    let text = "location ^~ /m/html5client/ { alias /usr/share/bigbluebutton/html5-client/; }";
    let node = Setup::stock().file(CLUSTER, text).start_with_nginx().await;
    let wasm = node.get("/m/html5client/wasm/noise-suppression.wasm").await;
    assert_eq!(wasm.header("content-type"), Some("application/octet-stream"));
}

/// A prefix without and an `alias` with a slash lead out of the folder; with a
/// slash on both sides they do not. `/etc` is out of reach either way.
#[tokio::test]
async fn an_alias_with_one_slash_too_few_leads_astray() {
    let folder = "/usr/share/bigbluebutton/html5-client/";
    let node = Setup::stock()
        .file(
            CLUSTER,
            format!(
                "location /open/html5client {{ alias {folder}; }}\nlocation ^~ /safe/html5client/ {{ alias {folder}; }}\nlocation ^~ /locales/html5client/locales {{ alias {folder}locales; }}"
            ),
        )
        .start_with_nginx()
        .await;
    let status = async |path: &str| node.get(path).await.status;
    assert_eq!(status("/open/html5client../nginx/web.nginx").await, 200);
    assert_eq!(status("/html5client../nginx/web.nginx").await, 200, "the package's own location");
    assert_eq!(status("/safe/html5client../nginx/web.nginx").await, 404);
    assert_eq!(status("/locales/html5client/locales../index.html").await, 404);
    assert_eq!(
        status("/open/html5client../../../../etc/bigbluebutton/bbb-web.properties").await,
        400
    );
}

/// One line in the site file serves every client location below the mount, and
/// every other path of the node as well.
#[tokio::test]
async fn a_rewrite_of_the_mount_serves_more_than_the_client() {
    let text = "rewrite ^/bbb-01/(.*)$ /$1 last;\n";
    let node =
        Setup::stock().file("etc/bigbluebutton/nginx/aa.nginx", text).start_with_nginx().await;
    assert_eq!(node.get("/bbb-01/html5client/").await.status, 200);
    assert_eq!(node.get("/bbb-01/bigbluebutton/api/getMeetings").await.status, 200);
    // On 2.x the path that Meteor is asked for no longer has its prefix.
    let environment = "[Service]\nEnvironment=ROOT_URL=https://127.0.0.1/bbb-01/html5client\n";
    let node = Setup::stock()
        .release("2.7.17")
        .file("etc/bigbluebutton/nginx/aa.nginx", text)
        .file("etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf", environment)
        .start_with_nginx()
        .await;
    assert_eq!(node.get("/bbb-01/html5client/join").await.status, 404);
}

/// nginx keeps the engine's answer for all who are in the meeting, with the
/// cross-origin headers, or their absence, that it had for the first.
#[tokio::test]
async fn the_first_to_ask_for_settings_decides_what_the_others_may_read() {
    let node = Setup::clustered().start_with_nginx().await;
    let path = "/api/rest/meetingStaticData";
    for (meeting, first, later) in [("one", None, None), ("two", Some(PROXY), Some(PROXY))] {
        let browser = node.browser(meeting, "MODERATOR").await;
        let token = ("x-session-token", browser.token.as_str());
        let mut headers = vec![token, ("Cookie", &browser.cookie)];
        headers.extend(first.map(|origin| ("Origin", origin)));
        assert_eq!(node.get_with(path, &headers).await.header("x-cached"), Some("MISS"));
        let headers = [token, ("Cookie", &browser.cookie), ("Origin", PROXY)];
        let answer = node.get_with(path, &headers).await;
        assert_eq!(answer.header("x-cached"), Some("HIT"), "{meeting}");
        assert_eq!(allowed(&answer), later, "{meeting}");
    }
}

#[tokio::test]
async fn refusals_of_nginx_carry_no_cross_origin_headers() {
    let node = Setup::clustered().start_with_nginx().await;
    let origin = [("Origin", PROXY)];
    let refused = node.get_with("/api/rest/meetingStaticData", &origin).await;
    assert_eq!((refused.status, allowed(&refused)), (401, None));
    let headers = [
        ("Origin", PROXY),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x-session-token"),
    ];
    let preflight = node.send("OPTIONS", "/api/rest/meetingStaticData", &headers, b"").await;
    assert_eq!((preflight.status, allowed(&preflight)), (204, Some(PROXY)));
    for method in ["OPTIONS", "POST"] {
        let upload = "/bigbluebutton/presentation/bogus/upload";
        let upload = node.send(method, upload, &headers[..2], b"").await;
        assert_eq!((upload.status, allowed(&upload)), (403, None), "{method}");
    }
    for question in ["connection/checkAuthorization", "presentation/checkPresentation"] {
        let asked = node.get(&format!("/bigbluebutton/{question}")).await;
        assert_eq!(asked.status, 404, "{question} is nginx's to ask");
    }
    for socket in ["/bbb-webrtc-sfu?sessionToken=probe", "/ws?sessionToken=probe"] {
        assert_eq!(open(&node, socket, &origin).await.err(), Some(401), "{socket}");
    }
    assert_eq!(
        open(&node, "/graphql", &[("Origin", "https://evil.example")]).await.err(),
        Some(403)
    );
    assert!(open(&node, "/graphql", &origin).await.is_ok());
    assert_eq!(node.get("/livekit/").await.text(), "OK");
}

/// `add_header` inside an `if` replaces those outside it (BBB#15436).
#[tokio::test]
async fn headers_inside_an_if_replace_those_outside() {
    let late = "etc/bigbluebutton/nginx/zz-bbb-cluster.nginx";
    let text = format!("set $bbb_loadbalancer_node '{PROXY}';\n");
    let stock = Setup::stock().release("2.5.9").start_with_nginx().await;
    let answer = stock.get("/bigbluebutton/api").await;
    assert_eq!((allowed(&answer), answer.header("p3p").is_some()), (None, true));
    let node = Setup::stock().release("2.5.9").file(late, text).start_with_nginx().await;
    let answer = node.get("/bigbluebutton/api").await;
    assert_eq!((allowed(&answer), answer.header("p3p").is_some()), (Some(PROXY), false));
}
