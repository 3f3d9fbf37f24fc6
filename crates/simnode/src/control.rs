//! `/_simnode/`: looking at a node and ordering faults over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /_simnode/records` | `{"records":[Record, ...]}`, oldest first |
//! | `GET /_simnode/meetings` | `{"meetings":[MeetingSummary, ...]}` |
//! | `GET /_simnode/faults` | `{"faults":[Fault, ...]}` that have not struck yet |
//! | `POST /_simnode/faults` | body: one [`Fault`]; 204 |
//! | `DELETE /_simnode/faults` | forgets all orders; 204 |
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
    fault::Fault,
    meeting::MeetingSummary,
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
