//! The node's WebSockets.

mod graphql;
mod media;
mod presence;
pub(crate) mod view;

pub(crate) use graphql::graphql;
pub(crate) use media::{listening, sfu};
pub(crate) use presence::Presence;

use axum::extract::{FromRequestParts, WebSocketUpgrade};
use http::{StatusCode, request::Parts};

use crate::answer::{self, Answer};

/// The largest message of a client.
const MESSAGE_MAX: usize = 256 * 1024;

/// The upgrade a request asks for; `Err` is the answer when it asks for none.
pub(crate) async fn upgrade(parts: &mut Parts) -> Result<WebSocketUpgrade, Answer> {
    WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map(|upgrade| upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX))
        .map_err(|_| answer::page(StatusCode::UPGRADE_REQUIRED))
}
