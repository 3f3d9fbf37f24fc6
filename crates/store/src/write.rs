//! A write transaction and what can be done inside it.

use bluegate_cluster::TenantMeetingId;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::{
    database::on_each,
    error::{StoreError, WriteError},
    generation::{
        Changes, Generation, Readable, SELECT_BY_ID, SELECT_BY_INTERNAL, SELECT_CHANGED,
        SELECT_OPEN, SELECT_OPEN_OF_MEETING, SELECT_REVISION, UPSERT, changes,
    },
};

const DELETE_DECISIONS: &str = "DELETE FROM decisions WHERE generation IN (SELECT id FROM \
     generations WHERE state IN ('ended', 'superseded') AND ended_at < $1)";
// The last change stays: revisions must never be given twice.
const DELETE_ENDED: &str = "DELETE FROM generations WHERE state IN ('ended', 'superseded') \
     AND ended_at < $1 AND revision < (SELECT MAX(revision) FROM generations)";

/// A transaction with the write lock; dropped without [`Write::commit`], it
/// leaves no trace.
#[derive(Debug)]
pub struct Write {
    pub(crate) transaction: Open,
}

/// A transaction of either database.
#[derive(Debug)]
pub(crate) enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Write {
    pub(crate) fn new(transaction: Open) -> Self {
        Self { transaction }
    }

    pub(crate) fn transaction(&mut self) -> &mut Open {
        &mut self.transaction
    }

    /// Every open generation.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list open meetings", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let rows = sqlx::query(SELECT_OPEN).fetch_all(&mut **transaction).await;
            rows.map_err(failed)?.iter().map(Readable::generation).collect()
        })
    }

    /// Every open generation, as a beginning for [`Write::changes`].
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn all_open(&mut self) -> Result<Changes, StoreError> {
        let failed = |source| StoreError::Query { operation: "list open meetings", source };
        let revision = on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query_scalar(SELECT_REVISION);
            query.fetch_one(&mut **transaction).await.map_err(failed)?
        });
        Ok(Changes { generations: self.open_generations().await?, revision })
    }

    /// What changed after this revision.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn changes(&mut self, revision: i64) -> Result<Changes, StoreError> {
        let failed = |source| StoreError::Query { operation: "list changed meetings", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query(SELECT_CHANGED).bind(revision);
            changes(&query.fetch_all(&mut **transaction).await.map_err(failed)?, revision)
        })
    }

    /// The open generation of a meeting.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generation(
        &mut self,
        meeting: &TenantMeetingId,
    ) -> Result<Option<Generation>, StoreError> {
        self.optional(SELECT_OPEN_OF_MEETING, &[meeting.tenant().as_str(), meeting.id()]).await
    }

    /// A generation in any state.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generation(&mut self, id: &str) -> Result<Option<Generation>, StoreError> {
        self.optional(SELECT_BY_ID, &[id]).await
    }

    /// The youngest generation with this internal meeting ID, in any state.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generation_by_internal_id(
        &mut self,
        internal_meeting_id: &str,
    ) -> Result<Option<Generation>, StoreError> {
        self.optional(SELECT_BY_INTERNAL, &[internal_meeting_id]).await
    }

    /// Writes a row, new or in the place of the one with its id; the revision
    /// that this change takes.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when another open generation has the meeting or
    /// its ID on the nodes.
    pub async fn put(&mut self, generation: &Generation) -> Result<i64, WriteError> {
        let failed = |source| WriteError::from_sqlx("write a meeting", source);
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query_scalar(UPSERT)
                .bind(&generation.id)
                .bind(generation.tenant.as_str())
                .bind(&generation.meeting_id)
                .bind(generation.node.as_str())
                .bind(&generation.node_meeting_id)
                .bind(generation.state.as_str())
                .bind(&generation.internal_meeting_id)
                .bind(generation.create_time)
                .bind(&generation.voice_bridge)
                .bind(generation.in_flight)
                .bind(generation.attempted_at)
                .bind(generation.first_answered)
                .bind(generation.reserved)
                .bind(&generation.description)
                .bind(generation.created_at)
                .bind(generation.live_at)
                .bind(generation.end_requested_at)
                .bind(generation.ended_at);
            query.fetch_one(&mut **transaction).await.map_err(failed)
        })
    }

    /// Deletes generations that ended or were superseded before `time`, and why
    /// they were placed. No change tells of it: whoever follows changes must not
    /// be that far behind.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_ended_before(&mut self, time: i64) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Query { operation: "delete old meetings", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let decisions = sqlx::query(DELETE_DECISIONS).bind(time);
            decisions.execute(&mut **transaction).await.map_err(failed)?;
            let done = sqlx::query(DELETE_ENDED).bind(time).execute(&mut **transaction).await;
            done.map(|done| done.rows_affected()).map_err(failed)
        })
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn commit(self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "commit a transaction", source };
        on_each!(Open, self.transaction, transaction => transaction.commit().await.map_err(failed))
    }

    async fn optional(
        &mut self,
        statement: &'static str,
        values: &[&str],
    ) -> Result<Option<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a meeting", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let mut query = sqlx::query(statement);
            for value in values {
                query = query.bind(*value);
            }
            let row = query.fetch_optional(&mut **transaction).await.map_err(failed)?;
            row.as_ref().map(Readable::generation).transpose()
        })
    }
}
