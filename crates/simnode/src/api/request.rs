//! One API request with its parameters from query and body.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request};
use http_body_util::{BodyExt, Limited};

use super::Call;
use crate::{
    answer::{self, Answer},
    query::Parameters,
};

/// The largest body of an API call.
pub(crate) const API_BODY_MAX: usize = 32 * 1024 * 1024;

/// A request as the calls see it.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) call: Call,
    pub(crate) headers: HeaderMap,
    /// The query as it came, still encoded.
    pub(crate) raw_query: String,
    /// Query first, form body second.
    pub(crate) parameters: Parameters,
    /// The body, unless it was a form.
    pub(crate) body: Bytes,
    /// The part `file` of a multipart form.
    pub(crate) file: Bytes,
    /// Whether a body was announced, so that its type is looked at.
    pub(crate) has_body: bool,
}

impl ApiRequest {
    /// Reads the whole request; `Err` is the answer when that cannot be done.
    pub(crate) async fn read(
        call: Call,
        parts: request::Parts,
        body: Body,
    ) -> Result<Self, Answer> {
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let mut parameters = Parameters::parse(&raw_query);
        let has_body = parts.headers.contains_key(header::TRANSFER_ENCODING)
            || parts.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
        let media_type = media_type(&parts.headers);
        let headers = parts.headers.clone();
        let body = Limited::new(body, API_BODY_MAX);
        let (mut kept, mut file) = (Bytes::new(), Bytes::new());
        match media_type.as_deref() {
            Some("multipart/form-data") => {
                let request = http::Request::from_parts(parts, Body::new(body));
                let (form, uploaded) = multipart(request).await?;
                parameters.append(form);
                file = uploaded;
            }
            _ => {
                let bytes = body
                    .collect()
                    .await
                    .map_err(|_| answer::page(StatusCode::PAYLOAD_TOO_LARGE))?
                    .to_bytes();
                if media_type.as_deref() == Some("application/x-www-form-urlencoded") {
                    let text = String::from_utf8_lossy(&bytes);
                    // Old clients label XML modules as a form: they are no parameters.
                    if !text.trim_start().starts_with('<') {
                        parameters.append(Parameters::parse(&text));
                    }
                } else {
                    kept = bytes;
                }
            }
        }
        Ok(Self { call, headers, raw_query, parameters, body: kept, file, has_body })
    }

    /// The media type of the body without parameters, in lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// The value of the `JSESSIONID` cookie.
    pub(crate) fn servlet_session(&self) -> Option<&str> {
        servlet_session(&self.headers)
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The value of the `JSESSIONID` cookie among a request's cookies.
pub(crate) fn servlet_session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("JSESSIONID="))
}

/// The text fields of a form, and its part `file`.
async fn multipart(mut request: http::Request<Body>) -> Result<(Parameters, Bytes), Answer> {
    // The body is limited already; the framework's own limit is far lower.
    DefaultBodyLimit::disable().apply(&mut request);
    let bad = |_| answer::page(StatusCode::BAD_REQUEST);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| answer::page(StatusCode::BAD_REQUEST))?;
    let (mut parameters, mut file) = (Parameters::default(), Bytes::new());
    while let Some(field) = form.next_field().await.map_err(bad)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_none() {
            parameters.push(&name, &field.text().await.map_err(bad)?);
        } else if name == "file" {
            file = field.bytes().await.map_err(bad)?;
        }
    }
    Ok((parameters, file))
}
