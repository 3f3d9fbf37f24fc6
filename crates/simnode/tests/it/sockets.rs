//! The WebSockets: GraphQL and media.

use futures_util::{SinkExt, StreamExt};
use http::Request;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use crate::node::{Browser, Node, PROXY, Setup, eventually};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Opens a socket; `Err` is the status of the refusal.
pub(crate) async fn open(node: &Node, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
    let stream = TcpStream::connect(node.address).await.unwrap();
    let mut request = Request::builder()
        .uri(format!("ws://{}{path}", node.host()))
        .header("Host", node.host())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match client_async(request.body(()).unwrap(), stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn open_graphql(node: &Node, browser: &Browser, origin: &str) -> Socket {
    let headers = [
        ("Origin", origin),
        ("Cookie", &browser.cookie),
        ("Sec-WebSocket-Protocol", "graphql-transport-ws"),
    ];
    open(node, "/graphql", &headers).await.unwrap()
}

async fn say(socket: &mut Socket, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    match socket.next().await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Close(frame) => json!({"close": u16::from(frame.unwrap().code)}),
        other => panic!("{other:?}"),
    }
}

async fn init(socket: &mut Socket, token: &str) -> Value {
    say(
        socket,
        json!({"type": "connection_init", "payload": {"headers": {"X-Session-Token": token}}}),
    )
    .await;
    hear(socket).await
}

async fn ask(socket: &mut Socket, id: &str, operation: &str) -> Value {
    say(socket, json!({"type": "subscribe", "id": id, "payload": {"operationName": operation, "query": ""}})).await;
    loop {
        let heard = hear(socket).await;
        if heard["id"] == id && heard["type"] != "complete" {
            return heard;
        }
    }
}

pub(crate) async fn joined(node: &Node, meeting: &str) -> (Browser, Socket) {
    let browser = node.browser(meeting, "MODERATOR").await;
    let mut socket = open_graphql(node, &browser, PROXY).await;
    assert_eq!(init(&mut socket, &browser.token).await["type"], "connection_ack");
    (browser, socket)
}

#[tokio::test]
async fn graphql_judges_the_origin_of_the_page() {
    let node = Setup::clustered().start().await;
    let own = node.origin.clone();
    let table = [
        (Some(PROXY), Ok(())),
        (Some(own.as_str()), Ok(())),
        (None, Ok(())),
        (Some("https://evil.example"), Err(403)),
        (Some("http://bbb.cluster.localhost"), Err(403)),
        (Some("http://bbb.cluster.localhost:8081"), Err(403)),
    ];
    for (origin, expected) in table {
        let headers: Vec<_> = origin.map(|origin| ("Origin", origin)).into_iter().collect();
        let opened = open(&node, "/graphql", &headers).await.map(drop);
        assert_eq!(opened, expected, "{origin:?}");
    }
    let record = node.sim.records().pop().unwrap();
    assert_eq!((record.cors_accepted, record.upgrade.as_deref()), (Some(false), Some("websocket")));
}

#[tokio::test]
async fn graphql_wants_token_and_cookie() {
    let node = Setup::clustered().start().await;
    let browser = node.browser("room", "MODERATOR").await;
    let mut socket = open_graphql(&node, &browser, PROXY).await;
    assert_eq!(init(&mut socket, "wrong").await, json!({"close": 4403}));
    let mut socket = open(&node, "/graphql", &[("Origin", PROXY)]).await.unwrap();
    assert_eq!(init(&mut socket, &browser.token).await, json!({"close": 4403}));
    let mut socket = open_graphql(&node, &browser, PROXY).await;
    say(&mut socket, json!({"type": "ping"})).await;
    assert_eq!(hear(&mut socket).await, json!({"close": 4401}));
    assert_eq!(node.get("/graphql").await.status, 426);
}

#[tokio::test]
async fn a_user_is_in_while_the_socket_is_open() {
    let node = Setup::clustered().start().await;
    let (_, mut socket) = joined(&node, "room").await;
    let users = ask(&mut socket, "1", "Users").await;
    assert_eq!(users["payload"]["data"]["user"][0]["name"], "Ada");
    assert_eq!(users["payload"]["data"]["user"][0]["presenter"], true);
    let info = node.api("getMeetingInfo", "meetingID=room").await;
    assert_eq!(info.element("running").as_deref(), Some("true"));
    assert_eq!(info.element("participantCount").as_deref(), Some("1"));
    assert_eq!(info.element("moderatorCount").as_deref(), Some("1"));
    assert!(
        info.text().contains(
            "<fullName>Ada</fullName><role>MODERATOR</role><isPresenter>true</isPresenter>"
        )
    );
    socket.close(None).await.unwrap();
    eventually("the user has left", || node.sim.meetings()[0].participants == 0).await;
    let info = node.api("getMeetingInfo", "meetingID=room").await;
    assert_eq!(info.element("hasUserJoined").as_deref(), Some("true"));
    assert_eq!(info.element("running").as_deref(), Some("false"));
}

#[tokio::test]
async fn ending_a_meeting_closes_its_sockets() {
    let node = Setup::clustered().start().await;
    let (_, mut socket) = joined(&node, "room").await;
    node.api("end", "meetingID=room").await.success();
    assert_eq!(hear(&mut socket).await, json!({"close": 4410}));
}

#[tokio::test]
async fn the_slide_a_member_is_told_of_can_be_fetched() {
    let node = Setup::clustered().start().await;
    let (browser, mut socket) = joined(&node, "room").await;
    let page = ask(&mut socket, "1", "CurrentPage").await;
    let url = page["payload"]["data"]["pres_page_curr"][0]["svgUrl"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&node.origin).unwrap();
    let headers = [("Origin", PROXY), ("Cookie", browser.cookie.as_str())];
    let slide = node.get_with(&format!("{path}?sessionToken={}", browser.token), &headers).await;
    assert_eq!((slide.status, slide.header("content-type")), (200, Some("image/svg+xml")));
    assert!(slide.text().contains("Slide 1"));
    for kind in ["thumbnail", "textfiles"] {
        let path = path.replace("/svg/", &format!("/{kind}/"));
        assert_eq!(
            node.get_with(&format!("{path}?sessionToken={}", browser.token), &headers).await.status,
            200,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_upload_with_preflight() {
    let node = Setup::clustered().start().await;
    let (_, mut socket) = joined(&node, "room").await;
    let before = ask(&mut socket, "2", "CurrentPage").await;
    let token = ask(&mut socket, "1", "PresentationRequestUploadToken").await;
    let token =
        token["payload"]["data"]["presentationRequestUploadToken"].as_str().unwrap().to_owned();
    let path = format!("/bigbluebutton/presentation/{token}/upload");
    let preflight = [("Origin", PROXY), ("Access-Control-Request-Method", "POST")];
    let answer = node.send("OPTIONS", &path, &preflight, b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(PROXY)));
    let body = b"--b\r\nContent-Disposition: form-data; name=\"fileUpload\"; filename=\"new.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--b--\r\n";
    let form = ("Content-Type", "multipart/form-data; boundary=b");
    let foreign = node.send("POST", &path, &[form, ("Origin", "https://evil.example")], body).await;
    assert_eq!(foreign.status, 403);
    let kept = node.send("POST", &path, &[form, ("Origin", PROXY)], body).await;
    assert_eq!((kept.status, kept.text().as_str()), (200, "upload-success"));
    assert_eq!(kept.header("access-control-allow-origin"), Some(PROXY));
    assert_eq!(node.send("POST", &path, &[form, ("Origin", PROXY)], body).await.status, 403);
    let page = ask(&mut socket, "3", "CurrentPage").await;
    assert_eq!(page["payload"]["data"]["pres_page_curr"][0]["presentationName"], "new.pdf");
    let url = |page: &Value| page["payload"]["data"]["pres_page_curr"][0]["svgUrl"].to_string();
    assert_ne!(url(&page), url(&before), "browsers would show the slide they have");
    assert!(node.sim.records().iter().all(|record| !record.path.contains(&token)));
}

#[tokio::test]
async fn media_sockets_need_the_session_and_count_devices() {
    let node = Setup::clustered().start().await;
    let (browser, _graphql) = joined(&node, "room").await;
    let path = format!("/bbb-webrtc-sfu?sessionToken={}", browser.token);
    let cookie = [("Cookie", browser.cookie.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(open(&node, "/bbb-webrtc-sfu?sessionToken=x", &cookie).await.map(drop), Err(401));
    assert_eq!(open(&node, &path, &[]).await.map(drop), Err(401));
    assert_eq!(open(&node, "/ws?sessionToken=x", &cookie).await.map(drop), Err(401));
    let sip = format!("/ws?sessionToken={}", browser.token);
    assert_eq!(open(&node, &sip, &cookie).await.map(drop), Ok(()));

    let mut media = open(&node, &path, &cookie).await.unwrap();
    say(&mut media, json!({"id": "start", "type": "audio"})).await;
    assert_eq!(hear(&mut media).await["response"], "accepted");
    say(&mut media, json!({"id": "start", "type": "video", "cameraId": "c1"})).await;
    assert_eq!(hear(&mut media).await["cameraId"], "c1");
    let info = node.api("getMeetingInfo", "meetingID=room").await;
    assert_eq!(info.element("voiceParticipantCount").as_deref(), Some("1"));
    assert_eq!(info.element("videoCount").as_deref(), Some("1"));
    assert!(info.text().contains("<hasJoinedVoice>true</hasJoinedVoice><hasVideo>true</hasVideo>"));
    media.close(None).await.unwrap();
    eventually("the devices are off", || {
        let meeting = &node.sim.meetings()[0];
        (meeting.voices, meeting.cameras) == (0, 0)
    })
    .await;
}

#[tokio::test]
async fn a_breakout_room_is_joined_with_a_url_of_the_node() {
    let node = Setup::clustered().start().await;
    let create = "name=Class&meetingID=room&meta_bluegate-stamp=v1.x";
    node.api("create", create).await.success();
    let (browser, mut socket) = joined(&node, "room").await;
    let made = ask(&mut socket, "1", "BreakoutRoomCreate").await;
    assert!(made["payload"]["data"]["breakoutRoomCreate"].is_string(), "{made}");
    let rooms = ask(&mut socket, "2", "BreakoutRooms").await;
    let url = rooms["payload"]["data"]["breakoutRoom"][0]["joinURL"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&node.origin).unwrap();
    let answer = node.get_with(path, &[("Cookie", &browser.cookie)]).await;
    assert_eq!(answer.status, 302, "{answer:?}");
    assert!(
        answer
            .header("location")
            .unwrap()
            .starts_with(&format!("{PROXY}/bbb-01/html5client/?sessionToken="))
    );
    let room = node.sim.meetings().into_iter().find(|meeting| meeting.is_breakout).unwrap();
    assert_eq!(room.metadata.get("bluegate-stamp").map(String::as_str), Some("v1.x"));
    let info =
        node.api("getMeetingInfo", &format!("meetingID={}", room.meeting_id)).await.success();
    assert_eq!(info.element("isBreakout").as_deref(), Some("true"));
    assert_eq!(info.element("sequence").as_deref(), Some("1"));
    let parent = node.api("getMeetingInfo", "meetingID=room").await.success();
    assert_eq!(parent.element("breakout"), Some(room.meeting_id));
    assert_eq!(info.element("parentMeetingID"), parent.element("internalMeetingID"));
}

#[tokio::test]
async fn viewers_make_no_rooms_and_upload_nothing() {
    let node = Setup::clustered().start().await;
    let browser = node.browser("room", "VIEWER").await;
    let mut socket = open_graphql(&node, &browser, PROXY).await;
    assert_eq!(init(&mut socket, &browser.token).await["type"], "connection_ack");
    for (id, operation) in [
        ("1", "BreakoutRoomCreate"),
        ("2", "PresentationRequestUploadToken"),
        ("3", "GuestAdmit"),
        ("4", "Unknown"),
    ] {
        assert_eq!(ask(&mut socket, id, operation).await["type"], "error", "{operation}");
    }
}
