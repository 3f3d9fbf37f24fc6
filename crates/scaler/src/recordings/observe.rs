//! What a keeper says of its recordings goes into the store, and into memory.

use bluegate_bbb_api::{Element, RecordingFacts, stamp::Stamp};
use bluegate_store::{StoreError, StoredRecording};

use super::{Keeper, Owner, Recordings};
use crate::{context::Context, nodes::NodeHandle};

/// Rows written in one transaction: creates wait for it.
const CHUNK: usize = 50;

impl Recordings {
    /// Takes note of what a keeper says in answer to a question that was asked at
    /// `asked`. What is known from later stays.
    pub(super) async fn observe<'a>(
        &self,
        context: &Context,
        keeper: &Keeper,
        asked: i64,
        elements: impl Iterator<Item = &'a Element>,
    ) -> Result<(), StoreError> {
        let rows: Vec<StoredRecording> =
            elements.filter_map(|element| self.news(context, keeper, asked, element)).collect();
        self.record(rows).await
    }

    /// Takes note of recordings that a keeper, asked at `asked`, has no more.
    pub(super) async fn observe_gone(
        &self,
        keeper: &Keeper,
        asked: i64,
        record_ids: &[String],
    ) -> Result<(), StoreError> {
        let gone = |id: &String| {
            let known = self.index().at(keeper, id).cloned()?;
            let owner = known.owner.clone();
            (known.seen_at <= asked).then(|| StoredRecording {
                keeper: keeper.as_str().to_owned(),
                record_id: id.clone(),
                tenant: owner.tenant,
                meeting_id: owner.meeting_id,
                document: String::new(),
                seen_at: asked,
                gone: true,
                revision: 0,
            })
        };
        self.record(record_ids.iter().filter_map(gone).collect()).await
    }

    /// The row that an element makes, when it says anything new.
    fn news(
        &self,
        context: &Context,
        keeper: &Keeper,
        asked: i64,
        element: &Element,
    ) -> Option<StoredRecording> {
        let facts = RecordingFacts::read(element)?;
        let known = self.index().at(keeper, &facts.record_id).cloned();
        let document = element.to_string();
        let known_owner = known.as_ref().map(|known| &known.owner);
        let owner = Owner::of(&facts, |text| verify(context, keeper, text)).or_known(known_owner);
        let is_old = known.as_ref().is_some_and(|known| {
            known.seen_at > asked || (known.owner == owner && known.is_of(&document))
        });
        (!is_old).then(|| StoredRecording {
            keeper: keeper.as_str().to_owned(),
            record_id: facts.record_id,
            tenant: owner.tenant,
            meeting_id: owner.meeting_id,
            document,
            seen_at: asked,
            gone: false,
            revision: 0,
        })
    }

    /// Writes rows to the store, then to memory.
    async fn record(&self, rows: Vec<StoredRecording>) -> Result<(), StoreError> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<StoredRecording> = rows.by_ref().take(CHUNK).collect();
            let mut write = self.store.write().await?;
            let written = write.put_recordings(chunk).await?;
            write.commit().await?;
            self.take_over(&written);
        }
        Ok(())
    }
}

/// A stamp that any node signed: recordings move between servers.
fn verify(context: &Context, keeper: &Keeper, text: &str) -> Option<Stamp> {
    let by = |handle: &NodeHandle| Stamp::verify(text, &handle.secrets);
    let own = keeper.handle(context).and_then(|handle| by(&handle));
    own.or_else(|| context.nodes().values().find_map(|handle| by(handle)))
}
