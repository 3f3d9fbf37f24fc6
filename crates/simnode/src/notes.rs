//! The shared notes server (hocuspocus), behind nginx's `/hocuspocus/`.

use std::sync::Arc;

use http::{StatusCode, request::Parts};

use crate::{
    answer::{self, Answer},
    socket,
    state::NodeState,
};

/// Answers a request that nginx let pass; `path` is what stands behind
/// `/hocuspocus`. The cross-origin headers are nginx's.
pub(crate) async fn answer(node: &Arc<NodeState>, path: &str, parts: &mut Parts) -> Answer {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "collaboration", ..] => socket::listening(node, parts, None).await,
        ["", "api", "documents", document, "export", kind] => {
            let content_type = match *kind {
                "txt" | "md" => "text/plain; charset=utf-8",
                "html" => "text/html; charset=utf-8",
                "pdf" => "application/pdf",
                _ => return answer::page(StatusCode::NOT_FOUND),
            };
            let text = format!("Shared notes of {document}\n");
            answer::with_type(StatusCode::OK, content_type, text)
        }
        _ => answer::with_type(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "Not found"),
    }
}
