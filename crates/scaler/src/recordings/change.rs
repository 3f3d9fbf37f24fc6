//! publishRecordings, deleteRecordings and updateRecordings: sent to whoever
//! keeps the recordings that are named, answered as one server would.
//!
//! Keepers are named whole record IDs of the caller only, never a beginning: that
//! could be the beginning of a stranger's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bluegate_bbb_api::{
    Answer, Call, Element, Failure, Outcome, RawQuery, RecordingChange, metadata_of, record_ids,
    sanitise, stamp,
};
use bluegate_cluster::{TenantName, TenantRecordingId};
use bluegate_store::StoreError;
use tokio::task::JoinSet;

use super::{Keeper, Kept, Recordings, look::AT_ONCE};
use crate::{
    calls::as_query,
    clock,
    context::Context,
    front::{intake::ApiRequest, reply::Reply},
    nodes::signing::NodeCall,
};

/// Which recordings are changed, by keeper.
type Targets = BTreeMap<Keeper, BTreeSet<String>>;

/// How a keeper took a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It did it.
    Done,
    /// It knows none of the recordings.
    NotFound,
    /// It gave no answer, or refused.
    Failed,
}

/// Answers a call that writes.
pub(crate) async fn write(context: &Arc<Context>, call: Call, request: ApiRequest) -> Reply {
    let (change, done) = match call {
        Call::PublishRecordings => {
            let given = request.parameters.text("publish").unwrap_or_default();
            let given = sanitise(&given).into_owned();
            let publish = given.eq_ignore_ascii_case("true");
            (RecordingChange::Publish(publish), ("published", given))
        }
        Call::DeleteRecordings => (RecordingChange::Delete, ("deleted", "true".to_owned())),
        _ => {
            let entries = metadata_of(&request.parameters);
            (RecordingChange::Metadata(entries), ("updated", "true".to_owned()))
        }
    };
    let ids = record_ids(&request.parameters);
    let Some(targets) = targets(context, &request.tenant.name, &ids, &change) else {
        return Failure::RecordingsNotFound.into();
    };
    let mut success = Element::new(done.0);
    success.set_text(&done.1);
    if change == RecordingChange::Metadata(Vec::new()) {
        return Answer::success([success]).into();
    }
    let mut query = as_query(&request);
    query.remove("recordID");
    query.remove_where(is_our_metadata);
    match carry_out(context, &request.tenant.name, call, query, change, targets).await {
        Taken::Done => Answer::success([success]).into(),
        Taken::NotFound => Failure::RecordingsNotFound.into(),
        Taken::Failed => Failure::RecordingsUnreachable.into(),
    }
}

/// Publishes, hides or deletes one recording, for an operator.
pub(super) async fn one(
    context: &Arc<Context>,
    named: &TenantRecordingId,
    publish: Option<bool>,
) -> Taken {
    let mut query = RawQuery::default();
    let (call, change) = match publish {
        Some(publish) => {
            query.append("publish", if publish { "true" } else { "false" });
            (Call::PublishRecordings, RecordingChange::Publish(publish))
        }
        None => (Call::DeleteRecordings, RecordingChange::Delete),
    };
    let ids = [named.id().to_owned()];
    match targets(context, named.tenant(), &ids, &change) {
        Some(targets) => carry_out(context, named.tenant(), call, query, change, targets).await,
        None => Taken::NotFound,
    }
}

/// Who keeps what is to be changed; absent when none of the recordings that are
/// named is there.
fn targets(
    context: &Context,
    tenant: &TenantName,
    ids: &[String],
    change: &RecordingChange,
) -> Option<Targets> {
    let named = ids.iter().map(|id| TenantRecordingId::new(tenant, id));
    let named: Vec<TenantRecordingId> = named.collect();
    let index = context.recordings.index();
    let is_configured = |kept: &&Arc<Kept>| kept.keeper.rank(context).is_some();
    let is_there = |kept: &&Arc<Kept>| kept.is_there();
    let any = |named: &TenantRecordingId| {
        index.copies(named).iter().filter(is_configured).any(|kept| is_there(&kept))
    };
    if !named.iter().any(any) {
        return None;
    }
    let mut targets = Targets::new();
    let mut add = |kept: &Arc<Kept>| {
        let ids = targets.entry(kept.keeper.clone()).or_default();
        ids.insert(kept.record_id.clone());
    };
    let touched = |kept: &&Arc<Kept>| change.touches(&kept.state);
    for named in &named {
        match change {
            RecordingChange::Metadata(_) => {
                index.beginning(named).filter(is_configured).filter(touched).for_each(&mut add)
            }
            RecordingChange::Publish(_) | RecordingChange::Delete => {
                index.copies(named).iter().filter(is_configured).filter(touched).for_each(&mut add)
            }
        }
    }
    Some(targets)
}

/// Sends the call to all keepers, to its end: what a keeper did must be seen at
/// once, even if who asked has gone.
async fn carry_out(
    context: &Arc<Context>,
    tenant: &TenantName,
    call: Call,
    query: RawQuery,
    change: RecordingChange,
    targets: Targets,
) -> Taken {
    let (context, tenant) = (Arc::clone(context), tenant.clone());
    let count = targets.values().flatten().collect::<BTreeSet<_>>().len();
    let inner = Arc::clone(&context);
    let working = async move {
        let taken = at_all(inner, call, query, change.clone(), targets).await;
        if taken == Taken::Done {
            tell(&tenant, &change, count);
        }
        taken
    };
    context.to_its_end(working).await.unwrap_or(Taken::Failed)
}

