//! Watching meetings that live on two nodes, and ending a copy of one.

use std::{collections::HashMap, sync::Arc};

use bluegate_bbb_api::{Call, Document, Failure, Outcome, RawQuery};
use bluegate_store::{Generation, State};

use crate::{
    context::Context,
    health::Health,
    meetings::twins::{Own, Resolution},
    nodes::{NodeHandle, PolledMeeting, signing::NodeCall},
};

/// Twins that are watched at the same time, on one node.
const WATCHED: usize = 1024;
/// Polls in a row that must show the same before a copy is ended.
const POLLS: u32 = 3;

/// How often each twin was seen, and with what outcome.
#[derive(Debug, Default)]
pub(crate) struct TwinWatch {
    seen: HashMap<String, (Resolution, u32)>,
}

/// What seeing a twin once more means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// It was not seen before.
    pub(crate) is_first: bool,
    /// It was not seen like this before.
    pub(crate) is_news: bool,
    /// It was seen like this often enough to act.
    pub(crate) is_sure: bool,
}

impl TwinWatch {
    /// Takes note of a twin in a poll.
    pub(crate) fn see(&mut self, internal_id: &str, resolution: Resolution) -> Seen {
        if self.seen.len() >= WATCHED && !self.seen.contains_key(internal_id) {
            self.seen.clear();
        }
        let is_first = !self.seen.contains_key(internal_id);
        let (before, count) = self.seen.entry(internal_id.to_owned()).or_insert((resolution, 0));
        if *before != resolution {
            (*before, *count) = (resolution, 0);
        }
        *count = count.saturating_add(1);
        Seen { is_first, is_news: *count == 1, is_sure: *count >= POLLS }
    }
}

/// What is known of the copy that calls are sent to.
pub(crate) fn own_copy(context: &Context, open: &Generation, now: i64) -> Own {
    let live_at = open.live_at.unwrap_or(now);
    let users = context.node(&open.node).and_then(|node| {
        let snapshot = node.snapshot();
        let current = open.state == State::Live
            && node.health() == Health::Healthy
            && snapshot.begun > live_at;
        snapshot.meeting_of(open).filter(|_| current).map(|meeting| meeting.facts.users)
    });
    let patience = i64::try_from(context.bounds.twin_patience.as_millis()).unwrap_or(i64::MAX);
    Own { users, settled: now.saturating_sub(live_at) >= patience }
}

/// The copy that calls are sent to, as its node last listed it.
pub(crate) fn polled_copy(
    context: &Context,
    open: &Generation,
) -> Option<(Arc<NodeHandle>, Arc<PolledMeeting>)> {
    let node = context.node(&open.node)?;
    let snapshot = node.snapshot();
    let internal = open.internal_meeting_id.as_ref()?;
    let meetings = &snapshot.meetings;
    let copy = meetings.iter().find(|meeting| meeting.facts.internal_id == *internal)?;
    Some((node, Arc::clone(copy)))
}

/// Ends this copy. Whatever comes of it shows at the next poll.
pub(crate) async fn end(context: &Context, node: &NodeHandle, meeting: &PolledMeeting) {
    let mut query = RawQuery::default();
    query.append("meetingID", &meeting.facts.internal_id);
    // Nodes before 3.0 end nothing without it.
    if let Some(password) =
        Document::parse(&meeting.shown).ok().and_then(|shown| shown.root().text_of("moderatorPW"))
    {
        query.append("password", &password);
    }
    let call = NodeCall::new(Call::End.name(), query);
    match node.call(call, context.bounds.call_timeout).await {
        Ok(answer) if answer.outcome() == Outcome::Success => {
            tracing::warn!(node.id = %node.node.name, "ended the empty copy of a meeting");
            node.wake.notify_one();
        }
        Ok(answer) if answer.key() == Failure::NotFound.key() => {}
        Ok(answer) => tracing::warn!(
            node.id = %node.node.name, key = answer.key(), "the copy of a meeting was not ended"
        ),
        Err(error) => tracing::warn!(
            node.id = %node.node.name, error = &error as &dyn std::error::Error,
            "the copy of a meeting was not ended"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_ended_only_after_polls_that_agree() {
        use Resolution::{EndOther, KeepBoth};
        let mut watch = TwinWatch::default();
        let mut see = |resolution| {
            let seen = watch.see("meeting", resolution);
            (seen.is_news, seen.is_sure)
        };
        assert_eq!(see(EndOther), (true, false));
        assert_eq!(see(EndOther), (false, false));
        assert_eq!(see(KeepBoth), (true, false), "somebody came");
        assert_eq!(see(EndOther), (true, false));
        assert_eq!(see(EndOther), (false, false));
        assert_eq!(see(EndOther), (false, true));
    }
}
