//! Taking a request in: method, parameters, who signed it, and its body.
//!
//! A request whose query carries a checksum is authenticated before its body is
//! read; nobody without a secret makes us hold megabytes.

use std::sync::Arc;

use axum::body::Body;
use bluegate_bbb_api::{
    Bodies, Call, Failure, Method, Parameters, RawQuery,
    checksum::{ChecksumError, Presented},
    form_of_multipart,
};
use bluegate_page::Language;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    callbacks, calls,
    context::Context,
    front::{reply::Reply, route::Named},
    tenants::{Addressed, Tenant, Tenants},
};

const KIB: usize = 1024;

/// A request, authenticated and whole.
pub(crate) struct ApiRequest {
    /// What it asks for.
    pub(crate) call: Named,
    /// How it came.
    pub(crate) method: Method,
    /// Who asks.
    pub(crate) tenant: Arc<Tenant>,
    /// Which of its secrets signed a create call, by fingerprint.
    pub(crate) signer: Option<String>,
    /// Query and form.
    pub(crate) parameters: Parameters,
    /// A body that is not a form, with its type.
    pub(crate) document: Option<(HeaderValue, Bytes)>,
    /// What a person reads, when this comes from a browser's address bar.
    pub(crate) person: Option<Language>,
    /// Keeps the body's bytes counted while it is held.
    _held: Option<OwnedSemaphorePermit>,
}

/// Takes a request in.
///
/// # Errors
/// The reply, when the request is not to be answered any further.
pub(crate) async fn take(
    context: &Context,
    tenants: &Tenants,
    call: Named,
    addressed: &Addressed,
    parts: &Parts,
    body: Body,
) -> Result<ApiRequest, Reply> {
    let method =
        method(&parts.method).ok_or(Reply::MethodNotAllowed(&[Method::Get, Method::Post]))?;
    if let Named::Known(known) = &call
        && !known.methods().contains(&method)
    {
        return Err(Reply::MethodNotAllowed(known.methods()));
    }
    let query = parts.uri.query().unwrap_or_default();
    let signed_by = |form: Option<&RawQuery>| authenticate(tenants, &call, addressed, query, form);

    let signed_query = RawQuery::find(query, "checksum").is_some_and(|v| !v.raw().is_empty());
    let early = if signed_query || method == Method::Get { Some(signed_by(None)?) } else { None };

    let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
    let read = if method == Method::Post && has_body(&parts.headers) {
        check_content_type(&call, content_type.as_ref(), early.is_some())?;
        read_body(context, &call, content_type, &parts.headers, body).await?
    } else {
        Read::default()
    };
    let tenant = match early {
        Some(tenant) => tenant,
        None => signed_by(read.form.as_ref())?,
    };
    let signer = callbacks::signer(&tenant, &call, query, read.form.as_ref());
    Ok(ApiRequest {
        call,
        method,
        signer,
        tenant,
        parameters: Parameters { query: RawQuery::parse(query), form: read.form },
        document: read.document,
        person: person(query, &parts.headers),
        _held: read.held,
    })
}

/// Software that joins (`redirect=false`, or does not take HTML) wants BBB's
/// answer and nothing else.
fn person(query: &str, headers: &HeaderMap) -> Option<Language> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok())?;
    let wants_page = accept.to_ascii_lowercase().contains("text/html");
    let redirect = RawQuery::find(query, "redirect").and_then(|value| value.decoded());
    let follows = redirect.is_none_or(|text| !text.eq_ignore_ascii_case("false"));
    (wants_page && follows).then(|| Language::of(headers))
}

/// The method as the API knows it.
pub(crate) fn method(method: &http::Method) -> Option<Method> {
    match *method {
        http::Method::GET | http::Method::HEAD => Some(Method::Get),
        http::Method::POST => Some(Method::Post),
        _ => None,
    }
}

