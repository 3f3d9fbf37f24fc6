//! A 2.7 node: Meteor's pages, DDP over SockJS, the lobby, that line's API.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    node::{Browser, Node, PROXY, Setup, eventually, sign},
    sockets::{Socket, open},
};

/// A SockJS session below the mount.
const SOCKET: &str = "/bbb-01/html5client/sockjs/123/abcd1234/websocket";

/// The files of a 2.7 node behind a cluster's proxy.
fn clustered() -> Setup {
    let folder = "/usr/share/meteor/bundle/programs/web.browser";
    let environment = "[Service]\nEnvironment=ROOT_URL=https://127.0.0.1/bbb-01/html5client\nEnvironment=DDP_DEFAULT_CONNECTION_URL={origin}/bbb-01/html5client\n";
    Setup::stock()
        .release("2.7.17")
        .properties(&format!(
            "defaultHTML5ClientUrl={PROXY}/bbb-01/html5client/join\ndefaultGuestWaitURL={{origin}}/bbb-01/html5client/guestWait"
        ))
        .file(
            "etc/bigbluebutton/bbb-html5.yml",
            "public:\n  app:\n    basename: '/bbb-01/html5client'\n    bbbWebBase: '{origin}/bigbluebutton'\n",
        )
        .file("etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf", environment)
        .file("etc/systemd/system/bbb-html5-backend@.service.d/cluster.conf", environment)
        .file(
            "etc/default/bbb-web",
            format!("JDK_JAVA_OPTIONS=\"-Dgrails.cors.enabled=true -Dgrails.cors.allowCredentials=true -Dgrails.cors.allowedOrigins={PROXY},{{origin}}\"\n"),
        )
        .file(
            "etc/bigbluebutton/nginx/bbb-cluster.nginx",
            format!(
                "location = /html5client/locale {{ return 301 /bbb-01$request_uri; }}
                location ^~ /bbb-01/html5client/ {{ gzip_static on; alias {folder}/; try_files $uri @html5client; }}
                location ^~ /bbb-01/html5client/locales/ {{ alias {folder}/app/locales/; }}
                location ^~ /bbb-01/html5client/compatibility/ {{ gzip_static on; alias {folder}/app/compatibility/; }}"
            ),
        )
        .file(
            "etc/bigbluebutton/nginx/zz-bbb-cluster.nginx",
            format!("set $bbb_loadbalancer_node '{PROXY}';\n"),
        )
}

/// What stands in the page for the client to read.
fn runtime_config(page: &str) -> Value {
    let encoded = page.split("decodeURIComponent(\"").nth(1).unwrap().split('"').next().unwrap();
    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
    serde_json::from_str(&decoded).unwrap()
}

fn attributes<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    page.split(start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

async fn say(socket: &mut Socket, message: Value) {
    let frame = json!([message.to_string()]).to_string();
    socket.send(Message::text(frame)).await.unwrap();
}

/// The next frame: `o`, `c[...]` as written, else the message in it.
async fn hear(socket: &mut Socket) -> Value {
    let Message::Text(text) = socket.next().await.unwrap().unwrap() else { panic!("no text") };
    match text.strip_prefix('a') {
        Some(messages) => {
            let messages: Vec<String> = serde_json::from_str(messages).unwrap();
            serde_json::from_str(&messages[0]).unwrap()
        }
        None => Value::from(text.as_str()),
    }
}

/// Hears until a message of this kind comes.
async fn hear_kind(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let heard = hear(socket).await;
        if heard["msg"] == kind {
            return heard;
        }
    }
}

async fn call(socket: &mut Socket, method: &str, params: Value) -> Value {
    say(socket, json!({"msg": "method", "method": method, "params": params, "id": "1"})).await;
    hear_kind(socket, "result").await
}

/// The documents of a publication, until it is complete.
async fn subscribe(socket: &mut Socket, name: &str) -> Vec<Value> {
    say(socket, json!({"msg": "sub", "id": name, "name": name, "params": []})).await;
    let mut documents = Vec::new();
    loop {
        let heard = hear(socket).await;
        match heard["msg"].as_str() {
            Some("added") => documents.push(heard["fields"].clone()),
            Some("ready") => return documents,
            _ => {}
        }
    }
}

async fn enter(node: &Node, browser: &Browser) -> Value {
    let headers = [("Cookie", browser.cookie.as_str()), ("Origin", PROXY)];
    let path = format!("/bigbluebutton/api/enter?sessionToken={}", browser.token);
    let answer = node.get_with(&path, &headers).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(PROXY));
    answer.json()["response"].clone()
}

