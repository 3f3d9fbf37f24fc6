//! Whose a recording is. Pure.
//!
//! As with meetings (docs/ids.md): the stamp in its metadata says it, if a node's
//! secret signed it; else the meeting's ID on the node does.

use bluegate_bbb_api::{
    RecordingFacts,
    ids::{self, Decoded, Scope},
    stamp::Stamp,
};
use bluegate_cluster::TenantName;

/// Whose meeting a recording that says nothing is: made before us, or past us.
const PLAIN_TENANT: &str = "default";

/// Whose a recording is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The tenant; absent when nobody may see it.
    pub(crate) tenant: Option<TenantName>,
    /// The tenant's ID of the meeting, where the node's is another.
    pub(crate) meeting_id: Option<String>,
}

impl Owner {
    /// What a recording says of itself; `verify` believes stamps.
    pub(crate) fn of(facts: &RecordingFacts, verify: impl Fn(&str) -> Option<Stamp>) -> Self {
        let stamp = facts.stamp.as_deref();
        if let Some(stamp) = stamp.and_then(verify) {
            let encoded = |scope| ids::node_meeting_id(&stamp.tenant, scope, &stamp.meeting_id);
            // A room that the node made carries its parent's stamp and an ID of its own.
            let named = [Scope::Plain, Scope::Scoped].map(encoded).contains(&facts.meeting_id);
            let other = stamp.meeting_id != facts.meeting_id;
            return Self {
                tenant: Some(stamp.tenant),
                meeting_id: Some(stamp.meeting_id).filter(|_| named && other),
            };
        }
        match ids::decode(&facts.meeting_id) {
            // Nothing but us makes such an ID on a node.
            Decoded::Scoped { tenant, meeting_id } => {
                Self { tenant: Some(tenant), meeting_id: Some(meeting_id) }
            }
            Decoded::Hashed { tenant, .. } => Self { tenant: Some(tenant), meeting_id: None },
            // Somebody's, and it cannot be told whose.
            Decoded::Plain(_) if stamp.is_some() => Self::default(),
            Decoded::Plain(_) => Self { tenant: PLAIN_TENANT.parse().ok(), meeting_id: None },
        }
    }

    /// What is known once does not go when the secret that proved it does.
    pub(crate) fn or_known(self, known: Option<&Self>) -> Self {
        match known {
            Some(known) if self.tenant.is_none() => known.clone(),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(meeting_id: &str, stamp: Option<&str>) -> RecordingFacts {
        RecordingFacts {
            record_id: "f-1".to_owned(),
            meeting_id: meeting_id.to_owned(),
            state: "published".to_owned(),
            start_time: 1,
            is_breakout: false,
            stamp: stamp.map(str::to_owned),
        }
    }

    /// Believes `good <tenant> <meetingID>`.
    fn verify(text: &str) -> Option<Stamp> {
        let mut words = text.strip_prefix("good ")?.split(' ');
        let (tenant, meeting_id) = (words.next()?.parse().ok()?, words.next()?.to_owned());
        Some(Stamp { tenant, meeting_id })
    }

    #[test]
    fn a_recording_is_whose_its_stamp_says_or_else_its_meetings_id() {
        let hashed = format!("bg1.physics..{}", "a".repeat(64));
        for (meeting_id, stamp, tenant, shown) in [
            ("bg1.physics.x", Some("good physics x"), Some("physics"), Some("x")),
            ("x", Some("good imported x"), Some("imported"), None),
            ("bg1.default.bg1.x", Some("good default bg1.x"), Some("default"), Some("bg1.x")),
            // A breakout room.
            ("0a-17", Some("good physics x"), Some("physics"), None),
            // The secret that signed it is gone.
            ("bg1.physics.x", Some("bad"), Some("physics"), Some("x")),
            ("x", Some("bad"), None, None),
            // Made by hand at a node, or before us.
            ("x", None, Some("default"), None),
            ("bg1.physics.x", None, Some("physics"), Some("x")),
            (hashed.as_str(), None, Some("physics"), None),
        ] {
            let owner = Owner::of(&facts(meeting_id, stamp), verify);
            let wanted = Owner {
                tenant: tenant.map(|name| name.parse().unwrap()),
                meeting_id: shown.map(str::to_owned),
            };
            assert_eq!(owner, wanted, "{meeting_id} {stamp:?}");
        }
    }

    #[test]
    fn what_is_known_once_stays() {
        let known = Owner { tenant: Some("imported".parse().unwrap()), meeting_id: None };
        let nobodys = Owner::of(&facts("x", Some("bad")), verify);
        assert_eq!(nobodys.clone().or_known(Some(&known)), known);
        assert_eq!(nobodys.or_known(None), Owner::default());
        let other = Owner::of(&facts("x", Some("good physics y")), verify);
        assert_eq!(other.clone().or_known(Some(&known)), other);
    }
}
