//! nginx's static files: types, validators, ranges, `.gz` siblings, listings.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, request::Parts};
use percent_encoding::percent_decode_str;

use super::{ClientFiles, Form};
use crate::{
    answer::{self, Answer},
    clock::http_date,
    locations::{Action, Alias},
    web_origin::WebOrigin,
};

/// What nginx does with a request at a location of the client.
pub(crate) enum Served {
    /// It answers by itself.
    Answer(Answer),
    /// It passes the request on to Meteor.
    Meteor,
}

/// Serves a request at a location of the client; `rest` is the path behind the
/// location's prefix.
pub(crate) async fn serve(
    files: &Arc<ClientFiles>,
    origin: &WebOrigin,
    action: &Action,
    rest: &str,
    parts: &Parts,
) -> Served {
    match action {
        Action::Redirect { code, target } => {
            let query = parts.uri.query();
            let whole = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let target = target
                .replace("$request_uri", whole)
                .replace("$is_args", if query.is_some() { "?" } else { "" })
                .replace("$args", query.unwrap_or_default());
            Served::Answer(redirect(origin, parts, *code, &target))
        }
        Action::Meteor => Served::Meteor,
        Action::Files(alias) => match find(files, alias, rest, parts.uri.path()) {
            Found::File(path) => Served::Answer(file(files, alias, &path, parts).await),
            _ if alias.else_meteor => Served::Meteor,
            _ if !reads(parts) => Served::Answer(answer::page(StatusCode::METHOD_NOT_ALLOWED)),
            Found::FolderWithoutSlash => {
                let query = parts.uri.query().map_or(String::new(), |query| format!("?{query}"));
                let target = format!("{}/{query}", parts.uri.path());
                Served::Answer(redirect(origin, parts, 301, &target))
            }
            Found::Folder(folder) if alias.listing => Served::Answer(listing(files, folder).await),
            Found::Folder(_) => Served::Answer(answer::page(StatusCode::FORBIDDEN)),
            Found::Nothing => Served::Answer(answer::page(StatusCode::NOT_FOUND)),
        },
    }
}

fn reads(parts: &Parts) -> bool {
    parts.method == Method::GET || parts.method == Method::HEAD
}

/// What a path leads to below an alias.
enum Found {
    File(String),
    Folder(String),
    FolderWithoutSlash,
    Nothing,
}

fn find(files: &ClientFiles, alias: &Alias, rest: &str, whole: &str) -> Found {
    let Ok(rest) = percent_decode_str(rest).decode_utf8() else { return Found::Nothing };
    let joined = format!("{}{rest}", alias.folder);
    let path = joined.trim_start_matches('/');
    if path.split('/').any(|segment| segment == "..") || path.contains("//") {
        return Found::Nothing;
    }
    if files.get(path).is_some() {
        return Found::File(path.to_owned());
    }
    let folder = path.trim_end_matches('/');
    if !files.is_folder(folder) {
        return Found::Nothing;
    }
    if !whole.ends_with('/') {
        return Found::FolderWithoutSlash;
    }
    let index =
        if folder.is_empty() { "index.html".to_owned() } else { format!("{folder}/index.html") };
    match files.get(&index) {
        Some(_) if !alias.listing => Found::File(index),
        _ => Found::Folder(folder.to_owned()),
    }
}

/// nginx makes redirects absolute, with the Host the client sent.
fn redirect(origin: &WebOrigin, parts: &Parts, code: u16, target: &str) -> Answer {
    let scheme = if origin.is_secure() { "https" } else { "http" };
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or_else(|| origin.authority());
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::MOVED_PERMANENTLY);
    answer::redirect(status, &format!("{scheme}://{host}{target}"))
}

