//! `/graphql`: the `graphql-transport-ws` protocol as the middleware speaks it.
//!
//! The upgrade is refused (403) for a page of a foreign origin. The first
//! message must prove the session; a bad one closes with 4403. A user with an
//! acknowledged socket is in the meeting, and leaves when the last one closes
//! (a real node waits some seconds for a reload first).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    presence::Presence,
    upgrade,
    view::{self, Mutation, Subject},
};
use crate::{
    answer::{self, Answer},
    cors::middleware_accepts,
    meeting::UserKey,
    state::NodeState,
};

/// How long a client may take to say who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many subscriptions one socket may hold.
const SUBSCRIPTIONS_MAX: usize = 64;

const PROTOCOL: &str = "graphql-transport-ws";

/// Opens the socket.
pub(crate) async fn graphql(node: &Arc<NodeState>, parts: &mut Parts) -> Answer {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if !middleware_accepts(
        &node.services.middleware().authorized_cross_origin,
        text(header::ORIGIN),
        host,
    ) {
        let reason = "request Origin is not authorized for this Host";
        return answer::with_type(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", reason);
    }
    let upgrade = match upgrade(parts).await {
        Ok(upgrade) => upgrade.protocols([PROTOCOL]),
        Err(answer) => return answer,
    };
    let headers = parts.headers.clone();
    let node = Arc::clone(node);
    let (tasks, power) = (node.tasks.clone(), node.power());
    upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            tokio::select! {
                () = power.cancelled() => {}
                () = serve(&node, &headers, socket) => {}
            }
        })
    })
}

/// A message of the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    ConnectionInit {
        #[serde(default)]
        payload: Value,
    },
    Subscribe {
        id: String,
        payload: Operation,
    },
    Complete {
        id: String,
    },
    Ping,
    Pong,
}

/// The GraphQL operation of a subscription; only its name and variables count.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    #[serde(default)]
    operation_name: String,
    #[serde(default)]
    variables: Value,
}

/// Why the node closes a socket.
struct Closing(u16, &'static str);

async fn serve(node: &NodeState, headers: &HeaderMap, mut socket: WebSocket) {
    let closing = match wait_for_init(node, headers, &mut socket).await {
        Ok(Some(key)) => {
            let presence = Presence::begin(node, key);
            converse(node, &presence.key, &mut socket).await
        }
        Ok(None) => return,
        Err(closing) => Some(closing),
    };
    if let Some(Closing(code, reason)) = closing {
        let frame = CloseFrame { code, reason: reason.into() };
        // The client may be gone already; nothing is left to do then.
        drop(socket.send(Message::Close(Some(frame))).await);
    }
}

/// The user the first message proves; `None` when the client went away.
async fn wait_for_init(
    node: &NodeState,
    headers: &HeaderMap,
    socket: &mut WebSocket,
) -> Result<Option<UserKey>, Closing> {
    let message = tokio::time::timeout(INIT_TIMEOUT, socket.recv())
        .await
        .map_err(|_| Closing(4408, "Connection initialisation timeout"))?;
    let Some(Ok(Message::Text(text))) = message else { return Ok(None) };
    let Ok(Incoming::ConnectionInit { payload }) = serde_json::from_str(&text) else {
        return Err(Closing(4401, "Unauthorized"));
    };
    let token = payload.pointer("/headers/X-Session-Token").and_then(Value::as_str);
    token
        .and_then(|token| node.authorize(token, headers))
        .map(Some)
        .ok_or(Closing(4403, "Forbidden"))
}

async fn converse(node: &NodeState, key: &UserKey, socket: &mut WebSocket) -> Option<Closing> {
    let mut changes = node.watch_changes();
    let mut subscriptions: BTreeMap<String, (Subject, Value)> = BTreeMap::new();
    send(socket, &json!({"type": "connection_ack"})).await?;
    loop {
        tokio::select! {
            changed = changes.changed() => {
                changed.ok()?;
                if node.read(|meetings| meetings.user(key).is_none()) {
                    return Some(Closing(4410, "Meeting ended"));
                }
                for (id, (subject, last)) in &mut subscriptions {
                    let data = view::read(node, key, *subject);
                    if data != *last {
                        last.clone_from(&data);
                        send(socket, &next(id, &data)).await?;
                    }
                }
            }
            message = socket.recv() => {
                let Message::Text(text) = message?.ok()? else { continue };
                let Ok(incoming) = serde_json::from_str::<Incoming>(&text) else {
                    return Some(Closing(4400, "Invalid message received"));
                };
                match incoming {
                    Incoming::Ping => send(socket, &json!({"type": "pong"})).await?,
                    Incoming::Pong => {}
                    Incoming::ConnectionInit { .. } => {
                        return Some(Closing(4429, "Too many initialisation requests"));
                    }
                    Incoming::Complete { id } => {
                        subscriptions.remove(&id);
                    }
                    Incoming::Subscribe { id, payload } => {
                        let name = payload.operation_name.as_str();
                        if let Some(subject) = Subject::of_operation(name) {
                            if subscriptions.len() >= SUBSCRIPTIONS_MAX {
                                return Some(Closing(4429, "Too many subscriptions"));
                            }
                            let data = view::read(node, key, subject);
                            send(socket, &next(&id, &data)).await?;
                            subscriptions.insert(id, (subject, data));
                        } else {
                            let result = Mutation::of_operation(name)
                                .and_then(|mutation| {
                                    view::mutate(node, key, mutation, &payload.variables)
                                });
                            match result {
                                Some(data) => {
                                    send(socket, &next(&id, &data)).await?;
                                    send(socket, &json!({"type": "complete", "id": id})).await?;
                                }
                                None => {
                                    let errors = json!([{"message": "not allowed or unknown"}]);
                                    let error = json!({"type": "error", "id": id, "payload": errors});
                                    send(socket, &error).await?;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn next(id: &str, data: &Value) -> Value {
    json!({"type": "next", "id": id, "payload": {"data": data}})
}

/// Sends one message; `None` when the client is gone.
async fn send(socket: &mut WebSocket, value: &Value) -> Option<()> {
    socket.send(Message::text(value.to_string())).await.ok()
}
