//! What is known of recordings and their keepers, to be looked at.

use std::collections::BTreeMap;

use super::{Keeper, lock};
use crate::{build::Scaler, health::Health};

/// How it went to ask a keeper for all that it has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    completed: u64,
    failed: u64,
    completed_at: Option<i64>,
    /// Whether the last time failed.
    is_failing: bool,
    /// How often in a row most of its recordings were missing.
    pub(super) doubts: u32,
}

impl Progress {
    pub(super) fn completed(&mut self, at: i64) {
        self.completed += 1;
        self.completed_at = Some(at);
        self.is_failing = false;
    }

    pub(super) fn failed(&mut self) {
        self.failed += 1;
        self.is_failing = true;
    }
}

/// All recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingsReport {
    /// By keeper: a node's name, or `delegate`.
    pub keepers: BTreeMap<String, KeeperReport>,
    /// Recordings that nobody may see, because it cannot be told whose they are.
    pub of_nobody: u64,
}

/// What a keeper has, as far as this scaler knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeeperReport {
    /// Recordings that it keeps, in any state.
    pub recordings: u64,
    /// Whether it is configured and answers.
    pub is_up: bool,
    /// Times this scaler asked it for all, to the end.
    pub completed: u64,
    /// Times that failed.
    pub failed: u64,
    /// When this scaler last did so, in ms since 1970.
    pub completed_at: Option<i64>,
    /// Whether most of its recordings were missing when it was last asked.
    pub is_doubted: bool,
}

impl Scaler {
    /// Recordings, and how it goes to ask for them.
    #[must_use]
    pub fn recordings(&self) -> RecordingsReport {
        let context = self.context();
        let mut report = RecordingsReport::default();
        let word = |keeper: &Keeper| keeper.word().to_owned();
        {
            let index = context.recordings.index();
            for (keeper, count) in index.keepers() {
                report.keepers.entry(word(keeper)).or_default().recordings = count as u64;
            }
            report.of_nobody = index.count_of_nobody() as u64;
        }
        for (keeper, progress) in lock(&context.recordings.progress).iter() {
            let shown = report.keepers.entry(word(keeper)).or_default();
            shown.completed = progress.completed;
            shown.failed = progress.failed;
            shown.completed_at = progress.completed_at;
            shown.is_doubted = progress.doubts > 0;
            shown.is_up =
                keeper.handle(context).is_some_and(|handle| handle.health() == Health::Healthy)
                    && !progress.is_failing;
        }
        report
    }
}