/// `autoindex_format json`: computed at each request, so without validators.
async fn listing(files: &Arc<ClientFiles>, folder: String) -> Answer {
    let files = Arc::clone(files);
    // Sizes are known once the files are made, which takes a while the first time.
    let text = tokio::task::spawn_blocking(move || {
        let date = http_date(files.modified);
        let entries: Vec<String> = files
            .list(&folder)
            .iter()
            .map(|(name, size)| {
                format!(
                    "{{ \"name\":\"{name}\", \"type\":\"file\", \"mtime\":\"{date}\", \"size\":{size} }}"
                )
            })
            .collect();
        format!("[\r\n{}\r\n]", entries.join(",\r\n"))
    });
    match text.await {
        Ok(text) => answer::with_type(StatusCode::OK, "application/json", text),
        Err(_) => answer::page(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn file(files: &ClientFiles, alias: &Alias, path: &str, parts: &Parts) -> Answer {
    if !reads(parts) {
        return answer::page(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(file) = files.get(path) else {
        return answer::page(StatusCode::NOT_FOUND);
    };
    let encoded = alias.gzip_static && file.has(Form::Gzip) && takes_gzip(parts);
    let bytes = file.made(if encoded { Form::Gzip } else { Form::Plain }).await;
    let etag = format!("\"{:x}-{:x}\"", files.modified, bytes.len());
    let modified = http_date(files.modified);
    let mut answer = if is_current(&parts.headers, &etag, &modified) {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        body(&bytes, content_type(alias, path), &parts.headers, &etag, &modified)
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, value(&etag));
    headers.insert(header::LAST_MODIFIED, value(&modified));
    if encoded && answer.status() != StatusCode::NOT_MODIFIED {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("dates, numbers and hex digits")
}

/// nginx sends `.gz` siblings to HTTP/1.1 clients that ask for them, and not
/// through proxies that announce themselves by `Via`.
fn takes_gzip(parts: &Parts) -> bool {
    let asked = parts.headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let asked = asked.is_some_and(|value| {
        value.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = weight.trim().trim_start_matches("q=").parse() == Ok(0.0_f32);
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
    });
    asked && parts.version >= Version::HTTP_11 && !parts.headers.contains_key(header::VIA)
}

/// Whether the client's copy is current; an entity tag speaks before a date,
/// and a date must be exactly equal, as nginx has it by default.
fn is_current(headers: &HeaderMap, etag: &str, modified: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        return tags
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag);
    }
    text(header::IF_MODIFIED_SINCE) == Some(modified)
}

fn body(
    bytes: &Bytes,
    content_type: &'static str,
    headers: &HeaderMap,
    etag: &str,
    modified: &str,
) -> Answer {
    let accept = HeaderValue::from_static("bytes");
    let whole = || {
        let mut answer = answer::with_type(StatusCode::OK, content_type, bytes.clone());
        answer.headers_mut().insert(header::ACCEPT_RANGES, accept.clone());
        answer
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let fresh = text(header::IF_RANGE).is_none_or(|given| given == etag || given == modified);
    match text(header::RANGE).filter(|_| fresh).and_then(|range| single_range(range, bytes.len())) {
        None => whole(),
        Some(Err(Unsatisfiable)) => {
            let mut answer = answer::page(StatusCode::RANGE_NOT_SATISFIABLE);
            let range = value(&format!("bytes */{}", bytes.len()));
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
            answer
        }
        Some(Ok((first, last))) => {
            let mut answer = whole();
            *answer.body_mut() = Body::from(bytes.slice(first..=last));
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = value(&format!("bytes {first}-{last}/{}", bytes.len()));
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
            answer.headers_mut().remove(header::ACCEPT_RANGES);
            answer
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// The first and last byte of a request for one range; `None` when the header
/// is to be ignored (several ranges are, which nginx may answer in parts).
fn single_range(header: &str, length: usize) -> Option<Result<(usize, usize), Unsatisfiable>> {
    let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let range = match (first, last) {
        ("", suffix) => {
            let suffix: usize = suffix.parse().ok()?;
            if suffix == 0 {
                return Some(Err(Unsatisfiable));
            }
            (length.saturating_sub(suffix), length.checked_sub(1)?)
        }
        (first, "") => (first.parse().ok()?, length.checked_sub(1)?),
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            if first > last {
                return None;
            }
            (first, last.min(length.checked_sub(1)?))
        }
    };
    Some(if range.0 < length { Ok(range) } else { Err(Unsatisfiable) })
}

fn content_type(alias: &Alias, path: &str) -> &'static str {
    let extension = path.rsplit('.').next().unwrap_or_default();
    if alias.wasm_types {
        return if extension == "wasm" { "application/wasm" } else { "application/octet-stream" };
    }
    match extension {
        "html" => "text/html",
        "css" => "text/css",
        "js" => "application/javascript",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "mp3" => "audio/mpeg",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        // The nginx of these releases knows neither wasm nor yml.
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{Unsatisfiable, single_range};

    #[test]
    fn ranges() {
        let table = [
            ("bytes=0-4", Some(Ok((0, 4)))),
            ("bytes=2-", Some(Ok((2, 9)))),
            ("bytes=-3", Some(Ok((7, 9)))),
            ("bytes=-30", Some(Ok((0, 9)))),
            ("bytes=5-50", Some(Ok((5, 9)))),
            ("bytes=10-", Some(Err(Unsatisfiable))),
            ("bytes=-0", Some(Err(Unsatisfiable))),
            ("bytes=4-2", None),
            ("bytes=0-1,3-4", None),
            ("items=0-1", None),
            ("bytes=x-", None),
        ];
        for (header, expected) in table {
            assert_eq!(single_range(header, 10), expected, "{header}");
        }
    }
}
