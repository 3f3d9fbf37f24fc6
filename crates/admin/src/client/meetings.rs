//! Meetings, their recordings and their callbacks.

use bluegate_cluster::TenantName;
use http::Method;

use super::{Client, ClientError, escaped};
use crate::{
    CallbackDone, CallbackStanding, CallbacksReport, MeetingEntry, MeetingLife, RecordingChange,
    RecordingEntry, RecordingList, RecordingState, RecordingWish,
};

impl Client {
    /// `GET /v1/meetings`, all or those of one ID.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn meetings(&self, id: Option<&str>) -> Result<Vec<MeetingEntry>, ClientError> {
        let target = match id {
            Some(id) => format!("/v1/meetings?id={}", escaped(id)),
            None => "/v1/meetings".to_owned(),
        };
        self.call(Method::GET, &target).await
    }

    /// `GET /v1/meetings/{tenant}/{meeting}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn meeting(
        &self,
        tenant: &TenantName,
        id: &str,
    ) -> Result<Vec<MeetingLife>, ClientError> {
        self.call(Method::GET, &format!("/v1/meetings/{tenant}/{}", escaped(id))).await
    }

    /// `DELETE /v1/meetings/{tenant}/{meeting}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn end_meeting(&self, tenant: &TenantName, id: &str) -> Result<(), ClientError> {
        let target = format!("/v1/meetings/{tenant}/{}", escaped(id));
        self.call::<serde_json::Value>(Method::DELETE, &target).await.map(drop)
    }

    /// `GET /v1/recordings`, at most `limit` of those wished for.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn recordings(
        &self,
        wish: &RecordingWish,
        limit: u32,
    ) -> Result<RecordingList, ClientError> {
        let mut target = format!("/v1/recordings?limit={limit}");
        let parts = [
            ("tenant", wish.tenant.as_ref().map(TenantName::as_str)),
            ("meeting", wish.meeting_id.as_deref()),
            ("id", wish.record_id.as_deref()),
            ("state", wish.state.map(RecordingState::as_str)),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                target.push_str(&format!("&{name}={}", escaped(value)));
            }
        }
        self.call(Method::GET, &target).await
    }

    /// `GET /v1/recordings/{tenant}/{recording}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn recording(
        &self,
        tenant: &TenantName,
        id: &str,
    ) -> Result<RecordingEntry, ClientError> {
        self.call(Method::GET, &recording(tenant, id)).await
    }

    /// `PATCH /v1/recordings/{tenant}/{recording}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn publish_recording(
        &self,
        tenant: &TenantName,
        id: &str,
        published: bool,
    ) -> Result<RecordingEntry, ClientError> {
        let change = RecordingChange { published };
        self.call_with(Method::PATCH, &recording(tenant, id), Some(&change)).await
    }

    /// `DELETE /v1/recordings/{tenant}/{recording}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_recording(&self, tenant: &TenantName, id: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, &recording(tenant, id)).await
    }

    /// `GET /v1/callbacks`, in one state or all that were not delivered, at most
    /// `limit` of each.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn callbacks(
        &self,
        state: Option<CallbackStanding>,
        tenant: Option<&TenantName>,
        limit: u32,
    ) -> Result<CallbacksReport, ClientError> {
        let mut target = format!("/v1/callbacks?limit={limit}");
        if let Some(state) = state {
            let state = match state {
                CallbackStanding::Queued => "queued",
                CallbackStanding::Delivered => "delivered",
                CallbackStanding::Dead => "dead",
            };
            target.push_str(&format!("&state={state}"));
        }
        if let Some(tenant) = tenant {
            // A name's characters need no escaping in a query.
            target.push_str(&format!("&tenant={tenant}"));
        }
        self.call(Method::GET, &target).await
    }

    /// `POST /v1/callbacks/{id}/retry`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn retry_callback(&self, id: &str) -> Result<CallbackDone, ClientError> {
        self.call(Method::POST, &format!("/v1/callbacks/{}/retry", escaped(id))).await
    }

    /// `DELETE /v1/callbacks/{id}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn drop_callback(&self, id: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, &format!("/v1/callbacks/{}", escaped(id))).await
    }
}

fn recording(tenant: &TenantName, id: &str) -> String {
    format!("/v1/recordings/{tenant}/{}", escaped(id))
}
