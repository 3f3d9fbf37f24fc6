//! A frontend in one page: start, join and end meetings, switch nodes off.
//!
//! Every action on meetings is a real, signed BBB API call from this server to
//! the scaler, as Greenlight or Moodle would make it.

mod api;
mod http_client;
mod page;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use bluegate_cluster::Origin;
use bluegate_simnode::SimNode;
use serde::Deserialize;

use self::page::{MeetingRow, NodeRow, Page};
pub(crate) use self::{
    api::{Api, Role},
    http_client::HttpClient,
};

/// A node as the frontend shows it.
#[derive(Debug)]
pub(crate) struct ShownNode {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) node: Arc<SimNode>,
    /// Whether it is switched on, as far as this page did it.
    pub(crate) power: AtomicBool,
}

/// What the pages are made from.
#[derive(Debug)]
pub(crate) struct Frontend {
    pub(crate) api: Api,
    pub(crate) origin: Origin,
    pub(crate) cluster: Origin,
    pub(crate) nodes: Vec<ShownNode>,
    pub(crate) proxied: bool,
}

/// Routes of the frontend.
pub(crate) fn router(frontend: Frontend) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/start", post(start))
        .route("/join", get(join))
        .route("/end", post(end))
        .route("/power", post(power))
        .with_state(Arc::new(frontend))
}

#[derive(Deserialize)]
struct IndexQuery {
    notice: Option<String>,
    /// What BigBlueButton appends when a join failed.
    errors: Option<String>,
}

async fn index(
    State(frontend): State<Arc<Frontend>>,
    Query(query): Query<IndexQuery>,
) -> Html<String> {
    let mut notice = query.notice.or_else(|| query.errors.as_deref().and_then(error_message));
    let meetings = frontend.api.meetings().await.unwrap_or_else(|error| {
        notice = Some(error.to_string());
        Vec::new()
    });
    let mut rows = Vec::with_capacity(meetings.len());
    for meeting in meetings {
        let node = frontend.node_name(&meeting.id).await;
        rows.push(MeetingRow {
            id: meeting.id,
            name: meeting.name,
            participants: meeting.participants,
            node,
        });
    }
    let nodes = frontend.nodes.iter().map(|shown| NodeRow {
        name: shown.name.clone(),
        origin: shown.origin.to_string(),
        powered: shown.power.load(Relaxed),
    });
    let page = Page {
        cluster: frontend.cluster.to_string(),
        notice,
        meetings: rows,
        nodes: nodes.collect(),
        proxied: frontend.proxied,
    };
    Html(page.html())
}

/// The first message of BigBlueButton's `errors=[{"key":..,"message":..}]`.
fn error_message(errors: &str) -> Option<String> {
    let errors: Vec<BTreeMap<String, String>> = serde_json::from_str(errors).ok()?;
    errors.into_iter().next()?.remove("message")
}

#[derive(Deserialize)]
struct StartForm {
    name: String,
}

async fn start(
    State(frontend): State<Arc<Frontend>>,
    headers: HeaderMap,
    Form(form): Form<StartForm>,
) -> Response {
    if let Some(refusal) = frontend.refuse_foreign(&headers) {
        return refusal;
    }
    let id = format!("demo-{:016x}", rand::random::<u64>());
    match frontend.api.create(&id, &form.name).await {
        Ok(()) => home(None),
        Err(error) => home(Some(&error.to_string())),
    }
}

#[derive(Deserialize)]
struct JoinQuery {
    meeting: String,
    role: String,
}

async fn join(State(frontend): State<Arc<Frontend>>, Query(query): Query<JoinQuery>) -> Redirect {
    let (role, user) = match query.role.as_str() {
        "moderator" => (Role::Moderator, "Mona Moderator"),
        _ => (Role::Viewer, "Victor Viewer"),
    };
    Redirect::to(&frontend.api.join_url(&query.meeting, user, role))
}

#[derive(Deserialize)]
struct EndForm {
    meeting: String,
}

async fn end(
    State(frontend): State<Arc<Frontend>>,
    headers: HeaderMap,
    Form(form): Form<EndForm>,
) -> Response {
    if let Some(refusal) = frontend.refuse_foreign(&headers) {
        return refusal;
    }
    match frontend.api.end(&form.meeting).await {
        Ok(()) => home(None),
        Err(error) => home(Some(&error.to_string())),
    }
}

#[derive(Deserialize)]
struct PowerForm {
    node: String,
    power: String,
}

async fn power(
    State(frontend): State<Arc<Frontend>>,
    headers: HeaderMap,
    Form(form): Form<PowerForm>,
) -> Response {
    if let Some(refusal) = frontend.refuse_foreign(&headers) {
        return refusal;
    }
    let Some(shown) = frontend.nodes.iter().find(|shown| shown.name == form.node) else {
        return home(Some("There is no such node."));
    };
    match form.power.as_str() {
        "off" => {
            shown.node.power_off();
            shown.power.store(false, Relaxed);
            home(None)
        }
        _ => match shown.node.power_on() {
            Ok(()) => {
                shown.power.store(true, Relaxed);
                home(None)
            }
            Err(error) => home(Some(&error.to_string())),
        },
    }
}

impl Frontend {
    /// The name of the node a meeting runs on, found by the host a join leads to.
    async fn node_name(&self, meeting: &str) -> String {
        match self.api.node_of(meeting).await {
            Ok(host) => {
                let shown = self.nodes.iter().find(|shown| shown.origin.authority() == host);
                shown.map_or(host, |shown| shown.name.clone())
            }
            Err(_) => "unknown".to_owned(),
        }
    }

    /// Refuses forms that another site's page sent.
    fn refuse_foreign(&self, headers: &HeaderMap) -> Option<Response> {
        let origin = headers.get("origin")?;
        let own = origin.to_str().is_ok_and(|origin| origin == self.origin.to_string());
        (!own).then(|| {
            (StatusCode::FORBIDDEN, "This form belongs to another page.\n").into_response()
        })
    }
}

fn home(notice: Option<&str>) -> Response {
    match notice {
        None => Redirect::to("/").into_response(),
        Some(notice) => {
            let query: String = form_urlencoded::Serializer::new(String::new())
                .append_pair("notice", notice)
                .finish();
            Redirect::to(&format!("/?{query}")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_failed_join_is_found() {
        let errors = r#"[{"key":"notFound","message":"No such meeting"}]"#;
        assert_eq!(error_message(errors).as_deref(), Some("No such meeting"));
        assert_eq!(error_message("<script>"), None);
    }
}
