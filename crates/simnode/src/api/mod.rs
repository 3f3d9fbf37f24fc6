//! The HTTP API of bbb-web, 2.7 and 3.0.
//!
//! [`answer()`] is the way in: cross-origin rule, method, reading, checks, call.
//! Each call has a file of its own or shares one with its kin.

mod call;
mod check;
mod create;
mod document;
mod enter;
mod info;
mod join;
mod recordings;
mod request;
mod session;

use axum::body::Body;
use http::{HeaderMap, Method, StatusCode, request::Parts};

pub(crate) use call::Call;
pub(crate) use join::signed_join_url;
pub(crate) use request::{ApiRequest, servlet_session};

use crate::{
    answer::{self, Answer, Caching},
    cors::GrailsVerdict,
    state::NodeState,
    xml::Xml,
};
use check::{Rules, Violation};

/// Answers one API request.
pub(crate) async fn answer(node: &NodeState, call: Call, parts: Parts, body: Body) -> Answer {
    let method = parts.method.clone();
    let headers = match node.services.web().cors.judge(&method, &parts.headers) {
        GrailsVerdict::Proceed(headers) => headers,
        verdict => return refuse_or_preflight(verdict),
    };
    let mut answer = if call.allows(&method, &node.services.release) {
        match ApiRequest::read(call, parts, body).await {
            Ok(request) => carry_out(node, &request),
            Err(answer) => answer,
        }
    } else {
        answer::page(StatusCode::METHOD_NOT_ALLOWED)
    };
    answer.headers_mut().extend(headers);
    answer
}

/// What Spring answers by itself when a request's origin decides the matter.
pub(crate) fn refuse_or_preflight(verdict: GrailsVerdict) -> Answer {
    match verdict {
        GrailsVerdict::Proceed(headers) | GrailsVerdict::Preflight(headers) => {
            let mut answer = answer::empty(StatusCode::OK);
            answer.headers_mut().extend(headers);
            answer
        }
        GrailsVerdict::Refuse => {
            answer::with_type(StatusCode::FORBIDDEN, "text/plain", "Invalid CORS request")
        }
        GrailsVerdict::Misconfigured => answer::page(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn carry_out(node: &NodeState, request: &ApiRequest) -> Answer {
    match request.call {
        Call::Index => index(node, &request.headers),
        Call::Stuns => session::stuns(node, request),
        Call::SignOut => session::sign_out(node, request),
        Call::GetJoinUrl => session::get_join_url(node, request),
        Call::LearningDashboard => session::learning_dashboard(node, request),
        Call::Enter => enter::enter(node, request),
        Call::GuestWait => enter::guest_wait(node, request),
        Call::GetRecordings
        | Call::PublishRecordings
        | Call::DeleteRecordings
        | Call::UpdateRecordings
        | Call::GetRecordingTextTracks
        | Call::PutRecordingTextTrack => recordings::answer(node, request),
        Call::Join => join::answer(node, request),
        _ => match violation(node, request) {
            Some(violation) => failure(request, violation.key, violation.message),
            None => match request.call {
                Call::Create => create::answer(node, request),
                Call::IsMeetingRunning => info::is_meeting_running(node, request),
                Call::End => info::end(node, request),
                Call::GetMeetingInfo => info::meeting_info(node, request),
                Call::GetMeetings => info::meetings(node),
                Call::GetSessions => info::sessions(node),
                Call::InsertDocument => document::insert(node, request),
                _ => info::send_chat_message(node, request),
            },
        },
    }
}

/// The digests this node takes in checksums.
fn digests(node: &NodeState) -> String {
    let release = &node.services.release;
    if !release.has_long_digests() {
        "sha1,sha256".to_owned()
    } else if release.has_digest_property() {
        node.services.web().property("supportedChecksumAlgorithms")
    } else {
        "sha1,sha256,sha384,sha512".to_owned()
    }
}

/// The rule this request breaks, if any.
fn violation(node: &NodeState, request: &ApiRequest) -> Option<Violation> {
    node.read(|meetings| {
        let rules = Rules {
            secret: &node.services.web().secret,
            algorithms: &digests(node),
            posts_are_strict: node.services.release.is_strict_about_posts(),
            has_external_upload: node.services.release.has_external_upload(),
            meetings,
        };
        rules.check(request)
    })
}

/// The document of one failure: XML, or JSON for a client that prefers it.
fn failure(request: &ApiRequest, key: &str, message: &str) -> Answer {
    if prefers_json(&request.headers) {
        let response = serde_json::json!({
            "response": {"returncode": "FAILED", "messageKey": key, "message": message}
        });
        return answer::json(&response, Caching::NoCache);
    }
    answer::xml(Xml::failure(key, message), Caching::NoCache)
}

/// Whether `Accept` puts JSON first; what browsers say there is ignored.
fn prefers_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let browser = text(http::header::USER_AGENT).is_some_and(|agent| {
        ["Gecko", "WebKit", "Trident", "Presto"].iter().any(|engine| agent.contains(engine))
    });
    !browser
        && text(http::header::ACCEPT).is_some_and(|accept| accept.starts_with("application/json"))
}

/// The index: no checksum; JSON for a request that says it *sends* JSON.
fn index(node: &NodeState, headers: &HeaderMap) -> Answer {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index {
        returncode: &'static str,
        version: &'static str,
        api_version: &'static str,
        bbb_version: String,
        #[serde(flatten)]
        graphql: Option<GraphQl>,
    }
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct GraphQl {
        graphql_websocket_url: String,
        graphql_api_url: String,
        html5_plugin_sdk_version: &'static str,
    }
    #[derive(serde::Serialize)]
    struct Response {
        response: Index,
    }
    let revealed = node.services.web().properties.is_true("allowRevealOfBBBVersion");
    let index = Index {
        returncode: "SUCCESS",
        version: "2.0",
        api_version: "2.0",
        bbb_version: if revealed { node.services.release.to_string() } else { String::new() },
        graphql: (!node.services.release.has_meteor()).then(|| GraphQl {
            graphql_websocket_url: node.services.web().graphql_websocket_url(),
            graphql_api_url: node.services.web().property("graphqlApiUrl"),
            html5_plugin_sdk_version: "0.0.99",
        }),
    };
    let wants_json = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    if wants_json {
        return answer::json(&Response { response: index }, Caching::NoCache);
    }
    let text = Xml::success(|xml| {
        xml.value("version", index.version);
        xml.value("apiVersion", index.api_version);
        xml.value("bbbVersion", &index.bbb_version);
        if let Some(graphql) = &index.graphql {
            xml.value("graphqlWebsocketUrl", &graphql.graphql_websocket_url);
            xml.value("graphqlApiUrl", &graphql.graphql_api_url);
            xml.value("html5PluginSdkVersion", graphql.html5_plugin_sdk_version);
        }
    });
    answer::xml(text, Caching::NoCache)
}

/// The headers and verdict for a path of bbb-web that is not an API call.
pub(crate) fn judge_origin(
    node: &NodeState,
    method: &Method,
    headers: &HeaderMap,
) -> GrailsVerdict {
    node.services.web().cors.judge(method, headers)
}
