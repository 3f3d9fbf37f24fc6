//! The scaler's nodes and meetings, as the admin API shows and changes them.

use std::collections::BTreeMap;

use bluegate_admin::{
    Answering, DrainStatus, MeetingEntry, MeetingLife, NodeChange, NodeRemoved, NodeSpec,
    ScalerNode, ScalerRefusal, ScalerSource,
};
use bluegate_cluster::{Mount, Secret, TenantMeetingId, TenantName};
use bluegate_scaler::{
    EndError, MeetingReport, NodeConfig, NodeError, NodeReport, NodeTerms, Scaler,
};
use http::StatusCode;

/// A scaler on the admin listener.
pub(crate) struct AdminScaler(pub(crate) Scaler);

impl ScalerSource for AdminScaler {
    fn nodes(&self) -> BTreeMap<String, ScalerNode> {
        self.0.nodes().iter().map(|node| (node.node.name.to_string(), shown_node(node))).collect()
    }

    fn add_node(&self, spec: NodeSpec) -> Answering<'_, ()> {
        Box::pin(async move {
            let config = configured(&spec).map_err(|message| ScalerRefusal {
                status: StatusCode::BAD_REQUEST,
                code: "bad_body",
                message,
            })?;
            self.0.add_node(config).await.map_err(|error| refused(&error))
        })
    }

    fn change_node(&self, name: Mount, change: NodeChange) -> Answering<'_, ()> {
        Box::pin(async move {
            if let Some(cordoned) = change.cordoned {
                self.0.cordon_node(&name, cordoned).await.map_err(|error| refused(&error))?;
            }
            if let Some(weight) = change.weight {
                self.0.weigh_node(&name, weight).await.map_err(|error| refused(&error))?;
            }
            Ok(())
        })
    }

    fn remove_node(&self, name: Mount, insist: bool) -> Answering<'_, NodeRemoved> {
        Box::pin(async move {
            let left = self.0.remove_node(&name, insist).await.map_err(|error| refused(&error))?;
            Ok(NodeRemoved { name: name.to_string(), meetings_left: left as u64 })
        })
    }

    fn drain(&self, name: Mount) -> Answering<'_, DrainStatus> {
        Box::pin(async move {
            let report = self.0.drain_report(&name).await.map_err(|error| refused(&error))?;
            Ok(DrainStatus {
                cordoned_at: report.cordoned_at,
                empty: report.heard && report.meetings == 0 && report.breakout_rooms == 0,
                meetings: report.meetings,
                breakout_rooms: report.breakout_rooms,
                users: report.users,
                empty_by: report.empty_by,
                unforeseen: report.unforeseen,
            })
        })
    }

    fn meetings(&self) -> Vec<MeetingEntry> {
        self.0.meetings().iter().map(shown_meeting).collect()
    }

    fn meeting(&self, tenant: TenantName, id: String) -> Answering<'_, Vec<MeetingLife>> {
        Box::pin(async move {
            let lives = self.0.meeting(&TenantMeetingId::new(&tenant, &id)).await;
            let lives = lives.map_err(|error| refused(&NodeError::Store(error)))?;
            let shown = |life: &MeetingReport| MeetingLife {
                meeting: shown_meeting(life),
                decision: life.decision.as_ref().and_then(|json| serde_json::from_str(json).ok()),
            };
            Ok(lives.iter().map(shown).collect())
        })
    }

    fn end_meeting(&self, tenant: TenantName, id: String) -> Answering<'_, ()> {
        Box::pin(async move {
            let ended = self.0.end_meeting(&TenantMeetingId::new(&tenant, &id)).await;
            ended.map_err(|error| {
                let (status, code) = match &error {
                    EndError::Unknown => (StatusCode::NOT_FOUND, "unknown_meeting"),
                    EndError::Node(_) => (StatusCode::BAD_GATEWAY, "node_refused"),
                    EndError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
                };
                ScalerRefusal { status, code, message: error.to_string() }
            })
        })
    }
}

fn configured(spec: &NodeSpec) -> Result<NodeConfig, String> {
    let tags = spec.tags.iter().map(|tag| tag.parse().map_err(|error| format!("`tags`: {error}")));
    Ok(NodeConfig {
        node: spec.node()?,
        secrets: spec.secrets.iter().filter_map(|text| Secret::new(text).ok()).collect(),
        terms: NodeTerms {
            weight: spec.weight,
            tags: tags.collect::<Result<_, _>>()?,
            max_meetings: spec.max_meetings,
            max_users: spec.max_users,
            max_meeting_users: spec.max_meeting_users,
        },
    })
}

fn refused(error: &NodeError) -> ScalerRefusal {
    let (status, code) = match error {
        NodeError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_node"),
        NodeError::Taken(_) | NodeError::Twice(_) | NodeError::InStore(_) => {
            (StatusCode::CONFLICT, "name_taken")
        }
        NodeError::InFile(_) => (StatusCode::CONFLICT, "in_file"),
        NodeError::HasMeetings { .. } => (StatusCode::CONFLICT, "has_meetings"),
        NodeError::NoSecret(_) => (StatusCode::BAD_REQUEST, "bad_body"),
        NodeError::Key(_) | NodeError::Sealed { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "key_file")
        }
        NodeError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
    };
    let mut message = error.to_string();
    if let (NodeError::Key(_) | NodeError::Sealed { .. }, Some(cause)) =
        (error, std::error::Error::source(error))
    {
        message.push_str(": ");
        message.push_str(&cause.to_string());
    }
    ScalerRefusal { status, code, message }
}

fn shown_node(report: &NodeReport) -> ScalerNode {
    ScalerNode {
        origin: report.node.origin.to_string(),
        bbb: report.release.as_ref().map(ToString::to_string),
        bbb_told: report.node.bbb.is_none() && report.release.is_some(),
        source: if report.in_file { "file" } else { "store" }.to_owned(),
        health: report.health.as_str().to_owned(),
        cordoned_at: report.cordoned_at,
        weight: report.weight,
        weight_configured: report.terms.weight,
        weight_set: report.weight_set,
        tags: report.terms.tags.iter().map(ToString::to_string).collect(),
        max_meetings: report.terms.max_meetings,
        max_users: report.terms.max_users,
        max_meeting_users: report.terms.max_meeting_users,
        load: report.load,
        meetings: report.meetings,
        breakout_rooms: report.breakout_rooms,
        users: report.users,
        reserved_users: report.reserved_users,
    }
}

fn shown_meeting(report: &MeetingReport) -> MeetingEntry {
    let row = &report.generation;
    MeetingEntry {
        tenant: row.tenant.to_string(),
        meeting_id: row.meeting_id.clone(),
        node: row.node.to_string(),
        state: row.state.as_str().to_owned(),
        internal_meeting_id: row.internal_meeting_id.clone(),
        users: report.users,
        reserved_users: row.reserved,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}
