//! What operators see of single recordings, and do to them.

use std::sync::Arc;

use bluegate_bbb_api::{Document, RecordingFacts};
use bluegate_cluster::{TenantName, TenantRecordingId};

use super::{Keeper, Kept, change, change::Taken, keeper::Rank, prefix_of};
use crate::build::Scaler;

/// A recording, whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingReport {
    /// Whose it is.
    pub tenant: TenantName,
    /// BBB's own ID of it.
    pub record_id: String,
    /// The tenant's ID of the meeting.
    pub meeting_id: String,
    /// `processing`, `processed`, `published`, `unpublished` or `deleted`.
    pub state: String,
    /// When its meeting began, in ms since 1970.
    pub start_time: i64,
    /// Who has it, nodes or `delegate`; the one it is shown from first.
    pub keepers: Vec<String>,
}

/// Which recordings are looked at.
#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    /// Only this tenant's.
    pub tenant: Option<TenantName>,
    /// Only those of the meetings with this ID of a tenant.
    pub meeting_id: Option<String>,
    /// Only this one.
    pub record_id: Option<String>,
    /// Only those in this state; without it all but deleted ones.
    pub state: Option<String>,
}

/// Why a recording is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// There is none that could be.
    #[error("there is no such recording that is published or unpublished")]
    Unknown,
    /// Who keeps it does not answer, or refuses.
    #[error("not every node that has it did so; see the log, and do it again")]
    Keeper,
}

impl RecordingFilter {
    fn takes(&self, best: &Kept) -> bool {
        match &self.state {
            Some(state) => best.state == *state,
            None => best.state != "deleted",
        }
    }
}

impl Scaler {
    /// Recordings, the newest first, at most `limit`. From memory.
    #[must_use]
    pub fn list_recordings(&self, filter: &RecordingFilter, limit: usize) -> Vec<RecordingReport> {
        let context = self.context();
        let tenants = context.tenants();
        let index = context.recordings.index();
        let mut found = Vec::new();
        for (tenant, recordings) in index.of_tenants(filter.tenant.as_ref()) {
            let prefix = match (&filter.meeting_id, tenants.get(tenant)) {
                (None, _) => String::new(),
                (Some(meeting_id), Some(tenant)) => prefix_of(tenant, meeting_id),
                (Some(_), None) => continue,
            };
            let named = recordings.filter(|copies| {
                let id = copies.first().map(|copy| copy.record_id.as_str());
                id.is_some_and(|id| id.starts_with(&prefix))
                    && filter.record_id.as_deref().is_none_or(|wanted| id == Some(wanted))
            });
            let ranked = named.map(|copies| ranked(copies, |keeper| keeper.rank(context)));
            let wanted =
                ranked.filter(|copies| copies.first().is_some_and(|best| filter.takes(best)));
            found.extend(wanted.take(limit).map(|copies| (tenant.clone(), copies)));
        }
        drop(index);
        let begun = |copies: &[Arc<Kept>]| copies.first().map(|best| best.start_time);
        found.sort_by_key(|(_, copies)| std::cmp::Reverse(begun(copies)));
        found.truncate(limit);
        found.into_iter().filter_map(|(tenant, copies)| shown(tenant, &copies)).collect()
    }

    /// Publishes a recording or hides it, at every node that has it.
    ///
    /// # Errors
    /// [`RecordingError`]
    pub async fn publish_recording(
        &self,
        named: &TenantRecordingId,
        publish: bool,
    ) -> Result<(), RecordingError> {
        done(change::one(self.context(), named, Some(publish)).await)
    }

    /// Deletes a recording at every node that has it.
    ///
    /// # Errors
    /// [`RecordingError`]
    pub async fn delete_recording(&self, named: &TenantRecordingId) -> Result<(), RecordingError> {
        done(change::one(self.context(), named, None).await)
    }
}

fn done(taken: Taken) -> Result<(), RecordingError> {
    match taken {
        Taken::Done => Ok(()),
        Taken::NotFound => Err(RecordingError::Unknown),
        Taken::Failed => Err(RecordingError::Keeper),
    }
}

/// Copies that may be shown, the best first.
pub(super) fn ranked(
    copies: &[Arc<Kept>],
    rank: impl Fn(&Keeper) -> Option<Rank>,
) -> Vec<Arc<Kept>> {
    let mut ranked: Vec<_> =
        copies.iter().filter_map(|copy| Some((rank(&copy.keeper)?, copy))).collect();
    ranked.sort_by_key(|(rank, copy)| (copy.preference(), *rank));
    ranked.into_iter().map(|(_, copy)| Arc::clone(copy)).collect()
}

fn shown(tenant: TenantName, copies: &[Arc<Kept>]) -> Option<RecordingReport> {
    let best = copies.first()?;
    let document = std::str::from_utf8(&best.shown).ok().map(Document::parse);
    let document = document.and_then(Result::ok);
    let facts = document.and_then(|document| RecordingFacts::read(document.root()));
    Some(RecordingReport {
        tenant,
        record_id: best.record_id.clone(),
        meeting_id: facts.map(|facts| facts.meeting_id).unwrap_or_default(),
        state: best.state.clone(),
        start_time: best.start_time,
        keepers: copies.iter().map(|copy| copy.keeper.word().to_owned()).collect(),
    })
}
