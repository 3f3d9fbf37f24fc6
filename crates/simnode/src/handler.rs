//! The life of one request in a node: record, fault, route, answer.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt;

use crate::{
    answer::{self, Answer},
    api,
    client::{self, Served},
    control,
    fault::{Fault, FaultAction},
    meteor,
    record::Record,
    rest,
    route::Route,
    slides, socket,
    state::NodeState,
    upload,
};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault was ordered: connection cut")]
pub(crate) struct Cut;

/// The largest answer a `cut_half` fault holds in memory to cut it in the middle.
const CUT_BODY_MAX: usize = 64 * 1024 * 1024;

/// How long a half answer stays on the wire before the connection is cut.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// Answers one request.
pub(crate) async fn handle(node: Arc<NodeState>, request: Request<Body>) -> Result<Answer, Cut> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if control::owns(&path) {
        return Ok(control::answer(&node, &parts, body).await);
    }
    let route = Route::of(&path, node.effective.release.line());
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
        None => Ok(answer_route(&node, route, parts, body).await),
        Some(fault) => answer_with_fault(&node, &fault, route, parts, body).await,
    };
    match answered {
        Ok(mut answer) => {
            answer.headers_mut().insert(header::SERVER, HeaderValue::from_static("nginx"));
            let own = node.effective.origin.to_string();
            node.records.push(record.answered(answer.status(), answer.headers(), &own));
            Ok(answer)
        }
        Err(cut) => {
            node.records.push(record);
            Err(cut)
        }
    }
}

async fn answer_route(node: &Arc<NodeState>, route: Route, mut parts: Parts, body: Body) -> Answer {
    if let Some((action, rest)) = node.effective.locations.find(parts.uri.path()) {
        return match client::serve(&node.client, &node.effective, action, rest, &parts).await {
            Served::Answer(answer) => answer,
            Served::Meteor => meteor::answer(node, parts, body).await,
        };
    }
    match route {
        Route::Api(call) => api::answer(node, call, parts, body).await,
        Route::RoundTrip => rest::round_trip(node),
        Route::Upload { token } => upload::answer(node, &token, parts, body).await,
        Route::Slide { meeting, presentation, kind, page } => {
            slides::answer(node, &parts, &meeting, &presentation, kind, page)
        }
        Route::UnknownOfWeb => rest::unknown_of_web(node, &parts),
        Route::StaticData => rest::static_data(node, &parts),
        Route::UserMetadata => rest::user_metadata(node, &parts),
        Route::GraphQl => socket::graphql(node, &mut parts).await,
        Route::Sfu => socket::sfu(node, &mut parts).await,
        Route::Sip => socket::sip(node, &mut parts).await,
        Route::SharedNotes => rest::shared_notes(node, &parts),
        Route::Plugins => rest::plugins(&parts),
        Route::LearningDashboard => rest::learning_dashboard(),
        Route::Pad => rest::pad(node, &parts),
        Route::Welcome => rest::welcome(node),
        Route::Unknown => answer::page(StatusCode::NOT_FOUND),
    }
}

async fn answer_with_fault(
    node: &Arc<NodeState>,
    fault: &Fault,
    route: Route,
    parts: Parts,
    body: Body,
) -> Result<Answer, Cut> {
    let power = node.power();
    let delay = Duration::from_millis(fault.delay_ms);
    if fault.action == FaultAction::Delay && !fault.strikes_after_effect() {
        tokio::time::sleep(delay).await;
        return Ok(answer_route(node, route, parts, body).await);
    }
    let real = if fault.strikes_after_effect() {
        Some(answer_route(node, route, parts, body).await)
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