/// A DDP socket that has shaken hands.
async fn connected(node: &Node) -> Socket {
    let mut socket = open(node, SOCKET, &[("Origin", PROXY)]).await.unwrap();
    assert_eq!(hear(&mut socket).await, "o");
    say(&mut socket, json!({"msg": "connect", "version": "1", "support": ["1"]})).await;
    hear_kind(&mut socket, "connected").await;
    socket
}

/// A user who is in.
async fn joined(node: &Node, role: &str) -> (Browser, Value, Socket) {
    let browser = node.browser("room", role).await;
    let entered = enter(node, &browser).await;
    let mut socket = connected(node).await;
    let proof = json!([
        entered["meetingID"],
        entered["internalUserID"],
        entered["authToken"],
        entered["externUserID"]
    ]);
    let result = call(&mut socket, "validateAuthToken", proof).await;
    assert!(result["error"].is_null(), "{result}");
    (browser, entered, socket)
}

#[tokio::test]
async fn the_page_carries_the_settings_and_names_its_files_below_the_mount() {
    let node = clustered().start().await;
    let answer = node.get("/bbb-01/html5client/join?sessionToken=x").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let page = answer.text();
    let config = runtime_config(&page);
    assert_eq!(config["ROOT_URL"], "https://127.0.0.1/bbb-01/html5client");
    assert_eq!(config["ROOT_URL_PATH_PREFIX"], "/bbb-01/html5client");
    let ddp = format!("{}/bbb-01/html5client", node.origin);
    assert_eq!(config["DDP_DEFAULT_CONNECTION_URL"], ddp);
    assert_eq!(config["PUBLIC_SETTINGS"]["app"]["basename"], "/bbb-01/html5client");
    assert_eq!(config["PUBLIC_SETTINGS"]["media"]["cacheStunTurnServers"], true);
    assert!(config["PUBLIC_SETTINGS"]["analytics"].is_null(), "private settings stay private");

    let mut named = attributes(&page, "src=\"");
    named.extend(attributes(&page, "class=\"__meteor-css__\" href=\""));
    assert_eq!(named.len(), 5);
    for path in named {
        let absolute = path.starts_with("/bbb-01/html5client/") && path.contains("meteor_");
        assert!(absolute || path.starts_with("compatibility/"), "{path}");
        let path = if absolute { path.to_owned() } else { format!("/bbb-01/html5client/{path}") };
        let file = node.get_with(&path, &[("Accept-Encoding", "gzip")]).await;
        assert_eq!((file.status, file.header("content-encoding")), (200, Some("gzip")), "{path}");
    }
    // Whatever Meteor does not know is the client's page as well.
    assert_eq!(node.get("/bbb-01/html5client/whatever/there.js").await.body, page.as_bytes());
}

#[tokio::test]
async fn a_stock_node_serves_its_client_itself() {
    let node = Setup::stock().release("2.7.17").start().await;
    let config = runtime_config(&node.get("/html5client/join").await.text());
    assert_eq!(config["ROOT_URL_PATH_PREFIX"], "/html5client");
    assert!(config["DDP_DEFAULT_CONNECTION_URL"].is_null());
    let browser = node.browser("room", "VIEWER").await;
    let client = format!("{}/html5client/join?sessionToken=", node.origin);
    assert!(browser.location.starts_with(&client), "{}", browser.location);
}

#[tokio::test]
async fn without_the_mount_files_stay_and_meteor_is_gone() {
    let node = clustered().start().await;
    for (path, status) in [
        ("/html5client/join", 404),
        ("/html5client/check", 404),
        ("/html5client/sockjs/info", 404),
        ("/html5client/locales/en.json", 200),
        ("/html5client/resources/images/avatar.svg", 200),
        ("/bbb-01/html5client/check", 200),
        ("/bbb-01/html5client/sockjs/info", 200),
        ("/bbb-010/html5client/check", 404),
    ] {
        assert_eq!(node.get(path).await.status, status, "{path}");
    }
    assert_eq!(node.get("/html5client/join").await.text(), "Unknown path");
}