/// Logs what was done to so many recordings; what they are called is nobody's
/// business there.
fn tell(tenant: &TenantName, change: &RecordingChange, count: usize) {
    match change {
        RecordingChange::Publish(true) => tracing::info!(
            target: "bluegate::state", event = "recording.published",
            tenant.id = %tenant, recordings = count, "recordings were published"
        ),
        RecordingChange::Publish(false) => tracing::info!(
            target: "bluegate::state", event = "recording.unpublished",
            tenant.id = %tenant, recordings = count, "recordings were hidden"
        ),
        RecordingChange::Delete => tracing::warn!(
            target: "bluegate::state", event = "recording.deleted",
            tenant.id = %tenant, recordings = count, "recordings were deleted"
        ),
        RecordingChange::Metadata(_) => {}
    }
}

/// Sends the call to all keepers at once. Whoever did it is shown as having done
/// it; if anybody failed, so did the call, which may be repeated.
async fn at_all(
    context: Arc<Context>,
    call: Call,
    query: RawQuery,
    change: RecordingChange,
    targets: Targets,
) -> Taken {
    let (query, change) = (Arc::new(query), Arc::new(change));
    let mut tasks = JoinSet::new();
    for (keeper, ids) in targets {
        let (context, query) = (Arc::clone(&context), Arc::clone(&query));
        let change = Arc::clone(&change);
        tasks.spawn(async move {
            let ids: Vec<String> = ids.into_iter().collect();
            let mut taken = Vec::new();
            for some in ids.chunks(AT_ONCE) {
                taken.push(at_keeper(&context, call, &query, &change, &keeper, some).await);
            }
            taken
        });
    }
    let mut all = Vec::new();
    while let Some(taken) = tasks.join_next().await {
        all.extend(taken.unwrap_or_else(|_| vec![Taken::Failed]));
    }
    if all.contains(&Taken::Failed) {
        return Taken::Failed;
    }
    if all.contains(&Taken::Done) { Taken::Done } else { Taken::NotFound }
}

async fn at_keeper(
    context: &Context,
    call: Call,
    query: &RawQuery,
    change: &RecordingChange,
    keeper: &Keeper,
    ids: &[String],
) -> Taken {
    let Some(handle) = keeper.handle(context) else { return Taken::Failed };
    let mut query = query.clone();
    query.append("recordID", &ids.join(","));
    let sent = handle.call(NodeCall::new(call.name(), query), context.bounds.call_timeout).await;
    let recordings = &context.recordings;
    let taken = match sent {
        Ok(answer) if answer.outcome() == Outcome::Success => {
            if let Err(error) = recordings.changed(keeper, ids, change).await {
                // The keeper is looked at below, and says the same.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a change of recordings was not recorded");
            }
            Taken::Done
        }
        Ok(answer) if answer.key() == Failure::RecordingsNotFound.key() => Taken::NotFound,
        Ok(answer) => {
            tracing::warn!(
                keeper = keeper.as_str(),
                call = call.name(),
                key = answer.key(),
                "a keeper of recordings refused a call"
            );
            Taken::Failed
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                keeper = keeper.as_str(),
                call = call.name(),
                error,
                "a keeper of recordings did not answer a call"
            );
            Taken::Failed
        }
    };
    // What it makes of the call is its own word to say.
    recordings.want(keeper, ids.iter().cloned());
    taken
}

/// Metadata under our names says whose a recording is: nobody but us writes it.
fn is_our_metadata(parameter: &str) -> bool {
    let (head, name) = parameter.split_at_checked("meta_".len()).unwrap_or_default();
    head.eq_ignore_ascii_case("meta_") && stamp::is_ours(name)
}

impl Recordings {
    /// A keeper has changed these recordings just now: shown at once, until it
    /// says for itself what they are.
    async fn changed(
        &self,
        keeper: &Keeper,
        ids: &[String],
        change: &RecordingChange,
    ) -> Result<(), StoreError> {
        let now = clock::now();
        let mut write = self.store.write().await?;
        let mut rows = Vec::new();
        for id in ids {
            let Some(mut row) = write.recording(keeper.as_str(), id).await? else { continue };
            let Ok(mut document) = bluegate_bbb_api::Document::parse(&row.document) else {
                continue;
            };
            change.apply(document.root_mut());
            row.document = document.to_string();
            row.seen_at = now;
            rows.push(row);
        }
        let written = write.put_recordings(rows).await?;
        write.commit().await?;
        self.take_over(&written);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_metadata_is_known_in_any_letter_case() {
        for (parameter, wanted) in [
            ("meta_bluegate-stamp", true),
            ("META_Bluegate-Other", true),
            ("meta_bluegate", false),
            ("meta_course", false),
            ("bluegate-stamp", false),
            ("m", false),
        ] {
            assert_eq!(is_our_metadata(parameter), wanted, "{parameter}");
        }
    }
}
