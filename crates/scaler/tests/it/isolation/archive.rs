//! The recordings of the game: each tenant has some, of the same classes as the others,
//! and names its own and theirs in every call about recordings.

use std::collections::{BTreeMap, BTreeSet};

use bluegate_bbb_api::{Answer, Outcome};
use bluegate_simnode::Recording;
use serde_json::Value;

use super::{Dice, TENANTS, decoded};
use crate::{
    cluster::{Frontend, Reply, eventually},
    recordings::{TIME, captions::FORM, stamped},
    simulated::Simulated,
};

/// The calls that are about recordings by their IDs.
pub(super) const CALLS: [&str; 5] = [
    "publishRecordings",
    "deleteRecordings",
    "updateRecordings",
    "getRecordingTextTracks",
    "putRecordingTextTrack",
];
const CLASSES: [&str; 5] = ["class", "exam", "ab", "deadbeef", ".class"];

/// Whose recordings there are.
pub(super) struct Archive {
    /// Their IDs, by tenant.
    ids: BTreeMap<&'static str, Vec<String>>,
    /// How often each call found something.
    pub(super) found: BTreeMap<&'static str, usize>,
}

impl Archive {
    /// Puts recordings of each tenant on the nodes, the first of each on both.
    pub(super) fn fill(simulated: &Simulated) -> Self {
        let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for tenant in TENANTS {
            for (number, class) in CLASSES.iter().enumerate() {
                let nodes = if number == 0 { &[0, 1][..] } else { &[number % 2] };
                for node in nodes {
                    let mut recording = stamped(*node, tenant, class, TIME);
                    recording.name = format!("Name-of-{tenant}");
                    recording.metadata.insert("owner".to_owned(), format!("owner-{tenant}"));
                    simulated.nodes[*node].add_recording(recording);
                }
                ids.entry(tenant).or_default().push(stamped(0, tenant, class, TIME).record_id);
            }
        }
        Self { ids, found: BTreeMap::new() }
    }

    /// The IDs of a tenant's.
    pub(super) fn of(&self, tenant: &str) -> &[String] {
        &self.ids[tenant]
    }

    /// IDs, one where a call takes no more: one's own, another's, or made of another's.
    pub(super) fn name(&self, tenant: &str, call: &str, dice: &mut Dice) -> String {
        let count = if call.contains("TextTrack") { 1 } else { 1 + dice.roll(3) };
        let names: Vec<String> = (0..count)
            .map(|_| {
                let anybody = *dice.pick(&TENANTS);
                let other = dice.pick(self.of(anybody)).clone();
                match dice.roll(6) {
                    0 | 1 => dice.pick(self.of(tenant)).clone(),
                    2 => other.chars().take(40).collect(),
                    3 => other.to_uppercase(),
                    _ => other,
                }
            })
            .collect();
        names.join(if dice.roll(2) == 0 { "," } else { "%2C" })
    }

    /// What such a call says beside the IDs.
    pub(super) fn more(call: &str, tenant: &str, dice: &mut Dice) -> String {
        match call {
            "publishRecordings" => format!("&publish={}", dice.roll(2) == 0),
            "updateRecordings" => format!("&meta_owner=owner-{tenant}&meta_bluegate-stamp=x"),
            "putRecordingTextTrack" => {
                let language = dice.pick(&["en", "de", "fr"]);
                format!("&kind=subtitles&lang={language}&label=Label-of-{tenant}")
            }
            _ => String::new(),
        }
    }

    /// Makes the call.
    pub(super) async fn call(frontend: &Frontend, call: &str, query: &str) -> Reply {
        match call {
            "putRecordingTextTrack" => frontend.post(call, query, FORM).await,
            _ => frontend.get(call, query).await,
        }
    }

    /// A call found something only when it names a recording of the tenant's.
    pub(super) fn found_only_its_own(
        &mut self,
        tenant: &str,
        call: &'static str,
        query: &str,
        reply: &Reply,
    ) {
        let found = match serde_json::from_str::<Value>(&reply.text) {
            Ok(json) => json["response"]["messageKey"] != "noRecordings",
            Err(_) => {
                let answer = Answer::parse(reply.text.as_bytes());
                answer.is_ok_and(|answer| answer.outcome() == Outcome::Success)
            }
        };
        let said = decoded(query);
        let mut named = said.split([',', '=', '&']);
        let own = named.any(|name| self.of(tenant).iter().any(|id| id == name));
        assert!(own || !found, "found what is not its own: {}", reply.text);
        *self.found.entry(call).or_default() += usize::from(found);
    }

    /// What belongs to others, as the nodes have it.
    pub(super) fn of_others(simulated: &Simulated, tenant: &str) -> BTreeMap<String, String> {
        let all = simulated.nodes.iter().enumerate().flat_map(|(index, node)| {
            node.recordings().into_iter().map(move |recording| (index, recording))
        });
        all.filter(|(_, recording)| !is_of(recording, tenant))
            .map(|(index, recording)| {
                (format!("{} at {index}", recording.record_id), format!("{recording:?}"))
            })
            .collect()
    }

    /// Each lists exactly what the nodes have of it, in the states they are in.
    pub(super) async fn each_lists_its_own(&self, simulated: &Simulated, frontends: &[Frontend]) {
        for (tenant, frontend) in TENANTS.iter().zip(frontends) {
            eventually("the recordings are the tenant's own", async || {
                let there = simulated.nodes.iter().flat_map(|node| node.recordings());
                let own: BTreeSet<_> = there
                    .filter(|recording| is_of(recording, tenant))
                    .map(|recording| (recording.record_id, recording.state.as_str().to_owned()))
                    .collect();
                let answer = frontend.get("getRecordings", "state=any").await.answer();
                let listed: BTreeSet<_> = answer
                    .recordings()
                    .map(|found| ["recordID", "state"].map(|name| found.text_of(name).unwrap()))
                    .map(|[id, state]| (id, state))
                    .collect();
                assert_eq!(own.len(), CLASSES.len());
                listed == own
            })
            .await;
        }
    }
}

fn is_of(recording: &Recording, tenant: &str) -> bool {
    recording.metadata.get("owner").is_some_and(|owner| *owner == format!("owner-{tenant}"))
}