#[tokio::test]
async fn backends_serve_browsers_where_there_are_no_frontends() {
    let roles = "NUMBER_OF_FRONTEND_NODEJS_PROCESSES=0\n";
    let drop_in = "etc/systemd/system/bbb-html5-backend@.service.d/cluster.conf";
    for (environment, served) in
        [("[Service]\nEnvironment=ROOT_URL=https://x/other/html5client\n", 404), ("", 404)]
    {
        let setup = clustered().file("etc/bigbluebutton/bbb-html5-with-roles.conf", roles);
        let node = setup.file(drop_in, environment).start().await;
        assert_eq!(node.get("/bbb-01/html5client/check").await.status, served, "{environment}");
    }
    let setup = clustered().file("etc/bigbluebutton/bbb-html5-with-roles.conf", roles);
    assert_eq!(setup.start().await.get("/bbb-01/html5client/check").await.status, 200);
}

#[tokio::test]
async fn the_small_routes() {
    let node = clustered().start().await;
    let answer = node.get("/html5client/locale?locale=de-AT&init=true").await;
    assert_eq!(answer.status, 301);
    let moved = answer.header("location").unwrap();
    let wanted = "/bbb-01/html5client/locale?locale=de-AT&init=true";
    assert!(moved.ends_with(wanted), "{moved}");
    assert_eq!(node.get(wanted).await.json()["normalizedLocale"], "de");
    let table = [
        ("GET", "check", json!({"html5clientStatus": "running"})),
        ("POST", "feedback", json!({"status": "ok"})),
        ("POST", "__meteor__/dynamic-import/fetch", json!({})),
    ];
    for (method, path, expected) in table {
        let path = format!("/bbb-01/html5client/{path}");
        assert_eq!(node.send(method, &path, &[], b"{}").await.json(), expected, "{path}");
    }
    let languages = node.get("/bbb-01/html5client/locales/index.json").await.json();
    assert_eq!(languages.as_array().unwrap().len(), 60);
    let agent = node.get_with("/bbb-01/html5client/useragent", &[("User-Agent", "x/1")]).await;
    assert_eq!(agent.json(), "x/1");
    assert_eq!(node.send("POST", "/bbb-01/html5client/join", &[], b"x").await.status, 405);
    let old = format!("/bbb-01/html5client/{}.js?meteor_js_resource=true", "0".repeat(40));
    let missing = node.get(&old).await;
    assert_eq!((missing.status, missing.header("cache-control")), (200, Some("no-cache")));
    assert!(missing.text().starts_with("console.error"));
}

