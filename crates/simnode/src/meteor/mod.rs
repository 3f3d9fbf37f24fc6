//! Meteor's processes of a 2.7 node, behind nginx's `@html5client`: the pages of
//! the client and the small answers that are no files.
//!
//! Meteor knows only what lies below the path of its `ROOT_URL`. Anything there
//! that has no route is answered with the client's page, whatever it is called.

mod ddp;
mod page;
mod sockjs;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::json;

use crate::{
    answer::{self, Answer},
    client,
    effective::Meteor,
    query::Parameters,
    state::NodeState,
};

/// The largest body of a POST.
const BODY_MAX: usize = 256 * 1024;

/// Answers a request that nginx handed on.
pub(crate) async fn answer(node: &Arc<NodeState>, mut parts: Parts, body: Body) -> Answer {
    let meteor = node.services.meteor();
    let path = parts.uri.path().to_owned();
    let below = path.strip_prefix(meteor.prefix.as_str());
    let Some(rest) = below.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return answer::with_type(StatusCode::NOT_FOUND, "text/plain", "Unknown path");
    };
    if let Some(rest) = rest.strip_prefix("/sockjs/") {
        return sockjs::answer(node, &mut parts, rest).await;
    }
    if parts.method == Method::POST {
        return post(rest, body).await;
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return answer::empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    get(node, &meteor, rest, &parts)
}

async fn post(rest: &str, body: Body) -> Answer {
    // What users say goes nowhere; the connection wants it read all the same.
    if Limited::new(body, BODY_MAX).collect().await.is_err() {
        return answer::page(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match rest {
        "/feedback" => plain_json(&json!({"status": "ok"})),
        // No module is left out of the bundle, so none is ever missing.
        "/__meteor__/dynamic-import/fetch" => plain_json(&json!({})),
        _ => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn get(node: &NodeState, meteor: &Meteor, rest: &str, parts: &Parts) -> Answer {
    let parameters = Parameters::parse(parts.uri.query().unwrap_or_default());
    match rest {
        "/check" => plain_json(&json!({"html5clientStatus": "running"})),
        "/locale" => {
            let locale = client::known_language(parameters.get("locale").unwrap_or_default());
            plain_json(&json!({
                "normalizedLocale": locale,
                "regionDefaultLocale": locale.split('_').next().unwrap_or_default(),
                "defaultLocale": "en",
            }))
        }
        "/locales" => {
            let languages: Vec<_> = client::LANGUAGES
                .iter()
                .map(|language| json!({"locale": language.replace('_', "-"), "name": language}))
                .collect();
            plain_json(&json!(languages))
        }
        "/useragent" => {
            let agent = parts.headers.get(header::USER_AGENT);
            plain_json(&json!(agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default()))
        }
        "/guestWait" => answer::with_type(StatusCode::OK, "text/html", page::GUEST_WAIT),
        "/favicon.ico" | "/robots.txt" => answer::empty(StatusCode::NOT_FOUND),
        // An old page asks for a bundle that this build does not have: Meteor
        // says so in words of the type asked for, and succeeds.
        _ if parameters.get("meteor_css_resource").is_some() => {
            missing("text/css; charset=utf-8", ".meteor-css-not-found-error { width: 0px;}")
        }
        _ if parameters.get("meteor_js_resource").is_some() => missing(
            "application/javascript; charset=utf-8",
            "console.error(\"Script not found; the page may be older than the server\");\n",
        ),
        _ => match &node.client.meteor {
            Some(names) => page::client(node, meteor, names),
            None => answer::page(StatusCode::BAD_GATEWAY),
        },
    }
}

fn missing(content_type: &'static str, text: &'static str) -> Answer {
    let mut answer = answer::with_type(StatusCode::OK, content_type, text);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

fn plain_json(value: &serde_json::Value) -> Answer {
    answer::with_type(StatusCode::OK, "application/json", value.to_string())
}
