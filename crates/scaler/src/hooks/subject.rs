//! Whose meeting is an event about, and who wants to hear of it?

use std::sync::Arc;

use bluegate_bbb_api::{
    ids,
    stamp::{METADATA_NAME, Stamp},
};
use bluegate_cluster::TenantName;
use bluegate_store::{Generation, Hook};
use serde_json::Value;

use super::Flavour;
use crate::{callbacks::Identity, context::Context, nodes::NodeHandle};

/// Where events name their meeting by its internal ID: bbb-webhooks' own form
/// first, then messages of BBB. A recording has the ID of its meeting, and what
/// bbb-web did to one names nothing else (`PublishedRecordingSysMsg` and its like,
/// of which bbb-webhooks 3 knows no internal meeting ID).
const INTERNAL: [&str; 8] = [
    "/data/attributes/meeting/internal-meeting-id",
    "/envelope/routing/meetingId",
    "/core/header/meetingId",
    "/core/body/props/meetingProp/intId",
    "/core/body/meetingId",
    "/payload/meeting_id",
    "/data/attributes/record-id",
    "/core/body/recordId",
];
/// The same by the ID of its create call, where they do.
const EXTERNAL: [&str; 3] = [
    "/data/attributes/meeting/external-meeting-id",
    "/core/body/props/meetingProp/extId",
    "/payload/external_meeting_id",
];
/// Its metadata, where a meeting is new or its recording published.
const METADATA: [&str; 4] = [
    "/data/attributes/meeting/metadata",
    "/core/body/props/metadataProp/metadata",
    "/data/attributes/recording/metadata",
    "/payload/metadata",
];

/// What an event says it is about.
pub(super) struct Subject<'a> {
    /// Such as `user-joined`; BBB's own messages have none.
    pub(super) event_id: &'a str,
    internal: &'a str,
    external: &'a str,
    stamp: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(event: &'a Value) -> Self {
        let text = |pointers: &[&str]| {
            let mut texts = pointers.iter().filter_map(|at| event.pointer(at)?.as_str());
            texts.find(|text| !text.is_empty()).unwrap_or_default()
        };
        let mut metadata = METADATA.iter().filter_map(|at| event.pointer(at));
        Self {
            event_id: text(&["/data/id"]),
            internal: text(&INTERNAL),
            external: text(&EXTERNAL),
            stamp: metadata.find_map(|metadata| metadata.get(METADATA_NAME)?.as_str()),
        }
    }

    /// The tenant whose meeting it is, and the meeting's IDs.
    pub(super) async fn whose(
        &self,
        context: &Context,
        node: &NodeHandle,
    ) -> Option<(TenantName, Identity)> {
        if let ids::Decoded::Scoped { tenant, meeting_id } = ids::decode(self.external) {
            context.tenants().get(&tenant)?;
            return Some((tenant, self.identity(meeting_id)));
        }
        if let Some(stamp) = self.stamp.and_then(|text| Stamp::verify(text, &node.secrets)) {
            return self.stamped(context, stamp);
        }
        let open = context.ledger.directory().on_node(&node.node.name);
        let is_it = |known: &&Arc<Generation>| {
            known.internal_meeting_id.as_deref() == Some(self.internal)
                || known.node_meeting_id == self.external
        };
        if let Some(known) = open.iter().find(is_it) {
            return Some(of_generation(known));
        }
        if let Some(room) = self.room(node) {
            return Some(room);
        }
        match self.ended(context, node).await {
            Some(ended) => Some(ended),
            None => self.recorded(context, node),
        }
    }

    /// A breakout room keeps the IDs its node made.
    fn room(&self, node: &NodeHandle) -> Option<(TenantName, Identity)> {
        let snapshot = node.snapshot();
        let room = snapshot.internal(self.internal).filter(|room| room.facts.is_breakout)?;
        let tenant = room.stamp.as_ref()?.tenant.clone();
        let id = &room.facts.external_id;
        Some((tenant, Identity { node_meeting_id: id.clone(), meeting_id: id.clone() }))
    }

    /// A new meeting says whose it is; a breakout room carries its parent's stamp.
    fn stamped(&self, context: &Context, stamp: Stamp) -> Option<(TenantName, Identity)> {
        let tenants = context.tenants();
        let scope = tenants.get(&stamp.tenant)?.scope;
        let own = ids::node_meeting_id(&stamp.tenant, scope, &stamp.meeting_id);
        let is_room = own != self.external;
        let meeting_id = if is_room { self.external.to_owned() } else { stamp.meeting_id };
        Some((stamp.tenant, self.identity(meeting_id)))
    }

    /// A meeting that has ended: its end and its recording are told of later.
    async fn ended(&self, context: &Context, node: &NodeHandle) -> Option<(TenantName, Identity)> {
        if self.internal.is_empty() {
            return None;
        }
        match context.ledger.store().generation_by_internal_id(self.internal).await {
            Ok(found) => {
                found.filter(|known| known.node == node.node.name).as_ref().map(of_generation)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "whose event it is could not be looked up");
                None
            }
        }
    }

    /// A meeting of which the node keeps a recording: known for longer than the
    /// meeting, and again when the store was lost.
    fn recorded(&self, context: &Context, node: &NodeHandle) -> Option<(TenantName, Identity)> {
        let owner = context.recordings.owner_at(&node.node.name, self.internal)?;
        let meeting_id = owner.meeting_id.or_else(|| match ids::decode(self.external) {
            ids::Decoded::Plain(id) => Some(id),
            ids::Decoded::Scoped { .. } | ids::Decoded::Hashed { .. } => None,
        })?;
        Some((owner.tenant?, self.identity(meeting_id)))
    }

    fn identity(&self, meeting_id: String) -> Identity {
        Identity { node_meeting_id: self.external.to_owned(), meeting_id }
    }
}

