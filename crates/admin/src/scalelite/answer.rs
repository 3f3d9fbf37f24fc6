//! Answers as Scalelite gives them: JSON with a status, or XML with 200.

use axum::{body::Body, response::Response};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

/// One answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// JSON.
    Json(StatusCode, Value),
    /// The API's own failures, which have status 200.
    Failed(&'static str, String),
    /// Nothing but a status.
    Empty(StatusCode),
}

impl Answer {
    /// Its HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Json(status, _) | Self::Empty(status) => *status,
            Self::Failed(..) => StatusCode::OK,
        }
    }

    /// The word for a refusal.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Failed(key, _) => key,
            Self::Json(..) | Self::Empty(_) => "refused",
        }
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let (status, content_type, body) = match answer {
            Answer::Json(status, value) => {
                (status, "application/json; charset=utf-8", value.to_string())
            }
            Answer::Failed(key, message) => {
                let message =
                    message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let xml = format!(
                    "<?xml version=\"1.0\"?>\n<response>\n  <returncode>FAILED</returncode>\n  \
                     <messageKey>{key}</messageKey>\n  <message>{message}</message>\n</response>\n"
                );
                (StatusCode::OK, "application/xml; charset=utf-8", xml)
            }
            Answer::Empty(status) => (status, "text/html", String::new()),
        };
        let response = http::Response::builder()
            .status(status)
            .header(CONTENT_TYPE, content_type)
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .body(Body::from(body));
        response.expect("texts of ours make a response")
    }
}

pub(super) fn unsupported() -> Answer {
    Answer::Failed("unsupportedRequest", "This request is not supported.".to_owned())
}

pub(super) fn unsupported_content_type() -> Answer {
    let message = "POST request Content-Type is missing or unsupported";
    Answer::Failed("unsupportedContentType", message.to_owned())
}

pub(super) fn checksum_error() -> Answer {
    let message = "You did not pass the checksum security check";
    Answer::Failed("checksumError", message.to_owned())
}

pub(super) fn missing(name: &str) -> Answer {
    let message = format!("param is missing or the value is empty: {name}");
    Answer::Failed("internalError", message)
}

/// `{"error": ...}`
pub(super) fn error(status: StatusCode, message: impl Into<String>) -> Answer {
    Answer::Json(status, json!({ "error": message.into() }))
}

/// A field as the text Scalelite's framework makes of it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
