//! Asking a keeper for all that it has, in parts.
//!
//! A page of getRecordings costs a BBB server as much as the whole list, because
//! it reads every recording's file before it cuts the page; the beginning of a
//! record ID (a hash, so evenly spread) narrows what it reads. So a keeper that
//! has more than a page is asked for one beginning after the other.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    Keeper, Recordings,
    look::{LookError, Looked},
};
use crate::{
    clock,
    context::Context,
    nodes::{NodeHandle, client::CallError},
};

/// The most recordings that a page of BBB has.
const PAGE: usize = 100;
/// Above so many a keeper is asked in 256 parts instead of 16.
const MANY: usize = 4_000;
/// So few may be gone at once; more must be gone three times in a row.
const FEW: usize = 10;
/// How often much must be gone in a row to be believed: a folder that is not
/// mounted looks the same.
const TIMES: u32 = 3;
const DIGITS: &str = "0123456789abcdef";

/// What a keeper said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Swept {
    /// Recordings that it has.
    pub(super) listed: usize,
    /// Recordings that it has no more.
    pub(super) gone: usize,
}

/// One keeper, being asked.
pub(super) struct Sweep<'a> {
    pub(super) recordings: &'a Recordings,
    pub(super) context: &'a Context,
    pub(super) keeper: &'a Keeper,
    pub(super) handle: &'a NodeHandle,
}

impl Sweep<'_> {
    /// Asks for everything; what is not there any more is gone.
    pub(super) async fn run(&self) -> Result<Swept, LookError> {
        let begun = clock::now();
        let mut listed = BTreeSet::new();
        let total = self.first_page(&mut listed).await?;
        if total.is_none_or(|total| total > listed.len()) {
            self.parts(total.unwrap_or(0), &mut listed).await?;
        }
        if let Some(total) = total.filter(|total| *total > listed.len()) {
            // IDs that are no hashes.
            self.pages(total, &mut listed).await?;
        }
        let gone = self.missing(begun, &listed).await?;
        Ok(Swept { listed: listed.len(), gone })
    }

    /// How many there are; absent when the keeper cannot say it. Before 2.6 this
    /// is the whole list.
    async fn first_page(&self, listed: &mut BTreeSet<String>) -> Result<Option<usize>, LookError> {
        if *self.keeper == Keeper::Delegate {
            // Scalelite has no pages, and all at once is too much.
            return Ok(None);
        }
        let limit = PAGE.to_string();
        match self.ask(&[("offset", "0"), ("limit", &limit)]).await {
            Ok(looked) => {
                listed.extend(looked.listed);
                Ok(Some(looked.total.unwrap_or(listed.len())))
            }
            // An old server with too many for one answer.
            Err(LookError::Call(CallError::Body(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn parts(&self, total: usize, listed: &mut BTreeSet<String>) -> Result<(), LookError> {
        let known = self.recordings.index().of_keeper(self.keeper).count();
        for prefix in prefixes(known.max(total)) {
            let begun = Instant::now();
            listed.extend(self.ask(&[("recordID", &prefix)]).await?.listed);
            rest(begun).await;
        }
        Ok(())
    }

    async fn pages(&self, total: usize, listed: &mut BTreeSet<String>) -> Result<(), LookError> {
        let limit = PAGE.to_string();
        for offset in (0..total).step_by(PAGE) {
            let begun = Instant::now();
            let offset = offset.to_string();
            listed.extend(self.ask(&[("offset", &offset), ("limit", &limit)]).await?.listed);
            rest(begun).await;
        }
        Ok(())
    }

    /// Asks by name for what should be there and was not listed. How much is gone.
    async fn missing(&self, begun: i64, listed: &BTreeSet<String>) -> Result<usize, LookError> {
        let (known, missing) = {
            let index = self.recordings.index();
            let known = index.of_keeper(self.keeper);
            let missing: Vec<String> = known
                .filter(|kept| kept.seen_at < begun && !listed.contains(&kept.record_id))
                .map(|kept| kept.record_id.clone())
                .collect();
            (index.of_keeper(self.keeper).count(), missing)
        };
        let doubtful = missing.len() > FEW && missing.len() > known / 2;
        let mut times = 0;
        self.recordings.progress(self.keeper, |progress| {
            progress.doubts = if doubtful { progress.doubts + 1 } else { 0 };
            times = progress.doubts;
        });
        if doubtful && times < TIMES {
            tracing::warn!(
                keeper = self.keeper.as_str(),
                known,
                missing = missing.len(),
                "most recordings are missing at once: they stay listed until that is so for long"
            );
            return Ok(0);
        }
        self.recordings.look(self.context, self.keeper, self.handle, &missing).await?;
        let index = self.recordings.index();
        Ok(missing.iter().filter(|id| index.at(self.keeper, id).is_none()).count())
    }

    async fn ask(&self, parameters: &[(&str, &str)]) -> Result<Looked, LookError> {
        self.recordings.ask(self.context, self.keeper, self.handle, parameters).await
    }
}

/// The beginnings of IDs to ask for, one after the other.
fn prefixes(count: usize) -> Vec<String> {
    let one = || DIGITS.chars().map(String::from);
    if count > MANY {
        return one()
            .flat_map(|first| one().map(move |second| format!("{first}{second}")))
            .collect();
    }
    one().collect()
}

/// As long as the keeper took, within bounds: it has meetings to care for.
async fn rest(begun: Instant) {
    tokio::time::sleep(begun.elapsed().min(Duration::from_secs(10))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_beginnings_of_one_or_two_digits() {
        assert_eq!(prefixes(MANY).concat(), DIGITS);
        let parts = prefixes(MANY + 1);
        assert_eq!((parts.len(), parts[0].as_str(), parts[255].as_str()), (256, "00", "ff"));
        assert_eq!(parts.iter().collect::<BTreeSet<_>>().len(), 256);
    }
}
