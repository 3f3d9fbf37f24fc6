//! What the script behind publishing posts, once for each format.

use serde_json::json;

use super::{Callback, CallbackKind, token::sign_hs256};
use crate::query::encode_as_java;

/// A format of a recording was published.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingReady {
    /// The `meetingID` of its meeting.
    pub(crate) meeting_id: String,
    /// The recording.
    pub(crate) record_id: String,
    /// `bbb-recording-ready-url` of its meeting.
    pub(crate) url: String,
}

impl RecordingReady {
    /// The call, signed with the node's secret.
    pub(super) fn callback(&self, secret: &str) -> Callback {
        let claims = json!({ "meeting_id": self.meeting_id, "record_id": self.record_id });
        let token = encode_as_java(&sign_hs256(&claims, secret));
        Callback {
            kind: CallbackKind::RecordingReady,
            method: "POST",
            url: self.url.clone(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: format!("signed_parameters={token}"),
            status: None,
        }
    }
}
