//! The sockets of the media servers: `/bbb-webrtc-sfu` and `/ws`.
//!
//! nginx asks bbb-web about session token and cookie before it passes the
//! upgrade on; the page's origin plays no part. No media flows: the client
//! tells which devices are open, and the node keeps count.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;

use super::upgrade;
use crate::{
    answer::Answer,
    meeting::{MediaReport, UserKey},
    state::NodeState,
};

/// Opens the socket of the selective forwarding unit for a user whom nginx let pass.
pub(crate) async fn sfu(node: &Arc<NodeState>, parts: &mut Parts, key: UserKey) -> Answer {
    let upgrade = match upgrade(parts).await {
        Ok(upgrade) => upgrade,
        Err(answer) => return answer,
    };
    let node = Arc::clone(node);
    let (tasks, power) = (node.tasks.clone(), node.power());
    upgrade.on_upgrade(move |socket| {
        tasks.track_future(async move {
            let number = node.next_socket();
            tokio::select! {
                () = power.cancelled() => {}
                () = media(&node, &key, number, socket) => {}
            }
            node.change(|meetings, _| meetings.report_media(&key, number, MediaReport::Closed));
        })
    })
}

/// Opens a socket that listens and says nothing: SIP, pads, notes
/// and LiveKit look like this to whoever only tests that they can be reached.
pub(crate) async fn listening(
    node: &Arc<NodeState>,
    parts: &mut Parts,
    protocol: Option<&'static str>,
) -> Answer {
    let mut upgrade = match upgrade(parts).await {
        Ok(upgrade) => upgrade,
        Err(answer) => return answer,
    };
    if let Some(protocol) = protocol {
        upgrade = upgrade.protocols([protocol]);
    }
    let (tasks, power) = (node.tasks.clone(), node.power());
    upgrade.on_upgrade(move |mut socket| {
        tasks.track_future(async move {
            tokio::select! {
                () = power.cancelled() => {}
                () = async { while let Some(Ok(_)) = socket.recv().await {} } => {}
            }
        })
    })
}

/// What the client says on the media socket.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    id: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    camera_id: String,
}

async fn media(node: &NodeState, key: &UserKey, number: u64, mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(request) = serde_json::from_str::<Request>(&text) else { continue };
        let report = match (request.id.as_str(), request.r#type.as_str()) {
            ("start", "audio") => Some(MediaReport::Microphone(true)),
            ("stop", "audio") => Some(MediaReport::Microphone(false)),
            ("start", "video") => Some(MediaReport::CameraOn(request.camera_id.clone())),
            ("stop", "video") => Some(MediaReport::CameraOff(request.camera_id.clone())),
            _ => None,
        };
        if let Some(report) = report {
            node.change(|meetings, _| meetings.report_media(key, number, report));
        }
        let reply = match request.id.as_str() {
            "ping" => json!({"id": "pong"}),
            "start" => json!({
                "id": "startResponse",
                "type": request.r#type,
                "cameraId": request.camera_id,
                "response": "accepted",
            }),
            _ => continue,
        };
        if socket.send(Message::text(reply.to_string())).await.is_err() {
            return;
        }
    }
}
