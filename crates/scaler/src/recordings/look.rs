//! Asking a keeper for single recordings.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bluegate_bbb_api::{Answer, Call, Outcome, RawQuery};
use bluegate_store::StoreError;
use serde_json::Value;

use super::{Keeper, Kept, Recordings};
use crate::{
    clock,
    context::Context,
    nodes::{NodeHandle, client::CallError, signing::NodeCall},
};

/// Recordings asked for in one call: their IDs stand in its address.
pub(super) const AT_ONCE: usize = 20;
/// How long a node that says that a recording is ready waits for our thanks
/// while we look at it, so that frontends find it in the list when they hear of it.
const HEAR: Duration = Duration::from_secs(5);

/// Why a keeper's recordings are not known anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// It gave no usable answer.
    #[error("it gave no usable answer")]
    Call(#[source] CallError),
    /// It said FAILED.
    #[error("it refused with `{0}`")]
    Refused(String),
    /// What it says is not written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a keeper answered.
pub(super) struct Looked {
    /// The IDs that it listed.
    pub(super) listed: BTreeSet<String>,
    /// How many there are in all, when this is a page.
    pub(super) total: Option<usize>,
}

impl Recordings {
    /// Asks a keeper, and takes note of what it says.
    pub(super) async fn ask(
        &self,
        context: &Context,
        keeper: &Keeper,
        handle: &NodeHandle,
        parameters: &[(&str, &str)],
    ) -> Result<Looked, LookError> {
        let asked = clock::now();
        let mut query = RawQuery::default();
        for (name, value) in parameters {
            query.append(name, value);
        }
        query.append("state", "any");
        let call = NodeCall::new(Call::GetRecordings.name(), query);
        let answer = handle.poll(call, self.config.timeout).await.map_err(LookError::Call)?;
        if answer.outcome() == Outcome::Failed {
            return Err(LookError::Refused(answer.key()));
        }
        self.observe(context, keeper, asked, answer.recordings()).await?;
        Ok(Looked { listed: ids_of(&answer), total: answer.total_recordings() })
    }

    /// Asks a keeper for these recordings; those that it does not list are gone.
    pub(super) async fn look(
        &self,
        context: &Context,
        keeper: &Keeper,
        handle: &NodeHandle,
        record_ids: &[String],
    ) -> Result<(), LookError> {
        for some in record_ids.chunks(AT_ONCE) {
            let asked = clock::now();
            let given = some.join(",");
            let looked = self.ask(context, keeper, handle, &[("recordID", &given)]).await?;
            let gone: Vec<String> =
                some.iter().filter(|id| !looked.listed.contains(*id)).cloned().collect();
            self.observe_gone(keeper, asked, &gone).await?;
        }
        Ok(())
    }
}

/// A node says that a recording is ready: it is looked at now or, if that takes
/// too long, soon. `says` is what the callback holds. Gives the recording as the
/// node has it now; absent when it does not say, or has none.
pub(crate) async fn hear(
    context: &Arc<Context>,
    node: &Arc<NodeHandle>,
    says: &Value,
) -> Option<Arc<Kept>> {
    let id = says.pointer("/claims/record_id").and_then(Value::as_str)?;
    let (keeper, ids) = (Keeper::Node(node.node.name.clone()), vec![id.to_owned()]);
    let looking = {
        let (context, node) = (Arc::clone(context), Arc::clone(node));
        let (keeper, ids) = (keeper.clone(), ids.clone());
        async move { context.recordings.look(&context, &keeper, &node, &ids).await.is_ok() }
    };
    let looked = tokio::time::timeout(HEAR, context.to_its_end(looking)).await;
    if !matches!(looked, Ok(Some(true))) {
        context.recordings.want(&keeper, ids);
        return None;
    }
    context.recordings.index().at(&keeper, id).cloned()
}

fn ids_of(answer: &Answer) -> BTreeSet<String> {
    let ids = answer.recordings().filter_map(|recording| recording.text_of("recordID"));
    ids.map(|id| id.trim().to_owned()).collect()
}