#[tokio::test]
async fn enter_wants_token_and_cookie() {
    let node = clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    assert!(
        browser.location.starts_with(&format!("{PROXY}/bbb-01/html5client/join?sessionToken="))
    );
    let entered = enter(&node, &browser).await;
    assert_eq!((&entered["returncode"], &entered["fullname"]), (&json!("SUCCESS"), &json!("Ada")));
    assert_eq!(
        (&entered["externMeetingID"], &entered["role"]),
        (&json!("room"), &json!("MODERATOR"))
    );
    let path = format!("/bigbluebutton/api/enter?sessionToken={}", browser.token);
    let refused = node.get(&path).await.json();
    assert_eq!(refused["response"]["messageKey"], "missingSession");
    let foreign = [("Cookie", browser.cookie.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(node.get_with(&path, &foreign).await.status, 403);
}

#[tokio::test]
async fn a_guest_waits_in_the_lobby_of_the_node_until_let_in() {
    let node = clustered().start().await;
    node.api("create", "name=Class&meetingID=room&guestPolicy=ASK_MODERATOR").await.success();
    let (_, _, mut socket) = joined(&node, "MODERATOR").await;
    let guest = node.browser("room", "VIEWER").await;
    let lobby = format!("{}/bbb-01/html5client/guestWait", node.origin);
    assert!(guest.location.starts_with(&format!("{lobby}?sessionToken=")), "{}", guest.location);
    assert!(node.get("/bbb-01/html5client/guestWait").await.text().contains("api/guestWait"));

    let path = format!("/bigbluebutton/api/guestWait?sessionToken={}&redirect=false", guest.token);
    let cookie = [("Cookie", guest.cookie.as_str())];
    let waiting = node.get_with(&path, &cookie).await.json()["response"].clone();
    assert_eq!(
        (&waiting["guestStatus"], &waiting["messageKey"]),
        (&json!("WAIT"), &json!("guestWait"))
    );
    assert_eq!(waiting["positionInWaitingQueue"], 1);

    let users = subscribe(&mut socket, "users").await;
    assert!(users.iter().any(|user| user["guestStatus"] == "WAIT"), "{users:?}");
    call(&mut socket, "allowPendingUsers", json!([waiting["user_id"]])).await;
    let allowed = node.get_with(&path, &cookie).await.json()["response"].clone();
    assert_eq!(allowed["guestStatus"], "ALLOW");
    let client = format!("{PROXY}/bbb-01/html5client/join?sessionToken={}", guest.token);
    assert_eq!(allowed["url"], client);
    let redirected = node.get_with(&path.replace("&redirect=false", ""), &cookie).await;
    assert_eq!((redirected.status, redirected.header("location")), (302, Some(client.as_str())));
}

#[tokio::test]
async fn sockjs_tells_any_page_that_sockets_work() {
    let node = clustered().start().await;
    let info = node.get_with("/bbb-01/html5client/sockjs/info?cb=x", &[("Origin", PROXY)]).await;
    assert_eq!(info.header("access-control-allow-origin"), Some("*"));
    assert_eq!(info.json()["websocket"], true);
    assert_eq!(node.get(SOCKET).await.status, 400);
    assert_eq!(node.get("/bbb-01/html5client/sockjs/123/abcd1234/xhr").await.status, 404);
}

#[tokio::test]
async fn a_user_is_in_once_the_auth_token_is_proved_and_while_the_socket_is_open() {
    let node = clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    let entered = enter(&node, &browser).await;
    let mut socket = connected(&node).await;
    let wrong = json!([entered["meetingID"], entered["internalUserID"], "wrong", "x"]);
    let refused = call(&mut socket, "validateAuthToken", wrong).await;
    assert_eq!(refused["error"]["error"], 401);
    let early = call(&mut socket, "createBreakoutRoom", json!([])).await;
    assert_eq!(early["error"]["error"], 401);
    assert_eq!(node.sim.meetings()[0].participants, 0);

    let right = json!([entered["meetingID"], entered["internalUserID"], entered["authToken"], "x"]);
    assert!(call(&mut socket, "validateAuthToken", right).await["error"].is_null());
    let users = subscribe(&mut socket, "users").await;
    assert_eq!((&users[0]["name"], &users[0]["presenter"]), (&json!("Ada"), &json!(true)));
    assert_eq!(node.sim.meetings()[0].participants, 1);
    socket.close(None).await.unwrap();
    eventually("the user has left", || node.sim.meetings()[0].participants == 0).await;
}

#[tokio::test]
async fn slide_upload_and_breakout_room() {
    let node = clustered().start().await;
    let (browser, _, mut socket) = joined(&node, "MODERATOR").await;
    let slide = subscribe(&mut socket, "slides").await[0]["svgUrl"].as_str().unwrap().to_owned();
    let path = slide.strip_prefix(&node.origin).unwrap().to_owned();
    // No cookie, no token: on this line slides are for whoever knows their address.
    let answer = node.get_with(&path, &[("Origin", PROXY)]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(PROXY)));

    let token = call(&mut socket, "requestPresentationUploadToken", json!([])).await;
    let upload =
        format!("/bigbluebutton/presentation/{}/upload", token["result"].as_str().unwrap());
    let preflight = [("Origin", PROXY), ("Access-Control-Request-Method", "POST")];
    assert_eq!(node.send("OPTIONS", &upload, &preflight, b"").await.status, 200);
    let body = b"--b\r\nContent-Disposition: form-data; name=\"fileUpload\"; filename=\"new.pdf\"\r\n\r\n%PDF\r\n--b--\r\n";
    let form = [("Content-Type", "multipart/form-data; boundary=b"), ("Origin", PROXY)];
    assert_eq!(node.send("POST", &upload, &form, body).await.text(), "upload-success");
    let changed = hear_kind(&mut socket, "changed").await;
    assert_eq!(changed["fields"]["presentationName"], "new.pdf");

    assert!(call(&mut socket, "createBreakoutRoom", json!([])).await["error"].is_null());
    let rooms = subscribe(&mut socket, "breakouts").await;
    let path = rooms[0]["joinURL"].as_str().unwrap().strip_prefix(&node.origin).unwrap().to_owned();
    let answer = node.get_with(&path, &[("Cookie", &browser.cookie)]).await;
    let client = format!("{PROXY}/bbb-01/html5client/join?sessionToken=");
    assert!(answer.header("location").unwrap().starts_with(&client));

    node.api("end", "meetingID=room").await.success();
    loop {
        let heard = hear(&mut socket).await;
        if let Some(frame) = heard.as_str() {
            assert_eq!(frame, "c[4410,\"Meeting ended\"]");
            break;
        }
    }
}

#[tokio::test]
async fn viewers_are_refused_what_moderators_do() {
    let node = clustered().start().await;
    let (_, _, mut socket) = joined(&node, "VIEWER").await;
    for method in
        ["createBreakoutRoom", "requestPresentationUploadToken", "allowPendingUsers", "unknown"]
    {
        let result = call(&mut socket, method, json!(["w_x"])).await;
        assert_eq!(result["error"]["error"], 401, "{method}");
    }
    say(&mut socket, json!({"msg": "sub", "id": "9", "name": "unknown", "params": []})).await;
    assert_eq!(hear_kind(&mut socket, "nosub").await["error"]["error"], 404);
}

#[tokio::test]
async fn the_origin_of_slides_is_what_the_last_file_sets() {
    let slide = "/bigbluebutton/presentation/aaaa/aaaa/bbbb/svg/1";
    let early = ("etc/bigbluebutton/nginx/aa-cluster.nginx", PROXY);
    let late = ("etc/bigbluebutton/nginx/zz-cluster.nginx", PROXY);
    for ((file, origin), allowed) in [(early, None), (late, Some(PROXY))] {
        let setup = Setup::stock().release("2.7.17");
        let node =
            setup.file(file, format!("set $bbb_loadbalancer_node '{origin}';")).start().await;
        let answer = node.get_with(slide, &[("Origin", PROXY)]).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{file}");
        let credentials = answer.header("access-control-allow-credentials");
        assert_eq!(credentials, allowed.map(|_| "true"), "{file}");
    }
}

#[tokio::test]
async fn the_api_of_the_line() {
    let node = clustered().start().await;
    let index = node.get("/bigbluebutton/api").await.success();
    assert_eq!(
        index.element_names(),
        ["response", "returncode", "version", "apiVersion", "bbbVersion"]
    );
    for path in ["/graphql", "/api/rest/meetingStaticData", "/bigbluebutton/rtt-check"] {
        assert_eq!(node.get(path).await.status, 404, "{path}");
    }
    assert_eq!(node.api("getJoinUrl", "sessionToken=x").await.status, 404);
    node.api("create", "name=Big&meetingID=big&maxParticipants=1000").await.success();
    for (call, query) in [("getMeetingInfo", "meetingID=big"), ("getMeetings", "")] {
        let answer = node.api(call, query).await.success();
        assert_eq!(answer.element("maxUsers").as_deref(), Some("1,000"), "{call}");
    }
}

/// Before 2.7.8 a form is signed over its sorted parameters and any type will
/// do; since then the checksum covers the query alone.
#[tokio::test]
async fn posted_forms_before_and_since_2_7_8() {
    let sorted = "meetingID=room&name=Test+Room";
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for (release, over_body, over_query) in [("2.7.7", true, false), ("2.7.8", false, true)] {
        let node = Setup::stock().release(release).start().await;
        for (checksum, right) in
            [(sign("create", sorted), over_body), (sign("create", ""), over_query)]
        {
            let body = format!("name=Test+Room&meetingID=room&checksum={checksum}");
            let answer =
                node.send("POST", "/bigbluebutton/api/create", &[form], body.as_bytes()).await;
            let code = answer.element("returncode").unwrap();
            assert_eq!(code == "SUCCESS", right, "{release}: {}", answer.text());
        }
        let query = format!("{sorted}&checksum={}", sign("create", sorted));
        let path = format!("/bigbluebutton/api/create?{query}");
        let odd = node.send("POST", &path, &[("Content-Type", "text/plain")], b"x").await;
        let refused = odd.element("messageKey").as_deref() == Some("unsupportedContentType");
        assert_eq!(refused, over_query, "{release}");
    }
}

/// Where the client is told to find the presentation as a file.
pub(crate) async fn download_url(node: &Node) -> Value {
    let browser = node.browser("files", "MODERATOR").await;
    let path = format!("/bigbluebutton/api/enter?sessionToken={}", browser.token);
    let entered = node.get_with(&path, &[("Cookie", &browser.cookie)]).await.json();
    let entered = &entered["response"];
    let path = "/html5client/sockjs/123/abcd1234/websocket";
    let mut socket = open(node, path, &[]).await.unwrap();
    assert_eq!(hear(&mut socket).await, "o");
    say(&mut socket, json!({"msg": "connect", "version": "1", "support": ["1"]})).await;
    hear_kind(&mut socket, "connected").await;
    let token = json!([
        entered["meetingID"],
        entered["internalUserID"],
        entered["authToken"],
        entered["externUserID"]
    ]);
    call(&mut socket, "validateAuthToken", token).await;
    let slides = subscribe(&mut socket, "slides").await;
    slides[0]["downloadUrl"].clone()
}
