//! `/_simnode/`: looking at a node and ordering faults over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /_simnode/records` | `{"records":[Record, ...]}`, oldest first |
//! | `GET /_simnode/meetings` | `{"meetings":[MeetingSummary, ...]}` |
//! | `GET /_simnode/faults` | `{"faults":[Fault, ...]}` that have not struck yet |
//! | `POST /_simnode/faults` | body: one [`Fault`]; 204 |
//! | `DELETE /_simnode/faults` | forgets all orders; 204 |
//! | `POST /_simnode/restart` | body: `{"unit":"bbb-web"}`; 204, or 409 with the reason when its files are bad |
//! | `POST /_simnode/guests` | body: `{"meeting_id":"m","decision":"allow"}` or `deny`: about all who wait; `{"decided":1}` |
//! | `GET /_simnode/callbacks` | `{"callbacks":[Callback, ...]}` that were sent, oldest first |
//! | `POST /_simnode/recording-ready` | body: `{"meeting_id":"m","record_id":"r","url":"http://..."}`; 202 |
//! | `POST /_simnode/power` | body: `{"off_ms":3000}`; 202, then the node is off for so long |
//!
//! Requests that carry an `Origin` are refused: no page of another site may
//! play with a demo that runs on somebody's machine.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::json;

use crate::{
    answer::{self, Answer, Caching},
    callbacks::{News, RecordingReady},
    fault::Fault,
    meeting::{GuestStatus, MeetingSummary},
    service::Unit,
    state::NodeState,
};

const PREFIX: &str = "/_simnode/";

/// The largest order.
const ORDER_MAX: usize = 64 * 1024;

/// Whether a path belongs here.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request of the control interface.
pub(crate) async fn answer(node: &Arc<NodeState>, parts: &Parts, body: Body) -> Answer {
    let what = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    if parts.headers.contains_key(header::ORIGIN) {
        return answer::page(StatusCode::FORBIDDEN);
    }
    match (&parts.method, what) {
        (&Method::GET, "records") => shown(&json!({ "records": node.records.all() })),
        (&Method::GET, "meetings") => {
            let meetings: Vec<MeetingSummary> =
                node.read(|meetings| meetings.iter().map(MeetingSummary::of).collect());
            shown(&json!({ "meetings": meetings }))
        }
        (&Method::GET, "faults") => shown(&json!({ "faults": node.faults.waiting() })),
        (&Method::POST, "faults") => match read::<Fault>(body).await {
            Ok(fault) => match node.faults.order(fault) {
                Ok(()) => answer::empty(StatusCode::NO_CONTENT),
                Err(error) => wrong(&error),
            },
            Err(answer) => answer,
        },
        (&Method::DELETE, "faults") => {
            node.faults.clear();
            answer::empty(StatusCode::NO_CONTENT)
        }
        (&Method::POST, "restart") => match read::<RestartOrder>(body).await {
            Ok(order) => restart(node, &order.unit).await,
            Err(answer) => answer,
        },
        (&Method::POST, "guests") => match read::<GuestOrder>(body).await {
            Ok(order) => {
                let decision = match order.decision {
                    Decision::Allow => GuestStatus::Allow,
                    Decision::Deny => GuestStatus::Deny,
                };
                let id = order.meeting_id;
                let decided =
                    node.change(|meetings, now| meetings.decide_on_guests(&id, decision, now));
                match decided {
                    Some(decided) => shown(&json!({ "decided": decided })),
                    None => answer::page(StatusCode::NOT_FOUND),
                }
            }
            Err(answer) => answer,
        },
        (&Method::GET, "callbacks") => shown(&json!({ "callbacks": node.callbacks.sent() })),
        (&Method::POST, "recording-ready") => match read::<RecordingReady>(body).await {
            Ok(ready) => match node.callbacks.tell(News::RecordingReady(ready)) {
                true => answer::empty(StatusCode::ACCEPTED),
                false => answer::page(StatusCode::SERVICE_UNAVAILABLE),
            },
            Err(answer) => answer,
        },
        (&Method::POST, "power") => match read::<PowerOrder>(body).await {
            Ok(order) if node.order_outage(Duration::from_millis(order.off_ms)) => {
                answer::empty(StatusCode::ACCEPTED)
            }
            Ok(_) => answer::page(StatusCode::SERVICE_UNAVAILABLE),
            Err(answer) => answer,
        },
        _ => answer::page(StatusCode::NOT_FOUND),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerOrder {
    off_ms: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RestartOrder {
    unit: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct GuestOrder {
    meeting_id: String,
    decision: Decision,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Deny,
}

async fn restart(node: &Arc<NodeState>, unit: &str) -> Answer {
    let Some(unit) = Unit::of_name(unit) else { return answer::page(StatusCode::NOT_FOUND) };
    let node = Arc::clone(node);
    // A real nginx takes its time.
    match tokio::task::spawn_blocking(move || node.restart(unit)).await {
        Ok(Ok(())) => answer::empty(StatusCode::NO_CONTENT),
        Ok(Err(error)) => {
            answer::with_type(StatusCode::CONFLICT, "text/plain;charset=utf-8", error.to_string())
        }
        Err(_) => answer::page(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn shown(value: &serde_json::Value) -> Answer {
    answer::json(value, Caching::NoCache)
}

fn wrong(error: &dyn std::error::Error) -> Answer {
    answer::with_type(StatusCode::BAD_REQUEST, "text/plain;charset=utf-8", error.to_string())
}

async fn read<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, Answer> {
    let bytes = Limited::new(body, ORDER_MAX)
        .collect()
        .await
        .map_err(|_| answer::page(StatusCode::PAYLOAD_TOO_LARGE))?
        .to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| wrong(&error))
}
