//! The simulated nginx: which service answers, who is let pass, and which
//! cross-origin headers are added on the way back.
//!
//! A node behind a real nginx ([`backend`](crate::backend)) has none of this.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    answer::{self, Answer},
    api,
    client::{self, Served},
    connection::{user_of_header, user_of_query},
    dashboard, engine, livekit, meteor, notes, pads, rest,
    route::{Route, SlideKind},
    service::Unit,
    slides, socket,
    state::NodeState,
    upload::{self, Check},
    webhooks,
};

/// Answers one request.
pub(crate) async fn answer(
    node: &Arc<NodeState>,
    route: Route,
    mut parts: Parts,
    body: Body,
) -> Answer {
    let nginx = node.services.nginx();
    if let Some((action, rest)) = nginx.locations.find(parts.uri.path()) {
        let origin = &node.services.web().origin;
        return match client::serve(&node.client, origin, action, rest, &parts).await {
            Served::Answer(answer) => answer,
            Served::Meteor if node.services.is_down(Unit::Html5) => bad_gateway(),
            Served::Meteor => meteor::answer(node, parts, body).await,
        };
    }
    if unit_behind(&route).is_some_and(|unit| node.services.is_down(unit)) {
        return bad_gateway();
    }
    let query_user = || user_of_query(node, parts.uri.query(), &parts.headers);
    match route {
        Route::Api(call) => {
            let mut answer = api::answer(node, call, parts, body).await;
            api_cors(node, &mut answer);
            answer
        }
        Route::Hooks(call) => webhooks::answer(node, call, &parts),
        Route::RoundTrip => rest::round_trip(node),
        Route::Upload { token } => upload(node, &token, parts, body).await,
        Route::Slide { meeting, presentation, kind, page } => {
            slide(node, &parts, &meeting, &presentation, kind, page)
        }
        Route::Download { .. }
            if node.services.release.slides_need_session() && query_user().is_none() =>
        {
            answer::page(StatusCode::UNAUTHORIZED)
        }
        Route::Download { meeting, presentation } => {
            slides::download(node, &parts, &meeting, &presentation)
        }
        Route::UnknownOfWeb => rest::unknown_of_web(node, &parts),
        Route::Engine(question) if parts.method == Method::OPTIONS => {
            engine::answer(node, &parts, question, None)
        }
        Route::Engine(question) => match user_of_header(node, &parts.headers) {
            Some(user) => engine::answer_cached(node, &parts, question, &user),
            // nginx's own 401 carries no cross-origin headers.
            None => answer::page(StatusCode::UNAUTHORIZED),
        },
        Route::GraphQl => socket::graphql(node, &mut parts).await,
        Route::Sfu => match query_user() {
            Some(user) => socket::sfu(node, &mut parts, user).await,
            None => answer::page(StatusCode::UNAUTHORIZED),
        },
        Route::Sip => match query_user() {
            Some(_) => socket::listening(node, &mut parts, Some("sip")).await,
            None => answer::page(StatusCode::UNAUTHORIZED),
        },
        Route::LiveKit(path) => livekit::answer(node, &path, &mut parts).await,
        Route::SharedNotes(path) => shared_notes(node, &path, &mut parts).await,
        Route::Plugins => rest::plugins(&parts),
        Route::LearningDashboard => answer::with_type(StatusCode::OK, "text/html", dashboard::PAGE),
        Route::Pad(path) => match query_user() {
            Some(_) => pads_redirect(pads::answer(node, &path, &mut parts).await),
            None => answer::page(StatusCode::UNAUTHORIZED),
        },
        Route::Welcome => rest::welcome(node),
        Route::Unknown => answer::page(StatusCode::NOT_FOUND),
    }
}

fn bad_gateway() -> Answer {
    answer::page(StatusCode::BAD_GATEWAY)
}

/// The service whose failure to start shows as 502.
fn unit_behind(route: &Route) -> Option<Unit> {
    match route {
        Route::Api(_) | Route::Upload { .. } | Route::Download { .. } | Route::UnknownOfWeb => {
            Some(Unit::Web)
        }
        Route::Engine(_) => Some(Unit::GraphqlServer),
        Route::GraphQl => Some(Unit::GraphqlMiddleware),
        Route::Pad(_) => Some(Unit::Etherpad),
        Route::Hooks(_) => Some(Unit::Webhooks),
        _ => None,
    }
}

/// Before 2.6 nginx answers for the API's cross-origin rule.
fn api_cors(node: &NodeState, answer: &mut Answer) {
    if node.services.release.has_api_cors_in_nginx() {
        rest::loadbalancer_cors(node, answer);
    }
}

async fn upload(node: &NodeState, token: &str, parts: Parts, body: Body) -> Answer {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    match upload::check(node, token, length) {
        Check::BadToken => return answer::page(StatusCode::FORBIDDEN),
        Check::TooLarge => return answer::page(StatusCode::PAYLOAD_TOO_LARGE),
        Check::Passes => {}
    }
    let mut answer = upload::answer(node, token, parts, body).await;
    api_cors(node, &mut answer);
    answer
}

/// Since 3.0.27 a slide needs the session of a user of that meeting; the
/// cross-origin headers come with every status.
fn slide(
    node: &NodeState,
    parts: &Parts,
    meeting: &str,
    presentation: &str,
    kind: SlideKind,
    page: u32,
) -> Answer {
    let refused = node.services.release.slides_need_session()
        && user_of_query(node, parts.uri.query(), &parts.headers)
            .is_none_or(|key| key.meeting != meeting);
    let mut answer = if refused {
        answer::page(StatusCode::UNAUTHORIZED)
    } else {
        slides::answer(node, parts, meeting, presentation, kind, page)
    };
    rest::slide_cors(node, &mut answer);
    answer
}

/// nginx's `proxy_redirect / /pad/`.
fn pads_redirect(mut answer: Answer) -> Answer {
    let target = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let target = target.map(|target| HeaderValue::try_from(format!("/pad{target}")));
    if let Some(Ok(target)) = target {
        answer.headers_mut().insert(header::LOCATION, target);
    }
    answer
}

async fn shared_notes(node: &Arc<NodeState>, path: &str, parts: &mut Parts) -> Answer {
    let is_api = path.starts_with("/api/");
    let user = user_of_query(node, parts.uri.query(), &parts.headers);
    let mut answer = if is_api && parts.method == Method::OPTIONS {
        let mut answer = answer::empty(StatusCode::NO_CONTENT);
        answer.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, OPTIONS"),
        );
        answer.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type, X-Session-Token"),
        );
        answer
    } else if user.is_none() {
        answer::page(StatusCode::UNAUTHORIZED)
    } else {
        notes::answer(node, path, parts).await
    };
    if is_api {
        rest::notes_cors(node, parts, &mut answer);
    }
    answer
}
