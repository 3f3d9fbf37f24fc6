//! `/v1/audit`: who changed what, when, and what came of it.
//!
//! Every request that would change something is recorded once it is answered,
//! also when it was refused: as an event of the log, and in the store where there
//! is one. Requests without a valid token are not: who guesses must not be able
//! to push out what is recorded. What is recorded is named by paths, names and
//! words of ours, never by bodies: no secret can get in.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Answering, Sources,
    access::Rule,
    error::ApiError,
    request::{Asked, Limit},
    role::Caller,
};

/// Longest subject or detail, in characters; the rest is cut off.
const MAX_TEXT: usize = 300;

/// The answer to `GET /v1/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// The latest first.
    pub entries: Vec<AuditEntry>,
    /// Whether there are older ones: `before` the last position.
    pub more: bool,
}

/// Something that was asked to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Grows by one with each entry.
    pub position: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The name of the token, `token_file`, or `scalelite_secret_N`.
    pub actor: String,
    /// `operator`, `viewer` or `tenant`.
    pub role: String,
    /// Method and path, such as `DELETE /v1/nodes/{name}`.
    pub action: String,
    /// What it was about: the path's parts, or the name of what was added.
    pub subject: String,
    /// What of it, in a few words.
    pub detail: String,
    /// The answer's HTTP status.
    pub status: u16,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The request's ID, as the log has it.
    pub request_id: String,
}

/// Where the audit log is kept.
pub trait AuditSource: Send + Sync {
    /// Adds an entry, whose position does not count, and forgets the oldest
    /// beyond the bound.
    fn record(&self, entry: AuditEntry) -> Answering<'_, ()>;

    /// Entries before `position`, by one actor or all, the latest first.
    fn list(
        &self,
        before: i64,
        actor: Option<String>,
        limit: u32,
    ) -> Answering<'_, Vec<AuditEntry>>;
}

/// What a request is about. Endpoints that take names in their body say them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject(Arc<Mutex<(String, String)>>);

impl Subject {
    /// The parts of a path.
    pub(crate) fn of<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let subject = Self::default();
        subject.is(&parts.collect::<Vec<_>>().join("/"));
        subject
    }

    /// Names what it is about.
    pub(crate) fn is(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = bounded(name);
    }

    /// Says what of it; never a value that may be secret.
    pub(crate) fn detail(&self, words: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = bounded(words);
    }

    fn parts(&self) -> (String, String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The ID of a request, as the listener gave it.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    id.unwrap_or_default().to_owned()
}

/// What came of a request.
pub(crate) struct Done {
    pub(crate) status: StatusCode,
    /// The code of the refusal.
    pub(crate) refused: Option<&'static str>,
    /// As the listener gave it.
    pub(crate) request_id: String,
}

/// Short, and on one line.
fn bounded(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(MAX_TEXT).map(plain).collect()
}

/// Writes the audit log.
#[derive(Clone)]
pub(crate) struct Recorder {
    source: Option<Arc<dyn AuditSource>>,
}

impl Recorder {
    pub(crate) fn new(source: Option<Arc<dyn AuditSource>>) -> Self {
        Self { source }
    }

    /// Lets `change` come to its end and records what came of it. By itself, so
    /// that a client that hangs up leaves no change unrecorded; `None` when it
    /// did not come to an end.
    pub(crate) async fn around<T: Send + 'static>(
        self,
        caller: Caller,
        rule: Rule,
        subject: Subject,
        change: impl Future<Output = (T, Done)> + Send + 'static,
    ) -> Option<T> {
        let changing = tokio::spawn(async move {
            let (answer, done) = change.await;
            self.record(&caller, &rule, &subject, done).await;
            answer
        });
        changing.await.ok()
    }

    async fn record(&self, caller: &Caller, rule: &Rule, subject: &Subject, done: Done) {
        let Done { status, refused, request_id } = done;
        let (subject, detail) = subject.parts();
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let entry = AuditEntry {
            position: 0,
            at: i64::try_from(at.as_millis()).unwrap_or(i64::MAX),
            actor: caller.name.clone(),
            role: caller.role.name().as_str().to_owned(),
            action: format!("{} {}", rule.method, rule.path),
            subject,
            detail,
            status: status.as_u16(),
            outcome: refused.unwrap_or("done").to_owned(),
            request_id,
        };
        let AuditEntry { actor, action, subject, detail, outcome, request_id, .. } = &entry;
        tracing::info!(
            target: "bluegate::audit",
            actor, action, subject, detail, status = entry.status, outcome, request.id = request_id,
            "an administrator's change"
        );
        if let Some(source) = &self.source
            && let Err(error) = source.record(entry).await
        {
            // It was changed all the same; the event above says what.
            tracing::error!(%error, "the audit log was not written");
        }
    }
}

/// Which entries are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only those before this position.
    before: Option<i64>,
    /// Only those of this token.
    actor: Option<String>,
    /// At most so many, 1 to 1,000; 100 when absent.
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "list_audit",
    params(Filter),
    responses((status = 200, description = "The latest first", body = AuditReport)),
)]
pub(crate) async fn list(
    State(sources): State<Sources>,
    Asked(filter): Asked<Filter>,
) -> Result<Json<AuditReport>, ApiError> {
    let limit = Limit::new(filter.limit)?;
    let source = sources.audit.as_ref().ok_or(ApiError::NoStore)?;
    let before = filter.before.unwrap_or(i64::MAX);
    let listed = source.list(before, filter.actor, limit.and_one()).await;
    let (entries, more) = limit.cut(listed.map_err(ApiError::Scaler)?);
    Ok(Json(AuditReport { entries, more }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_short_and_on_one_line() {
        let subject = Subject::of(["school-a", "x\ny"].into_iter());
        subject.detail(&"d".repeat(1_000));
        let (subject, detail) = subject.parts();
        assert_eq!((subject.as_str(), detail.len()), ("school-a/x y", MAX_TEXT));
    }
}
