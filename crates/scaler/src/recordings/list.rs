//! getRecordings: from memory, never by asking keepers.

use bluegate_bbb_api::{Answer, RecordingQuery, WantedRecordings};
use bytes::Bytes;

use super::{Keeper, prefix_of};
use crate::{context::Context, front::intake::ApiRequest, front::reply::Reply};

/// The tenant's recordings that a call asks for.
pub(crate) fn list(context: &Context, request: &ApiRequest) -> Reply {
    let query = RecordingQuery::read(&request.parameters);
    let tenant = &request.tenant;
    let prefixes: Option<Vec<String>> = match &query.wanted {
        WantedRecordings::All => None,
        WantedRecordings::Beginning(prefixes) => Some(prefixes.clone()),
        WantedRecordings::OfMeetings(ids) => {
            Some(ids.iter().map(|id| prefix_of(tenant, id)).collect())
        }
    };
    let rank = |keeper: &Keeper| keeper.rank(context);
    let selected =
        context.recordings.index().select(&tenant.name, &query, prefixes.as_deref(), rank);
    let (before, behind) = Answer::around_recordings(selected.shown.is_empty(), selected.page);
    let mut parts = Vec::with_capacity(selected.shown.len() + 2);
    parts.push(Bytes::from_static(before.as_bytes()));
    parts.extend(selected.shown.iter().map(|kept| kept.shown.clone()));
    parts.push(behind.into());
    Reply::XmlParts(parts)
}
