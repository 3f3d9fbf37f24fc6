//! A user in a meeting of a simulated node: what a browser does once its join
//! was answered.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, header};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::cluster::{Frontend, Reply};

type Socket = WebSocketStream<TcpStream>;

/// What a user has switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Devices {
    None,
    Microphone,
    MicrophoneAndCamera,
}

/// In the meeting until it is dropped.
#[derive(Debug)]
pub(crate) struct Participant {
    /// What proves the presence.
    _presence: Socket,
    /// What tells of the devices.
    _media: Option<Socket>,
}

/// What a browser has after its join.
struct Session {
    address: SocketAddr,
    token: String,
    cookie: String,
}

impl Participant {
    /// Enters by what the node at `address` answered to a join; `at_node` calls
    /// that node.
    pub(crate) async fn enter(
        at_node: &Frontend,
        address: SocketAddr,
        joined: &Reply,
        devices: Devices,
    ) -> Self {
        let location = joined.location();
        let (_, token) = location.split_once("sessionToken=").unwrap();
        let cookie = joined.headers[header::SET_COOKIE].to_str().unwrap();
        let session = Session {
            address,
            token: token.split('&').next().unwrap().to_owned(),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        };
        // The client of 2.x is a page of Meteor's.
        let presence = if location.contains("/html5client/join?") {
            session.by_meteor(at_node).await
        } else {
            session.by_graphql().await
        };
        Self { _presence: presence, _media: session.media(devices).await }
    }
}

impl Session {
    async fn open(&self, path: &str, protocol: Option<&str>) -> Socket {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = Request::builder()
            .uri(format!("ws://{}{path}", self.address))
            .header("Host", self.address.to_string())
            .header("Cookie", &self.cookie)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(protocol) = protocol {
            request = request.header("Sec-WebSocket-Protocol", protocol);
        }
        client_async(request.body(()).unwrap(), stream).await.unwrap().0
    }

    async fn by_graphql(&self) -> Socket {
        let mut socket = self.open("/graphql", Some("graphql-transport-ws")).await;
        let headers = json!({ "headers": { "X-Session-Token": self.token } });
        say(&mut socket, &json!({ "type": "connection_init", "payload": headers })).await;
        let heard = hear(&mut socket).await;
        assert!(heard.contains("connection_ack"), "{heard}");
        socket
    }

    async fn by_meteor(&self, at_node: &Frontend) -> Socket {
        let path = format!("/enter?sessionToken={}", self.token);
        let cookie = HeaderValue::from_str(&self.cookie).unwrap();
        let entered = at_node.request("GET", &path, None, &[(header::COOKIE, cookie)]).await;
        let entered: Value = serde_json::from_str(&entered.text).unwrap();
        let of = |name: &str| entered["response"][name].clone();
        let mut socket = self.open("/html5client/sockjs/123/abcd1234/websocket", None).await;
        let connect = json!({ "msg": "connect", "version": "1", "support": ["1"] });
        let proof = [of("meetingID"), of("internalUserID"), of("authToken"), of("externUserID")];
        let validate =
            json!({ "msg": "method", "method": "validateAuthToken", "params": proof, "id": "1" });
        for (message, answer) in [(connect, "connected"), (validate, "result")] {
            // SockJS: a list of texts.
            say(&mut socket, &json!([message.to_string()])).await;
            let wanted = format!("\\\"msg\\\":\\\"{answer}\\\"");
            let mut heard = hear(&mut socket).await;
            while !heard.contains(&wanted) {
                heard = hear(&mut socket).await;
            }
            assert!(!heard.contains("\\\"error\\\":{"), "{heard}");
        }
        socket
    }

    async fn media(&self, devices: Devices) -> Option<Socket> {
        let mut starts = match devices {
            Devices::None => return None,
            Devices::Microphone | Devices::MicrophoneAndCamera => {
                vec![json!({ "id": "start", "type": "audio" })]
            }
        };
        if devices == Devices::MicrophoneAndCamera {
            starts.push(json!({ "id": "start", "type": "video", "cameraId": "camera-1" }));
        }
        let path = format!("/bbb-webrtc-sfu?sessionToken={}", self.token);
        let mut socket = self.open(&path, None).await;
        for start in starts {
            say(&mut socket, &start).await;
            let heard = hear(&mut socket).await;
            assert!(heard.contains("accepted"), "{heard}");
        }
        Some(socket)
    }
}

async fn say(socket: &mut Socket, value: &Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}
