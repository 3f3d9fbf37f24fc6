//! Making a queued callback the request that its tenant expects: with its own
//! meeting ID, signed with its own secret, now.

use std::{pin::Pin, sync::Arc};

use bluegate_bbb_api::{
    RawQuery, encode_value,
    jwt::{self, Claims, JwtAlgorithm},
};
use bluegate_cluster::{Mount, Secret};
use bluegate_outbox::{Prepare, Prepared, Request};
use bluegate_store::Callback;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::{confirm::confirm, find_secret, ticket::Kind};
use crate::{context::Context, hooks};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What BBB says of itself to analytics receivers.
const ANALYTICS_AGENT: HeaderValue = HeaderValue::from_static("BigBlueButton Analytics Callback");
/// How long an analytics token is good for, as BBB gives it.
const ANALYTICS_SECONDS: i64 = 24 * 60 * 60;
/// A frontend that does not know the recording, or has deleted it.
const READY_SETTLED: &[u16] = &[404, 410];

/// What a queued callback holds.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    /// The node that said it.
    pub(super) node: Mount,
    /// Which of the tenant's secrets signs.
    secret: String,
    /// What the node said.
    pub(super) says: Value,
    /// The URL that the node called, as the meeting's metadata has it.
    pub(super) url: Option<String>,
}

impl Payload {
    fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            node: text("node")?.parse().ok()?,
            secret: text("secret")?,
            url: text("url"),
            says: value.get("says")?.clone(),
        })
    }
}

/// Prepares callbacks from what a scaler knows.
pub(crate) struct Preparer(pub(crate) Arc<Context>);

impl Prepare for Preparer {
    fn prepare(&self, callback: Callback) -> Pin<Box<dyn Future<Output = Prepared> + Send + '_>> {
        Box::pin(async move { self.prepared(&callback).await })
    }
}

impl Preparer {
    async fn prepared(&self, callback: &Callback) -> Prepared {
        let context = &self.0;
        if callback.kind == hooks::KIND {
            let tenants = context.tenants();
            let secrets = tenants.get(&callback.tenant).map(|tenant| tenant.secrets());
            let secret = secrets.and_then(<[Secret]>::first);
            let domain = context.callbacks.as_ref().map_or("", |callbacks| &callbacks.domain);
            return hooks::prepare(callback, domain, secret);
        }
        let Some(payload) = Payload::read(&callback.payload) else {
            return Prepared::Never("what is stored of it cannot be read");
        };
        let Some(kind) = Kind::named(&callback.kind) else {
            return Prepared::Never("its kind is not known to this version");
        };
        let tenants = context.tenants();
        let Some(tenant) = tenants.get(&callback.tenant) else {
            return Prepared::Never("its tenant is not configured");
        };
        // A secret that the frontend refuses may have been replaced since.
        let refused = callback.error.as_deref().is_some_and(|error| error.ends_with(" 401"));
        let refusals = if refused { usize::try_from(callback.attempts).unwrap_or(0) } else { 0 };
        let secret = find_secret(tenant.secrets(), &payload.secret, refusals);
        let request = match kind {
            Kind::MeetingEnded | Kind::End => {
                if let Some(other) = confirm(context, callback, &payload).await {
                    return other;
                }
                Some(ended(kind, callback, &payload))
            }
            Kind::RecordingReady => secret.and_then(|secret| ready(callback, &payload, secret)),
            Kind::Analytics => secret.map(|secret| {
                let now = context.callbacks.as_ref().map_or(0, |callbacks| callbacks.now());
                analytics(callback, &payload, secret, now / 1_000)
            }),
        };
        request.map_or(Prepared::Never("its tenant has no secret to sign it with"), Prepared::Send)
    }
}

fn get(url: String) -> Request {
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    Request { method: Method::GET, url, headers, body, also_settled: &[] }
}

/// `meetingEndedURL` is called as it is; the other with what BBB appends, and
/// the tenant's ID.
fn ended(kind: Kind, callback: &Callback, payload: &Payload) -> Request {
    if kind == Kind::MeetingEnded {
        return get(callback.target.clone());
    }
    let mut appended = RawQuery::default();
    if let Some(marks) = payload.says.get("recordingmarks").and_then(Value::as_str) {
        appended.append("recordingmarks", marks);
    }
    appended.append("meetingID", &callback.meeting_id);
    get(with_query(&callback.target, &appended.to_string()))
}

/// A URL with more in its query, before its fragment.
pub(crate) fn with_query(url: &str, more: &str) -> String {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{more}{fragment}")
}

fn ready(callback: &Callback, payload: &Payload, secret: &Secret) -> Option<Request> {
    let algorithm = match payload.says.get("algorithm").and_then(Value::as_str)? {
        "HS512" => JwtAlgorithm::Hs512,
        "HS384" => JwtAlgorithm::Hs384,
        _ => JwtAlgorithm::Hs256,
    };
    let claims = payload.says.get("claims")?.as_object()?;
    let token = jwt::sign(claims, algorithm, secret);
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, FORM)]);
    Some(Request {
        method: Method::POST,
        url: callback.target.clone(),
        headers,
        body: format!("signed_parameters={}", encode_value(&token)).into(),
        also_settled: READY_SETTLED,
    })
}

fn analytics(callback: &Callback, payload: &Payload, secret: &Secret, now: i64) -> Request {
    let mut claims = Claims::new();
    claims.insert("exp".to_owned(), json!(now + ANALYTICS_SECONDS));
    let token = jwt::sign(&claims, JwtAlgorithm::Hs512, secret);
    let mut headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, JSON), (header::USER_AGENT, ANALYTICS_AGENT)]);
    if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}")) {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    Request {
        method: Method::POST,
        url: callback.target.clone(),
        headers,
        body: payload.says.to_string().into(),
        also_settled: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_grows_where_it_is() {
        for (url, wanted) in [
            ("https://a.org", "https://a.org?x=1"),
            ("https://a.org/?", "https://a.org/?x=1"),
            ("https://a.org/?a=b", "https://a.org/?a=b&x=1"),
            ("https://a.org/?a=b&", "https://a.org/?a=b&x=1"),
            ("https://a.org/?meetingID=m#top", "https://a.org/?meetingID=m&x=1#top"),
            ("https://a.org/#a?b", "https://a.org/?x=1#a?b"),
        ] {
            assert_eq!(with_query(url, "x=1"), wanted);
        }
    }
}
