//! A decision, and all that led to it.

use std::collections::BTreeMap;

use bluegate_cluster::Mount;
use serde::{Deserialize, Serialize};

use super::{Expected, Question};

/// Nodes that might have taken the meeting, kept with a decision.
const WEIGHED: usize = 8;
/// Nodes that might not, kept with a decision.
const EXCLUDED: usize = 24;

/// Why a meeting is where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When it was decided, in ms since 1970.
    pub at: i64,
    /// The node; absent when there was none.
    pub node: Option<String>,
    /// What was reserved, and why so much.
    pub expected: Expected,
    /// Tags and releases that were asked for.
    pub asked: Option<String>,
    /// The nodes that might have taken it, the best first.
    pub candidates: Vec<Weighed>,
    /// How many more there were.
    pub more_candidates: usize,
    /// The nodes that might not, by name.
    pub excluded: Vec<Excluded>,
    /// How many more there were.
    pub more_excluded: usize,
}

impl Decision {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    /// How many nodes were excluded for each reason, for the log.
    pub(crate) fn describe_excluded(&self) -> String {
        let mut counts: BTreeMap<Bar, usize> = BTreeMap::new();
        for excluded in &self.excluded {
            *counts.entry(excluded.reason).or_default() += 1;
        }
        let reasons = counts.iter().map(|(reason, count)| format!("{count} {}", reason.as_str()));
        reasons.collect::<Vec<_>>().join(", ")
    }
}

/// A node that might have taken the meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    /// Its name.
    pub node: String,
    /// Its load over its weight; 1 is a user.
    pub load: f64,
    /// The same with this meeting.
    pub load_after: f64,
    /// Its weight then: less while it was only just back.
    pub weight: f64,
    /// Meetings on it.
    pub meetings: u64,
    /// Users on it.
    pub users: u64,
    /// Users expected beyond those.
    pub reserved_users: u64,
    /// How many of the wishes it leaves open; those with fewer come first.
    pub wishes_missed: u32,
}

/// A node that might not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Its name.
    pub node: String,
    /// Why.
    pub reason: Bar,
}

/// Why a node cannot take a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// It does not answer as it should.
    Suspect,
    /// Calls to it failed one after the other, so that none is made for now.
    BreakerOpen,
    /// It is given up.
    Lost,
    /// An operator keeps new meetings off it.
    Cordoned,
    /// Somebody who looked at it from outside found it broken.
    FoundBroken,
    /// This very call could not be given to it.
    Tried,
    /// A breakout room goes where its parent is.
    NotParentsNode,
    /// It lacks a tag that is required.
    TagMissing,
    /// It is kept for those who ask for one of its tags.
    TagNotAsked,
    /// Its release is not one of those asked for.
    Version,
    /// Its release is not stated, and one is asked for.
    VersionUnknown,
    /// It has as many meetings as it may.
    MaxMeetings,
    /// The users expected are more than it still may have.
    MaxUsers,
    /// The meeting is expected to be larger than any may be there.
    MeetingTooLarge,
}

impl Bar {
    /// Why, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspect => "does not answer as it should",
            Self::BreakerOpen => "its calls fail one after the other",
            Self::Lost => "given up",
            Self::Cordoned => "cordoned",
            Self::FoundBroken => "found broken by the doctor",
            Self::Tried => "could not be reached by this call",
            Self::NotParentsNode => "not the node of the parent meeting",
            Self::TagMissing => "lacks a required tag",
            Self::TagNotAsked => "kept for those who ask for its tags",
            Self::Version => "another release was asked for",
            Self::VersionUnknown => "its release is not stated",
            Self::MaxMeetings => "`max_meetings` is reached",
            Self::MaxUsers => "`max_users` would be exceeded",
            Self::MeetingTooLarge => "larger than its `max_meeting_users`",
        }
    }
}

/// What is kept of the nodes that were looked at.
#[derive(Default)]
pub(super) struct Shown {
    candidates: Vec<Weighed>,
    more_candidates: usize,
    excluded: Vec<Excluded>,
    more_excluded: usize,
}

impl Shown {
    pub(super) fn exclude(&mut self, node: &Mount, reason: Bar) {
        if self.excluded.len() < EXCLUDED {
            self.excluded.push(Excluded { node: node.to_string(), reason });
        } else {
            self.more_excluded += 1;
        }
    }

    pub(super) fn weigh(&mut self, weighed: Weighed) {
        if self.candidates.len() < WEIGHED {
            self.candidates.push(weighed);
        } else {
            self.more_candidates += 1;
        }
    }

    pub(super) fn decision(self, question: &Question<'_>, node: Option<Mount>) -> Decision {
        Decision {
            at: question.now,
            node: node.map(|node| node.to_string()),
            expected: question.expected,
            asked: question.wishes.describe(),
            candidates: self.candidates,
            more_candidates: self.more_candidates,
            excluded: self.excluded,
            more_excluded: self.more_excluded,
        }
    }
}
