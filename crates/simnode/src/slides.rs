//! Slide images, small images and texts, drawn on demand.

use http::{Method, StatusCode, request::Parts};

use crate::{
    answer::{self, Answer},
    rest::{slide_cors, user_of_query},
    route::SlideKind,
    state::NodeState,
};

/// How many pages every presentation has.
pub(crate) const PAGES: u32 = 3;

/// Answers a request for a page. Since 3.0.27 it needs the session of a user
/// of that meeting; the cross-origin headers come with every status.
pub(crate) fn answer(
    node: &NodeState,
    parts: &Parts,
    meeting: &str,
    presentation: &str,
    kind: SlideKind,
    page: u32,
) -> Answer {
    let mut answer = page_or_refusal(node, parts, meeting, presentation, kind, page);
    slide_cors(node, &mut answer);
    answer
}

fn page_or_refusal(
    node: &NodeState,
    parts: &Parts,
    meeting: &str,
    presentation: &str,
    kind: SlideKind,
    page: u32,
) -> Answer {
    if node.effective.release.slides_need_session()
        && user_of_query(node, parts).is_none_or(|key| key.meeting != meeting)
    {
        return answer::page(StatusCode::UNAUTHORIZED);
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return answer::page(StatusCode::METHOD_NOT_ALLOWED);
    }
    let names = node.read(|meetings| {
        let meeting = meetings.get(meeting)?;
        let known = meeting.presentation.id == presentation && (1..=PAGES).contains(&page);
        known.then(|| (meeting.name.clone(), meeting.presentation.name.clone()))
    });
    let Some((meeting_name, document)) = names else {
        return answer::page(StatusCode::NOT_FOUND);
    };
    match kind {
        SlideKind::Svg => answer::with_type(
            StatusCode::OK,
            "image/svg+xml",
            svg(1280, 720, &[&meeting_name, &document, &format!("Slide {page} of {PAGES}")]),
        ),
        SlideKind::Thumbnail => {
            answer::with_type(StatusCode::OK, "image/svg+xml", svg(160, 90, &[&format!("{page}")]))
        }
        SlideKind::Text => answer::with_type(
            StatusCode::OK,
            "text/plain",
            format!("{meeting_name}\n{document}\nSlide {page} of {PAGES}\n"),
        ),
    }
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
