//! A user in a meeting of a simulated node of 3.0: what a browser does once its join was
//! answered.

use bluegate_testkit::http;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::cluster::{ReadyNode, sign};

type Socket = WebSocketStream<TcpStream>;

/// In the meeting until it is dropped.
pub(crate) struct Participant {
    /// What proves the presence, and what tells of the devices.
    _sockets: [Socket; 2],
}

impl Participant {
    /// Joins at the node itself, with these devices (`audio`, `video`) switched on.
    pub(crate) async fn enter(node: &ReadyNode, meeting: &str, devices: &[&str]) -> Self {
        let parameters = [("meetingID", meeting), ("fullName", "Ada"), ("role", "VIEWER")];
        let query = sign("join", &parameters, &node.secret);
        let join = http::Request::get(&format!("/bigbluebutton/api/join?{query}"));
        let joined = join.send(&node.address).await.unwrap();
        let client = joined.header("location").unwrap();
        let token = client.split("sessionToken=").nth(1).unwrap().split('&').next().unwrap();
        let cookie = joined.header("set-cookie").unwrap().split(';').next().unwrap();

        let mut presence = open(node, "graphql", cookie, Some("graphql-transport-ws")).await;
        let headers = json!({ "headers": { "X-Session-Token": token } });
        let init = json!({ "type": "connection_init", "payload": headers });
        assert!(ask(&mut presence, &init).await.contains("connection_ack"));

        let path = format!("bbb-webrtc-sfu?sessionToken={token}");
        let mut media = open(node, &path, cookie, None).await;
        for device in devices {
            let start = json!({ "id": "start", "type": device, "cameraId": "camera-1" });
            assert!(ask(&mut media, &start).await.contains("accepted"));
        }
        Self { _sockets: [presence, media] }
    }
}

async fn open(node: &ReadyNode, path: &str, cookie: &str, protocol: Option<&str>) -> Socket {
    let mut request = format!("ws://{}/{path}", node.address).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Cookie", cookie.parse().unwrap());
    if let Some(protocol) = protocol {
        headers.insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    }
    let stream = TcpStream::connect(&node.address).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

async fn ask(socket: &mut Socket, message: &Value) -> String {
    socket.send(Message::text(message.to_string())).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}
