//! SockJS: the info answer, and a WebSocket whose frames wrap messages.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::ddp;
use crate::{
    answer::{self, Answer},
    socket::upgrade,
    state::NodeState,
};

/// How many messages one frame of a client may hold.
const MESSAGES_PER_FRAME: usize = 64;

/// Answers a path below `sockjs/`.
pub(super) async fn answer(node: &Arc<NodeState>, parts: &mut Parts, rest: &str) -> Answer {
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["info"] if [Method::GET, Method::OPTIONS].contains(&parts.method) => info(),
        [server, session, "websocket"] if is_word(server) && is_word(session) => {
            open(node, parts).await
        }
        _ => answer::empty(StatusCode::NOT_FOUND),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains('.')
}

/// What works here; any page may ask.
fn info() -> Answer {
    let value = json!({
        "websocket": true,
        "origins": ["*:*"],
        "cookie_needed": false,
        "entropy": rand::random::<u32>(),
    });
    let mut answer =
        answer::with_type(StatusCode::OK, "application/json; charset=UTF-8", value.to_string());
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, no-transform, must-revalidate, max-age=0"),
    );
    answer
}

/// Opens the socket for a page of any origin, with or without cookie: DDP's own
/// method proves who the user is.
async fn open(node: &Arc<NodeState>, parts: &mut Parts) -> Answer {
    let Ok(upgrade) = upgrade(parts).await else {
        // SockJS's own words for a request that is no upgrade.
        let text = "Can \"Upgrade\" only to \"WebSocket\".";
        return answer::with_type(StatusCode::BAD_REQUEST, "text/plain", text);
    };
    let node = Arc::clone(node);
    let (tasks, power) = (node.tasks.clone(), node.power());
    upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            tokio::select! {
                () = power.cancelled() => {}
                () = converse(&node, socket) => {}
            }
        })
    })
}

async fn converse(node: &NodeState, socket: WebSocket) {
    let mut connection = Connection { socket, waiting: Vec::new() };
    if connection.frame("o".to_owned()).await.is_none() {
        return;
    }
    if let Some(ddp::Closing(code, reason)) = ddp::converse(node, &mut connection).await {
        // The client may be gone already; nothing is left to do then.
        connection.frame(format!("c{}", json!([code, reason]))).await;
    }
}

/// A SockJS connection as its user sees it: messages in, messages out.
pub(super) struct Connection {
    socket: WebSocket,
    /// Messages of the last frame, in reverse order.
    waiting: Vec<Value>,
}

impl Connection {
    /// The next message; `None` when the client is gone or breaks the rules.
    pub(super) async fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.waiting.pop() {
                return Some(message);
            }
            let Message::Text(text) = self.socket.recv().await?.ok()? else { continue };
            let messages: Vec<String> = serde_json::from_str(&text).ok()?;
            if messages.len() > MESSAGES_PER_FRAME {
                return None;
            }
            let messages: Result<Vec<Value>, _> =
                messages.iter().rev().map(|message| serde_json::from_str(message)).collect();
            self.waiting = messages.ok()?;
        }
    }

    /// Sends a message; `None` when the client is gone.
    pub(super) async fn send(&mut self, message: &Value) -> Option<()> {
        self.frame(format!("a{}", json!([message.to_string()]))).await
    }

    async fn frame(&mut self, frame: String) -> Option<()> {
        self.socket.send(Message::text(frame)).await.ok()
    }
}
