//! A meeting's life as pure decisions: which row becomes which.
//!
//! ```text
//! placing(node) --> uncertain --> live(internalMeetingID, createTime) --> ended
//! live --> superseded (its node was lost)
//! ```
//!
//! `placing` is certain: with no create call under way, none is unanswered, so
//! the meeting may move to another node. `uncertain` is pinned to its node
//! until that says whether the meeting exists. A timeout ends nothing.

use std::time::Duration;

use bluegate_cluster::Mount;
use bluegate_store::{Generation, State};

/// The bounds these decisions go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// After this, a create call under way is taken for one whose caller died.
    pub(crate) create: Duration,
    /// After this, a node that was sent a create has carried it out or never
    /// will.
    pub(crate) settle: Duration,
    /// After this, a meeting that its node still lists did not end.
    pub(crate) end: Duration,
}

/// What a create call does about the generation it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entering {
    /// None: choose a node.
    Place,
    /// Live: send to its node; nothing to write.
    Live(Generation),
    /// Write this and send to its node.
    Join(Generation),
    /// Choose another node for this, and write it.
    Move(Generation),
    /// Its node is lost: choose another for a new life, and write this former
    /// one, superseded.
    Replace(Generation),
    /// Others are still trying a node that we cannot reach; look again soon.
    Wait,
}

/// What a node is to a create call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may get the meeting.
    Usable,
    /// It gets no new meetings, or not this one.
    Unusable,
    /// It is given up.
    Lost,
}

/// Decides for a create call that found `open`.
pub(crate) fn entering(
    open: Option<Generation>,
    standing: impl Fn(&Mount) -> Standing,
    patience: Patience,
    now: i64,
) -> Entering {
    let Some(mut generation) = open else { return Entering::Place };
    let under_way = is_under_way(&generation, patience, now);
    let standing = standing(&generation.node);
    match generation.state {
        State::Ended | State::Superseded => return Entering::Place,
        State::Live | State::Uncertain if standing == Standing::Lost => {
            return Entering::Replace(superseded(generation, now));
        }
        State::Live => return Entering::Live(generation),
        State::Uncertain => {}
        // A create that was sent to a node now lost may have been carried out.
        State::Placing if standing == Standing::Lost && generation.in_flight > 0 => {
            return Entering::Replace(superseded(generation, now));
        }
        State::Placing if generation.in_flight > 0 && !under_way => {
            // Its callers died in mid-call: nobody knows what the node did.
            generation.state = State::Uncertain;
        }
        State::Placing if standing == Standing::Usable => {}
        State::Placing if under_way => return Entering::Wait,
        State::Placing => {
            join(&mut generation, false, now);
            return Entering::Move(generation);
        }
    }
    join(&mut generation, under_way, now);
    Entering::Join(generation)
}

fn join(generation: &mut Generation, under_way: bool, now: i64) {
    generation.in_flight = if under_way { generation.in_flight + 1 } else { 1 };
    generation.attempted_at = now;
}

/// Whether some create call for it may still be waiting for its answer.
pub(crate) fn is_under_way(generation: &Generation, patience: Patience, now: i64) -> bool {
    generation.in_flight > 0 && !has_passed(generation.attempted_at, patience.create, now)
}

/// A create call ended without having been sent, or with a refusal.
pub(crate) fn left(mut generation: Generation, refused: bool) -> Generation {
    generation.in_flight = (generation.in_flight - 1).max(0);
    if refused && generation.state == State::Placing && generation.in_flight == 0 {
        generation.reserved = 0;
    }
    generation
}

/// A create call was sent and got no usable answer.
pub(crate) fn unanswered(generation: Generation) -> Generation {
    let mut generation = left(generation, false);
    if generation.state == State::Placing {
        generation.state = State::Uncertain;
    }
    generation
}

/// A node's word that a meeting lives: the answer of create, or of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// The node's ID of this life.
    pub(crate) internal_meeting_id: String,
    /// When it began, by the node's clock.
    pub(crate) create_time: i64,
    /// The dial-in number.
    pub(crate) voice_bridge: Option<String>,
    /// Its `<meeting>` element for the tenant.
    pub(crate) description: Option<String>,
}

/// What a sign of life changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lives {
    /// This row, which is written.
    This(Generation),
    /// The node proved the old life over; both are written.
    Next {
        /// The old life.
        ended: Box<Generation>,
        /// The new one.
        born: Box<Generation>,
    },
    /// The sign is of an earlier life than the row's.
    Former(Generation),
}

