//! How a request is answered from what is stored: whole, in part, or not at
//! all because the client has it (RFC 9110, section 13).

use http::{
    HeaderMap, HeaderName,
    header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE},
};
use jiff::{Timestamp, fmt::rfc2822};

use crate::{
    entity_tag::EntityTag,
    range::{ByteRange, RequestedRange},
};

/// What is known of the stored representation that would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Its entity tag.
    pub tag: &'a EntityTag,
    /// Its `Last-Modified`, as the node sent it.
    pub last_modified: Option<&'a str>,
    /// Its length in bytes, in the coding that would be sent.
    pub length: u64,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// 200 with the whole body.
    Whole,
    /// 304: the client has it.
    NotModified,
    /// 206 with this part.
    Part(ByteRange),
    /// 416: there is no such part.
    Unsatisfiable,
}

/// Evaluates the preconditions of a `GET` or `HEAD` in the order of section
/// 13.2.2: `If-None-Match`, else `If-Modified-Since`, then `Range` with
/// `If-Range`.
#[must_use]
pub fn select(request: &HeaderMap, stored: &Stored<'_>) -> Selection {
    if client_has_it(request, stored) {
        return Selection::NotModified;
    }
    if !if_range_holds(request, stored) {
        return Selection::Whole;
    }
    match RequestedRange::parse(text(request, &RANGE).as_deref(), stored.length) {
        RequestedRange::Whole => Selection::Whole,
        RequestedRange::Part(part) => Selection::Part(part),
        RequestedRange::Unsatisfiable => Selection::Unsatisfiable,
    }
}

fn client_has_it(request: &HeaderMap, stored: &Stored<'_>) -> bool {
    if let Some(list) = text(request, &IF_NONE_MATCH) {
        return stored.tag.is_listed_in(&list);
    }
    let Some(since) = text(request, &IF_MODIFIED_SINCE).and_then(|date| http_date(&date)) else {
        return false;
    };
    stored.last_modified.and_then(http_date).is_some_and(|modified| modified <= since)
}

/// `If-Range` (section 13.1.5): a strong tag, or exactly the date we sent.
fn if_range_holds(request: &HeaderMap, stored: &Stored<'_>) -> bool {
    let Some(value) = text(request, &IF_RANGE) else { return true };
    match EntityTag::parse(&value) {
        Some(tag) => tag.matches_strongly(stored.tag),
        None => stored.last_modified.is_some_and(|modified| modified == value.trim()),
    }
}

/// All values of a list header as one; a value that is not text counts as one
/// that matches nothing.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("")).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is sent today.
fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text.trim()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[test]
    fn preconditions_are_evaluated_in_their_order() {
        let part = Selection::Part(ByteRange { first: 0, last: 4 });
        for (lines, wanted) in [
            (&[][..], Selection::Whole),
            (&[(IF_NONE_MATCH, "\"a\"")], Selection::NotModified),
            (&[(IF_NONE_MATCH, "W/\"a\", \"b\"")], Selection::NotModified),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a\"")], Selection::NotModified),
            (&[(IF_NONE_MATCH, "\"x\"")], Selection::Whole),
            // A tag beats a date.
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, LATER)], Selection::Whole),
            (&[(IF_MODIFIED_SINCE, MODIFIED)], Selection::NotModified),
            (&[(IF_MODIFIED_SINCE, LATER)], Selection::NotModified),
            (&[(IF_MODIFIED_SINCE, EARLIER)], Selection::Whole),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Selection::Whole),
            (&[(RANGE, "bytes=0-4")], part),
            (&[(RANGE, "bytes=0-4"), (IF_NONE_MATCH, "\"a\"")], Selection::NotModified),
            (&[(RANGE, "bytes=0-4"), (IF_RANGE, "\"a\"")], part),
            (&[(RANGE, "bytes=0-4"), (IF_RANGE, "W/\"a\"")], Selection::Whole),
            (&[(RANGE, "bytes=0-4"), (IF_RANGE, "\"x\"")], Selection::Whole),
            (&[(RANGE, "bytes=0-4"), (IF_RANGE, MODIFIED)], part),
            (&[(RANGE, "bytes=0-4"), (IF_RANGE, LATER)], Selection::Whole),
            (&[(RANGE, "bytes=99-")], Selection::Unsatisfiable),
        ] {
            let request: HeaderMap = {
                let mut headers = HeaderMap::new();
                for (name, value) in lines {
                    headers.append(name, HeaderValue::from_static(value));
                }
                headers
            };
            let tag = EntityTag::strong("a");
            let stored = Stored { tag: &tag, last_modified: Some(MODIFIED), length: 10 };
            assert_eq!(select(&request, &stored), wanted, "{lines:?}");
        }
    }
}
