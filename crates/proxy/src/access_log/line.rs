//! One record as text.

use std::{fmt::Write as _, time::Duration, time::SystemTime};

use http::{HeaderValue, Version};
use serde::Serialize;

use super::{AccessLogFormat, Record, client::Clients, redacted};

/// Writes `record` and a line's end behind `out`. `dropped` lines are missing
/// before it.
pub(super) fn write(
    out: &mut Vec<u8>,
    record: &Record,
    format: AccessLogFormat,
    clients: &mut Clients,
    dropped: u64,
) {
    let client = clients.text(record.client, record.time);
    match format {
        AccessLogFormat::Json => {
            let before = out.len();
            if serde_json::to_writer(&mut *out, &json(record, client, dropped)).is_err() {
                out.truncate(before);
                return;
            }
        }
        AccessLogFormat::Combined => out.extend_from_slice(combined(record, &client).as_bytes()),
    }
    out.push(b'\n');
}

/// A record as JSON.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    client: String,
    http: &'static str,
    method: &'a str,
    host: &'a str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<&'a str>,
    status: u16,
    bytes: u64,
    duration_ms: f64,
    asked_node: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_ms: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken_off: bool,
    /// Lines lost since the one before.
    #[serde(skip_serializing_if = "is_zero")]
    dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn json(record: &Record, client: String, dropped: u64) -> Line<'_> {
    Line {
        time: jiff::Timestamp::try_from(record.time)
            .map(|time| format!("{time:.3}"))
            .unwrap_or_default(),
        request_id: record.request_id.as_ref().and_then(|id| id.to_str().ok()),
        client,
        http: version(record.version),
        method: record.method.as_str(),
        host: redacted::host(&record.host),
        path: redacted::path(record.uri.path()),
        mount: record.node.as_ref().map(|node| node.name.as_str()),
        status: record.status.as_u16(),
        bytes: record.bytes,
        duration_ms: milliseconds(record.took),
        asked_node: record.asked_node,
        cache: record.cache,
        upstream_ms: record.upstream.map(milliseconds),
        broken_off: record.broken_off,
        dropped,
    }
}

/// The combined form: no user, no query, a referer without one.
fn combined(record: &Record, client: &str) -> String {
    let header = |value: &Option<HeaderValue>| {
        value.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let referer = header(&record.referer).map(|referer| redacted::referer(&referer));
    let user_agent = header(&record.user_agent).map(|text| redacted::text(&text).to_owned());
    format!(
        "{client} - - [{}] \"{} {} HTTP/{}\" {} {} \"{}\" \"{}\"",
        common_time(record.time),
        escaped(record.method.as_str()),
        escaped(&redacted::path(record.uri.path())),
        version(record.version),
        record.status.as_u16(),
        record.bytes,
        referer.as_deref().map_or("-".to_owned(), escaped),
        user_agent.as_deref().map_or("-".to_owned(), escaped),
    )
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

fn common_time(time: SystemTime) -> String {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or_default();
    timestamp.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// Nothing in quotes can end them, or the line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => drop(write!(out, "\\x{:02X}", u32::from(character))),
            _ if character.is_control() => drop(write!(out, "\\x{:02X}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
