//! Slide images, small images and texts, drawn on demand.

use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    answer::{self, Answer},
    route::SlideKind,
    state::NodeState,
};

/// How many pages every presentation has.
pub(crate) const PAGES: u32 = 3;

/// One page as a file: its type and its bytes.
pub(crate) struct PageFile {
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// What is in it.
    pub(crate) text: String,
}

/// Draws what of a page a file holds; `None` when there is no such page.
pub(crate) fn draw(meeting: &str, document: &str, kind: SlideKind, page: u32) -> Option<PageFile> {
    if !(1..=PAGES).contains(&page) {
        return None;
    }
    let file = |content_type, text| PageFile { content_type, text };
    Some(match kind {
        SlideKind::Svg => file(
            "image/svg+xml",
            svg(1280, 720, &[meeting, document, &format!("Slide {page} of {PAGES}")]),
        ),
        SlideKind::Thumbnail => file("image/svg+xml", svg(160, 90, &[&page.to_string()])),
        SlideKind::Text => {
            file("text/plain", format!("{meeting}\n{document}\nSlide {page} of {PAGES}\n"))
        }
        // Nothing is exported here.
        SlideKind::Annotated => return None,
    })
}

/// Answers a request for a page, once its session is known to be right.
pub(crate) fn answer(
    node: &NodeState,
    parts: &Parts,
    meeting: &str,
    presentation: &str,
    kind: SlideKind,
    page: u32,
) -> Answer {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return answer::page(StatusCode::METHOD_NOT_ALLOWED);
    }
    let names = node.read(|meetings| {
        let meeting = meetings.get(meeting)?;
        (meeting.presentation.id == presentation)
            .then(|| (meeting.name.clone(), meeting.presentation.name.clone()))
    });
    match names.and_then(|(meeting, document)| draw(&meeting, &document, kind, page)) {
        Some(file) => answer::with_type(StatusCode::OK, file.content_type, file.text),
        None => answer::page(StatusCode::NOT_FOUND),
    }
}

/// The presentation as a file, for whoever names it.
pub(crate) fn download(
    node: &NodeState,
    parts: &Parts,
    meeting: &str,
    presentation: &str,
) -> Answer {
    let named = parts.uri.query().is_some_and(|query| query.contains("presFilename="));
    let known = node.read(|meetings| {
        meetings.get(meeting).is_some_and(|meeting| meeting.presentation.id == presentation)
    });
    if !named || !known {
        return answer::page(StatusCode::NOT_FOUND);
    }
    let mut answer = answer::with_type(StatusCode::OK, "application/pdf", "%PDF-1.4\n%%EOF\n");
    let disposition = HeaderValue::from_static("attachment; filename=\"presentation.pdf\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    answer
}

fn svg(width: u32, height: u32, lines: &[&str]) -> String {
    use std::fmt::Write as _;

    let size = height / 10;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" text-anchor=\"middle\"><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/><rect width=\"{width}\" height=\"{}\" fill=\"#0f70d7\"/>",
        height / 40 + 1
    );
    for (at, line) in (2_u32..).zip(lines) {
        let line = line.replace('&', "&amp;").replace('<', "&lt;");
        write!(
            text,
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" fill=\"#06172a\">{line}</text>",
            width / 2,
            height * at / 6 + size
        )
        .expect("writing to a String cannot fail");
    }
    text.push_str("</svg>");
    text
}
