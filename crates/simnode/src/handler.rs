//! The life of one request in a node: record, fault, route, answer.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt;

use crate::{
    answer::{self, Answer},
    backend::{self, BackEnd},
    control,
    fault::{Fault, FaultAction},
    front,
    record::Record,
    route::Route,
    state::NodeState,
};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault was ordered: connection cut")]
pub(crate) struct Cut;

/// The largest answer a `cut_half` fault holds in memory to cut it in the middle.
const CUT_BODY_MAX: usize = 64 * 1024 * 1024;

/// How long a half answer stays on the wire before the connection is cut.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// Who listens on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listening {
    /// The whole node, with the simulated nginx in front.
    Front,
    /// One service, behind a real nginx.
    Behind(BackEnd),
}

impl Listening {
    async fn answer(self, node: &Arc<NodeState>, route: Route, parts: Parts, body: Body) -> Answer {
        match self {
            Self::Front => front::answer(node, route, parts, body).await,
            Self::Behind(back_end) => backend::answer(node, back_end, route, parts, body).await,
        }
    }
}

/// Answers one request.
pub(crate) async fn handle(
    node: Arc<NodeState>,
    listening: Listening,
    request: Request<Body>,
) -> Result<Answer, Cut> {
    let (parts, body) = request.into_parts();
    let mut path = parts.uri.path().to_owned();
    if control::owns(&path) {
        return Ok(control::answer(&node, &parts, body).await);
    }
    if let Listening::Behind(back_end) = listening {
        if back_end.unit().is_some_and(|unit| node.services.is_down(unit)) {
            return Err(Cut);
        }
        path = back_end.public_path(&path);
        if backend::is_question(&path) {
            let route = Route::of(&path, &node.services.release);
            return Ok(listening.answer(&node, route, parts, body).await);
        }
    }
    let route = Route::of(&path, &node.services.release);
    let call = route.call();
    let record = Record::of(
        &parts.method,
        &parts.uri,
        &parts.headers,
        route.redacted(&path),
        call.map(str::to_owned),
    );
    let fault = node.faults.take(&path, call);
    let answered = match fault {
        None => Ok(listening.answer(&node, route, parts, body).await),
        Some(fault) => answer_with_fault(&node, listening, &fault, route, parts, body).await,
    };
    match answered {
        Ok(mut answer) => {
            if listening == Listening::Front {
                answer.headers_mut().insert(header::SERVER, HeaderValue::from_static("nginx"));
            }
            let own = node.services.web().origin.to_string();
            node.records.push(record.answered(answer.status(), answer.headers(), &own));
            Ok(answer)
        }
        Err(cut) => {
            node.records.push(record);
            Err(cut)
        }
    }
}

async fn answer_with_fault(
    node: &Arc<NodeState>,
    listening: Listening,
    fault: &Fault,
    route: Route,
    parts: Parts,
    body: Body,
) -> Result<Answer, Cut> {
    let power = node.power();
    let delay = Duration::from_millis(fault.delay_ms);
    if fault.action == FaultAction::Delay && !fault.strikes_after_effect() {
        tokio::time::sleep(delay).await;
        return Ok(listening.answer(node, route, parts, body).await);
    }
    let real = if fault.strikes_after_effect() {
        Some(listening.answer(node, route, parts, body).await)
    } else {
        None
    };
    let real = real.unwrap_or_else(|| answer::empty(StatusCode::OK));
    match fault.action {
        FaultAction::Cut => Err(Cut),
        FaultAction::CutHalf => Ok(halve(real).await),
        FaultAction::Delay => {
            tokio::time::sleep(delay).await;
            Ok(real)
        }
        FaultAction::Hang => {
            power.cancelled().await;
            Err(Cut)
        }
        FaultAction::Error => Ok(answer::page(StatusCode::INTERNAL_SERVER_ERROR)),
        FaultAction::Garbage => Ok(answer::with_type(
            StatusCode::OK,
            "text/html",
            "<html><body>502 proxy misconfigured<p>&nbsp; <unclosed",
        )),
    }
}

/// Announces the whole body, sends half of it and closes the connection.
async fn halve(answer: Answer) -> Answer {
    let (mut parts, body) = answer.into_parts();
    let whole = http_body_util::Limited::new(body, CUT_BODY_MAX)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    // An answer without body is announced to have one: it too ends too early.
    let announced = whole.len().max(2);
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(announced));
    // The half is on the wire only once the connection found nothing more to do.
    let pieces = stream::once(async { Ok(half) }).chain(stream::once(async {
        tokio::time::sleep(CUT_PAUSE).await;
        Err::<Bytes, Cut>(Cut)
    }));
    Response::from_parts(parts, Body::from_stream(pieces))
}
