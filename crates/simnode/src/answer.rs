//! Answers as nginx and bbb-web give them.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// An answer on its way to the connection.
pub(crate) type Answer = Response<Body>;

/// An answer with a body of a type.
pub(crate) fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(Body::from(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer without body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// Whether an API answer forbids storing; a few calls leave that header out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    NoCache,
    Unsaid,
}

/// An API answer in XML.
pub(crate) fn xml(text: String, caching: Caching) -> Answer {
    api(with_type(StatusCode::OK, "text/xml;charset=utf-8", text), caching)
}

/// An API answer in JSON.
pub(crate) fn json(value: &impl serde::Serialize, caching: Caching) -> Answer {
    let text = serde_json::to_string_pretty(value)
        .expect("values made here have text keys and no failing serialisers");
    api(with_type(StatusCode::OK, "application/json;charset=utf-8", text), caching)
}

fn api(mut answer: Answer, caching: Caching) -> Answer {
    if caching == Caching::NoCache {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    answer
}

/// A redirect; an address that cannot stand in a header is a 500, as in Tomcat.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Answer {
    let Ok(location) = HeaderValue::from_str(location) else {
        return page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut answer = if status == StatusCode::FOUND { empty(status) } else { page(status) };
    answer.headers_mut().insert(header::LOCATION, location);
    answer
}

/// nginx's own small page for a status.
pub(crate) fn page(status: StatusCode) -> Answer {
    let title = match status {
        StatusCode::METHOD_NOT_ALLOWED => "405 Not Allowed".to_owned(),
        StatusCode::UNAUTHORIZED => "401 Authorization Required".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "413 Request Entity Too Large".to_owned(),
        StatusCode::RANGE_NOT_SATISFIABLE => "416 Requested Range Not Satisfiable".to_owned(),
        _ => format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()),
    };
    let text = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    with_type(status, "text/html", text)
}
