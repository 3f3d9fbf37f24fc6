//! What became of callbacks, counted: attempts by their result, and what lies in
//! the queue.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bluegate_store::{CallbackCount, CallbackState};

/// What an attempt to deliver came to. Few words, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver has it.
    Delivered,
    /// No address that may be called.
    Forbidden,
    /// No address at all, or nobody answers there.
    Unreachable,
    /// Its certificate is not trusted.
    Untrusted,
    /// No answer in time.
    Timeout,
    /// The connection broke before the answer.
    Broken,
    /// Status 3xx: redirects are not followed.
    Redirect,
    /// Status 4xx.
    ClientError,
    /// Status 5xx, or one that there is not.
    ServerError,
}

impl Attempt {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Delivered,
        Self::Forbidden,
        Self::Unreachable,
        Self::Untrusted,
        Self::Timeout,
        Self::Broken,
        Self::Redirect,
        Self::ClientError,
        Self::ServerError,
    ];

    /// Its word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Forbidden => "forbidden",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Redirect => "redirect",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        }
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    attempts: [AtomicU64; Attempt::ALL.len()],
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counts {
    pub(crate) fn attempted(&self, attempt: Attempt) {
        if let Some(count) = self.attempts.get(attempt as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Counters {
        let counted = |attempt: Attempt| self.attempts.get(attempt as usize);
        Counters {
            attempts: Attempt::ALL
                .map(|attempt| (attempt, counted(attempt).map_or(0, |count| count.load(Relaxed)))),
            delivered: self.delivered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }
}

/// What this process did since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Attempts, by what they came to.
    pub attempts: [(Attempt, u64); Attempt::ALL.len()],
    /// Callbacks delivered.
    pub delivered: u64,
    /// Callbacks that did not arrive, each time.
    pub failed: u64,
    /// Callbacks given up: dead letters made.
    pub given_up: u64,
    /// Callbacks not taken because the queue was full.
    pub refused: u64,
}

/// What lies in the queue of one kind, by all processes that share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Callbacks that wait for their delivery, those under way among them.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
    /// For how many seconds the oldest of those that wait has waited.
    pub oldest_seconds: u64,
}

/// Depths by kind at `now`; what there is none of is left out.
pub(crate) fn depths(counted: &[CallbackCount], now: i64) -> BTreeMap<String, Depth> {
    let mut depths = BTreeMap::<String, Depth>::new();
    for of in counted {
        let depth = depths.entry(of.kind.clone()).or_default();
        let count = u64::try_from(of.count).unwrap_or(0);
        match of.state {
            CallbackState::Queued => {
                depth.waiting = count;
                let waited = now.saturating_sub(of.oldest) / 1_000;
                depth.oldest_seconds = u64::try_from(waited).unwrap_or(0);
            }
            CallbackState::Dead => depth.dead = count,
            CallbackState::Delivered => {}
        }
    }
    depths
}