/// The tenant whose secret signed the request: the one the address names, or any.
fn authenticate(
    tenants: &Tenants,
    call: &Named,
    addressed: &Addressed,
    query: &str,
    form: Option<&RawQuery>,
) -> Result<Arc<Tenant>, Reply> {
    let refusal = |error| match (call, error) {
        (Named::Known(call), error) if call.is_about_recordings() => {
            let parameters = Parameters { query: RawQuery::parse(query), form: form.cloned() };
            calls::recordings_refusal(*call, &parameters, error)
        }
        (Named::Known(_), ChecksumError::Missing) => Failure::ChecksumMissing.into(),
        (Named::Known(_), ChecksumError::NotADigest) => Failure::ChecksumMismatch.into(),
        // A call that nobody signed and BBB does not know is no call.
        (Named::Unknown(_), _) => Reply::NotFound,
    };
    let presented = Presented::read(call.name(), query, form).map_err(refusal)?;
    let tenant = match addressed {
        Addressed::Nobody => tenants.authenticate(&presented),
        Addressed::Tenant(tenant) => tenant.is_authentic(&presented).then(|| Arc::clone(tenant)),
        Addressed::Unknown => None,
    };
    tenant.ok_or_else(|| refusal(ChecksumError::NotADigest))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

/// BBB checks the checksum first; without one in the query, only a form can
/// carry it.
fn check_content_type(
    call: &Named,
    content_type: Option<&HeaderValue>,
    authenticated: bool,
) -> Result<(), Reply> {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !authenticated && !Bodies::Form.accept(text) {
        return Err(Failure::ChecksumMissing.into());
    }
    match call {
        Named::Known(call) if !call.bodies().accept(text) => {
            Err(Failure::UnsupportedContentType.into())
        }
        Named::Known(_) | Named::Unknown(_) => Ok(()),
    }
}

#[derive(Default)]
struct Read {
    form: Option<RawQuery>,
    document: Option<(HeaderValue, Bytes)>,
    held: Option<OwnedSemaphorePermit>,
}

async fn read_body(
    context: &Context,
    call: &Named,
    content_type: Option<HeaderValue>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Read, Reply> {
    let bounds = &context.bounds;
    let text = content_type.as_ref().and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_form = Bodies::Form.accept(text);
    // Captions come as a file, which goes on as it came.
    let is_upload = *call == Named::Known(Call::PutRecordingTextTrack);
    let limit = if is_form && !is_upload && *call != Named::Known(Call::Create) {
        bounds.form_bytes
    } else {
        bounds.body_bytes
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(limit);
    if announced > limit {
        return Err(Failure::BodyUnreadable.into());
    }
    let kib = u32::try_from(announced.div_ceil(KIB)).unwrap_or(u32::MAX);
    let held = Arc::clone(&context.bodies)
        .try_acquire_many_owned(kib)
        .map_err(|_| Reply::from(Failure::Overloaded))?;
    let reading = Limited::new(body, limit).collect();
    let bytes = match tokio::time::timeout(bounds.body_timeout, reading).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) | Err(_) => return Err(Failure::BodyUnreadable.into()),
    };
    let mut read = Read { held: Some(held), ..Read::default() };
    if bytes.is_empty() {
        return Ok(read);
    }
    if !is_form || is_upload {
        read.document = content_type.map(|content_type| (content_type, bytes));
    } else if text.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        let form = form_of_multipart(text, &bytes);
        read.form = Some(form.map_err(|_| Reply::from(Failure::BodyUnreadable))?);
    } else if bytes.trim_ascii_start().starts_with(b"<") {
        // Old clients announce a form and send XML. Only create has a use for
        // it; a node must never read parameters out of it.
        if *call == Named::Known(Call::Create) {
            read.document = Some((HeaderValue::from_static("application/xml"), bytes));
        }
    } else {
        if bytes.len() > bounds.form_bytes {
            return Err(Failure::BodyUnreadable.into());
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Reply::from(Failure::BodyUnreadable))?;
        read.form = Some(RawQuery::parse(text));
    }
    Ok(read)
}
