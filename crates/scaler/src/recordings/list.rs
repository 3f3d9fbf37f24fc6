//! getRecordings: from memory, never by asking keepers.

use bluegate_bbb_api::{Answer, RecordingQuery, WantedRecordings};

use super::prefix_of;
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
    let selected = {
        let index = context.recordings.index();
        let ranks = index.keepers().map(|(keeper, _)| (keeper, keeper.rank(context)));
        let ranks: std::collections::BTreeMap<_, _> = ranks.collect();
        let rank = |keeper: &super::Keeper| ranks.get(keeper).copied().flatten();
        index.select(&tenant.name, &query, prefixes.as_deref(), rank)
    };
    let shown = selected.shown.iter().map(|kept| kept.shown.as_str());
    Reply::Xml(Answer::recording_list(shown, selected.page))
}
