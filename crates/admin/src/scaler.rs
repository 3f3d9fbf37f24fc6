//! What the scaler shows and does: its nodes and its meetings.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use bluegate_cluster::{Mount, TenantName};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An answer of the scaler that takes a while.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, ScalerRefusal>> + Send + 'a>>;

/// Why the scaler did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScalerRefusal {
    /// How it is answered.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// A scaler.
pub trait ScalerSource: Send + Sync {
    /// Its nodes, by name. From memory.
    fn nodes(&self) -> BTreeMap<String, ScalerNode>;
    /// Adds a node.
    fn add_node(&self, node: NodeSpec) -> Answering<'_, ()>;
    /// Changes what is decided of a node.
    fn change_node(&self, name: Mount, change: NodeChange) -> Answering<'_, ()>;
    /// Removes a node that was added; with meetings on it only when told to insist.
    fn remove_node(&self, name: Mount, insist: bool) -> Answering<'_, NodeRemoved>;
    /// How far a node is from being empty.
    fn drain(&self, name: Mount) -> Answering<'_, DrainStatus>;
    /// Its open meetings, oldest first. From memory.
    fn meetings(&self) -> Vec<MeetingEntry>;
    /// The last lives of a meeting, the latest first.
    fn meeting(&self, tenant: TenantName, id: String) -> Answering<'_, Vec<MeetingLife>>;
    /// Ends a meeting.
    fn end_meeting(&self, tenant: TenantName, id: String) -> Answering<'_, ()>;
}

/// A node as placement sees it. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScalerNode {
    /// Its own origin.
    pub origin: String,
    /// Its release, as far as is known: `3.0.28`, `3.0`, or `>=3.0` and `<3.0` of a
    /// node that hides it.
    pub bbb: Option<String>,
    /// Whether the node told so, since its configuration says nothing.
    #[serde(default)]
    pub bbb_told: bool,
    /// `file`, or `store` when it was added at run time.
    pub source: String,
    /// `healthy`, `suspect` or `lost`.
    pub health: String,
    /// Since when it gets no new meetings by an operator's word.
    pub cordoned_at: Option<i64>,
    /// The weight in force: less than configured while it is only just back.
    pub weight: f64,
    /// The weight it has by its configuration.
    #[serde(default)]
    pub weight_configured: f64,
    /// A weight that was set at run time.
    pub weight_set: Option<f64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Most meetings on it.
    pub max_meetings: Option<u32>,
    /// Most users on it.
    pub max_users: Option<u32>,
    /// Most users that one meeting on it may be expected to have.
    pub max_meeting_users: Option<u32>,
    /// Its load over its weight; 1 is a user.
    pub load: f64,
    /// Its meetings.
    pub meetings: u64,
    /// Its breakout rooms.
    pub breakout_rooms: u64,
    /// Users in them.
    pub users: u64,
    /// Users expected beyond those.
    pub reserved_users: u64,
}

/// A node to add.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Its name, which is also its mount.
    pub name: String,
    /// Its own origin.
    pub origin: String,
    /// Where to connect instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbb: Option<String>,
    /// Whether the cluster's origin serves its client.
    #[serde(default = "yes")]
    pub proxied: bool,
    /// Its API secrets: the first signs.
    pub secrets: Vec<String>,
    /// Its share of load beside other nodes.
    #[serde(default = "one")]
    pub weight: f64,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Most meetings on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_meetings: Option<u32>,
    /// Most users on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u32>,
    /// Most users that one meeting on it may be expected to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_meeting_users: Option<u32>,
}

impl std::fmt::Debug for NodeSpec {
    /// Without its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSpec").field("name", &self.name).finish_non_exhaustive()
    }
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

/// A change of what is decided of a node; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeChange {
    /// Whether it gets no new meetings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cordoned: Option<bool>,
    /// A weight instead of the configured one; `null` takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub weight: Option<Option<f64>>,
}

/// A key that is there, with a value or `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A node that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeRemoved {
    /// Its name.
    pub name: String,
    /// Meetings that were left behind on it.
    pub meetings_left: u64,
}

/// How far a node is from being empty. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrainStatus {
    /// Since when it gets no new meetings.
    pub cordoned_at: Option<i64>,
    /// Whether nothing is left on it; not before it ever told what is.
    pub empty: bool,
    /// Its meetings.
    pub meetings: u64,
    /// Its breakout rooms.
    pub breakout_rooms: u64,
    /// Users in them.
    pub users: u64,
    /// When the last meeting of which that can be foreseen should have ended.
    pub empty_by: Option<i64>,
    /// Meetings whose end cannot be foreseen.
    pub unforeseen: u64,
}

/// An open meeting. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeetingEntry {
    /// Whose.
    pub tenant: String,
    /// The tenant's ID for it.
    pub meeting_id: String,
    /// Where it is.
    pub node: String,
    /// `placing`, `uncertain`, `live`, `ended` or `superseded`.
    pub state: String,
    /// BBB's ID of this life.
    pub internal_meeting_id: Option<String>,
    /// Users its node last counted.
    pub users: Option<u32>,
    /// Users that were expected.
    pub reserved_users: i64,
    /// When it was placed.
    pub created_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// One life of a meeting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MeetingLife {
    /// The meeting.
    #[serde(flatten)]
    pub meeting: MeetingEntry,
    /// Why it is where it is: the nodes that might have taken it with their
    /// loads, those that might not with the reason, what was reserved and why.
    pub decision: Option<serde_json::Value>,
}