/// Decides for a sign of life of the meeting that `open` stands for, from the
/// node it is on. `id` is for a new row, should there be one.
pub(crate) fn lives(open: Generation, sign: Sign, id: String, now: i64) -> Lives {
    if open.state != State::Live {
        return Lives::This(revive(open, sign, now));
    }
    if open.internal_meeting_id.as_deref() == Some(sign.internal_meeting_id.as_str()) {
        return Lives::This(open);
    }
    if open.create_time.is_some_and(|known| sign.create_time <= known) {
        return Lives::Former(open);
    }
    let born = born(&open, sign, id, now);
    Lives::Next { ended: Box::new(ended(open, now)), born: Box::new(born) }
}

/// A new row for a meeting that lives on the node of `former`.
pub(crate) fn born(former: &Generation, sign: Sign, id: String, now: i64) -> Generation {
    let fresh = Generation {
        id,
        state: State::Placing,
        in_flight: 0,
        attempted_at: now,
        first_answered: false,
        created_at: now,
        end_requested_at: None,
        ended_at: None,
        ..former.clone()
    };
    revive(fresh, sign, now)
}

fn revive(mut generation: Generation, sign: Sign, now: i64) -> Generation {
    generation.state = State::Live;
    generation.internal_meeting_id = Some(sign.internal_meeting_id);
    generation.create_time = Some(sign.create_time);
    generation.voice_bridge = sign.voice_bridge.or(generation.voice_bridge);
    generation.description = sign.description;
    generation.live_at = Some(now);
    generation
}

/// The node says it is gone. What was live before the node's present boot, which
/// took all of its meetings at once, is lost like a meeting of a lost node:
/// who has its link comes to the one that is created in its place.
pub(crate) fn gone(generation: Generation, booted_at: i64, now: i64) -> Generation {
    if generation.live_at.is_some_and(|live| live < booted_at) {
        superseded(generation, now)
    } else {
        ended(generation, now)
    }
}

/// It is over.
pub(crate) fn ended(mut generation: Generation, now: i64) -> Generation {
    generation.state = State::Ended;
    generation.ended_at = Some(now);
    generation
}

/// Its node was lost, and the meeting is placed anew.
pub(crate) fn superseded(mut generation: Generation, now: i64) -> Generation {
    generation.state = State::Superseded;
    generation.ended_at = Some(now);
    generation
}

/// What a node's poll, begun at `begun`, means for a generation placed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Nothing,
    /// It lives.
    Lives,
    /// Its callers died; pin it.
    Doubt,
    /// Ask the node for this very life; if it is gone, it has ended.
    AskLife,
    /// Ask the node for the meeting; if it is gone, it never was, or has ended.
    AskMeeting,
    /// It was to end and did not; show it again.
    Unhide,
}

/// Whether a poll lists a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// By its internal ID, or, when that is not known yet, by its meeting ID.
    Yes,
    /// Not at all.
    No,
}

/// Judges a generation by a successful poll of its node.
pub(crate) fn judge(
    generation: &Generation,
    listed: Listed,
    begun: i64,
    patience: Patience,
    now: i64,
) -> Verdict {
    let under_way = is_under_way(generation, patience, now);
    let since_attempt = |patience: Duration| has_passed(generation.attempted_at, patience, now);
    match (generation.state, listed) {
        (State::Live, Listed::Yes) => match generation.end_requested_at {
            Some(requested) if has_passed(requested, patience.end, now) => Verdict::Unhide,
            _ => Verdict::Nothing,
        },
        (State::Live, Listed::No) if generation.live_at.is_none_or(|live| begun <= live) => {
            Verdict::Nothing
        }
        (State::Live, Listed::No) => Verdict::AskLife,
        (State::Placing | State::Uncertain, _) if under_way => Verdict::Nothing,
        (State::Placing | State::Uncertain, Listed::Yes) if begun > generation.attempted_at => {
            Verdict::Lives
        }
        (State::Placing | State::Uncertain, Listed::Yes) => Verdict::Nothing,
        (State::Placing, Listed::No) if generation.in_flight > 0 => Verdict::Doubt,
        (State::Placing, Listed::No) if since_attempt(patience.settle) => Verdict::AskMeeting,
        (State::Uncertain, Listed::No) if since_attempt(patience.create + patience.settle) => {
            Verdict::AskMeeting
        }
        (State::Placing | State::Uncertain, Listed::No) | (State::Ended | State::Superseded, _) => {
            Verdict::Nothing
        }
    }
}

/// Whether the node's "no such meeting", asked for at `asked`, ends a
/// generation that meanwhile is this.
pub(crate) fn may_end(generation: &Generation, asked: i64, patience: Patience, now: i64) -> bool {
    match generation.state {
        State::Live => generation.live_at.is_some_and(|live| asked > live),
        State::Placing | State::Uncertain => {
            !is_under_way(generation, patience, now)
                && has_passed(generation.attempted_at, patience.settle, asked)
        }
        State::Ended | State::Superseded => false,
    }
}

fn has_passed(since: i64, patience: Duration, now: i64) -> bool {
    let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    now > since.saturating_add(patience)
}

#[cfg(test)]
mod tests;
