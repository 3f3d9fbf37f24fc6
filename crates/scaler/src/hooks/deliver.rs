//! An event on its way to a tenant's hook, in bbb-webhooks' own form.

use bluegate_bbb_api::{
    RawQuery,
    checksum::{Algorithm, sign},
};
use bluegate_cluster::Secret;
use bluegate_outbox::{Prepared, Request};
use bluegate_store::Callback;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::event::{Form, algorithm_name};
use crate::callbacks::with_query;

/// What such callbacks are called in the queue.
pub(crate) const KIND: &str = "webhook";

const FORM: HeaderValue =
    HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8");
/// bbb-webhooks takes a receiver that refuses an event for one that got it.
const SETTLED: &[u16] = &[401];

/// The request of a queued event: signed as its node signed it to us, with the
/// tenant's secret.
pub(crate) fn prepare(callback: &Callback, domain: &str, secret: Option<&Secret>) -> Prepared {
    let Some(secret) = secret else {
        return Prepared::Never("its tenant has no secret to sign it with");
    };
    let payload: Option<Value> = serde_json::from_str(&callback.payload).ok();
    let Some((event, timestamp, form, algorithm)) = payload.as_ref().and_then(read) else {
        return Prepared::Never("what is stored of it cannot be read");
    };
    let mut body = RawQuery::default();
    for (name, value) in [("domain", domain), ("event", &event), ("timestamp", timestamp)] {
        body.append(name, value);
    }
    let body = body.to_string();
    let covered = match form {
        Form::Body => body.clone(),
        Form::Json => {
            let time = timestamp.parse::<i64>().map_or_else(|_| json!(timestamp), Value::from);
            let (event, domain) = (json!(event), json!(domain));
            format!(r#"{{"event":{event},"timestamp":{time},"domain":{domain}}}"#)
        }
    };
    let checksum = sign(&callback.target, &covered, secret, algorithm);
    Prepared::Send(Request {
        method: Method::POST,
        url: with_query(&callback.target, &format!("checksum={checksum}")),
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, FORM)]),
        body: body.into(),
        also_settled: SETTLED,
    })
}

/// The event as the text of a JSON array, its time, and how it is signed.
fn read(payload: &Value) -> Option<(String, &str, Form, Algorithm)> {
    let event = format!("[{}]", payload.get("event")?);
    let timestamp = payload.get("timestamp")?.as_str()?;
    let named = |name: &str| payload.get(name).and_then(Value::as_str);
    let form = if named("form")? == Form::Json.name() { Form::Json } else { Form::Body };
    let algorithm = Algorithm::STRONGEST_FIRST
        .into_iter()
        .find(|algorithm| named("algorithm") == Some(algorithm_name(*algorithm)))?;
    Some((event, timestamp, form, algorithm))
}