fn of_generation(known: &Generation) -> (TenantName, Identity) {
    let identity = Identity {
        node_meeting_id: known.node_meeting_id.clone(),
        meeting_id: known.meeting_id.clone(),
    };
    (known.tenant.clone(), identity)
}

/// Whether a hook of the meeting's tenant hears of an event. Its list of events
/// is looked up in what is sent, so that with `getRaw` it hears of none.
pub(super) fn wants(hook: &Hook, flavour: Flavour, meeting_id: &str, event_id: &str) -> bool {
    let listed = |list: &str| {
        list.split(',').any(|listed| !event_id.is_empty() && listed.trim() == event_id)
    };
    Flavour::of(hook) == flavour
        && hook.meeting_id.as_deref().is_none_or(|bound| bound == meeting_id)
        && hook.event_ids.as_deref().is_none_or(listed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_event_names_its_meeting() {
        for (event, internal, external) in [
            (
                json!({"data": {"attributes": {"meeting": {
                    "internal-meeting-id": "i", "external-meeting-id": "e"}}}}),
                "i",
                "e",
            ),
            (json!({"envelope": {"routing": {"meetingId": "i"}}}), "i", ""),
            (json!({"core": {"header": {"meetingId": "i"}}}), "i", ""),
            (
                json!({"core": {"body": {"props": {"meetingProp": {"intId": "i", "extId": "e"}}}}}),
                "i",
                "e",
            ),
            (json!({"core": {"body": {"meetingId": "i"}}}), "i", ""),
            (json!({"payload": {"meeting_id": "i", "external_meeting_id": "e"}}), "i", "e"),
            (
                json!({"data": {"attributes": {
                    "meeting": {"external-meeting-id": "e"}, "record-id": "i"}}}),
                "i",
                "e",
            ),
            (
                json!({"envelope": {"routing": {"sender": "bbb-web"}},
                    "core": {"header": {}, "body": {"recordId": "i"}}}),
                "i",
                "",
            ),
            (json!({"envelope": {"routing": {"meetingId": ""}}}), "", ""),
            (json!("text"), "", ""),
        ] {
            let subject = Subject::of(&event);
            assert_eq!((subject.internal, subject.external), (internal, external), "{event}");
        }
    }

    #[test]
    fn hooks_hear_of_what_they_asked_for() {
        let hook = |raw, meeting_id: Option<&str>, event_ids: Option<&str>| Hook {
            id: "1".to_owned(),
            tenant: "physics".parse().unwrap(),
            callback_url: "http://a".to_owned(),
            meeting_id: meeting_id.map(str::to_owned),
            event_ids: event_ids.map(str::to_owned),
            raw,
            created_at: 0,
        };
        for (hook, flavour, event_id, wanted) in [
            (hook(false, None, None), Flavour::Mapped, "user-left", true),
            (hook(false, None, None), Flavour::Raw, "", false),
            (hook(true, None, None), Flavour::Raw, "", true),
            (hook(true, None, None), Flavour::Mapped, "user-left", false),
            (hook(true, None, Some("user-left")), Flavour::Raw, "", false),
            (hook(true, None, Some("")), Flavour::Raw, "", false),
            (hook(true, None, Some("user-left")), Flavour::Raw, "user-left", true),
            (hook(false, Some("m"), None), Flavour::Mapped, "user-left", true),
            (hook(false, Some("n"), None), Flavour::Mapped, "user-left", false),
            (hook(false, None, Some("user-joined, user-left")), Flavour::Mapped, "user-left", true),
            (hook(false, None, Some("user-joined")), Flavour::Mapped, "user-left", false),
        ] {
            assert_eq!(wants(&hook, flavour, "m", event_id), wanted, "{hook:?} {flavour:?}");
        }
    }
}
