//! A write transaction and what can be done inside it.

use bluegate_cluster::TenantMeetingId;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::{
    database::on_each,
    error::{StoreError, WriteError},
    generation::{
        Brief, Generation, INSERT, Readable, SELECT_BY_ID, SELECT_BY_INTERNAL, SELECT_OPEN,
        SELECT_OPEN_BRIEFLY, SELECT_OPEN_OF_MEETING,
    },
};

const UPDATE: &str = "UPDATE generations SET tenant = $2, meeting_id = $3, node = $4, \
     node_meeting_id = $5, state = $6, internal_meeting_id = $7, create_time = $8, \
     voice_bridge = $9, in_flight = $10, attempted_at = $11, first_answered = $12, reserved = $13, \
     description = $14, created_at = $15, live_at = $16, end_requested_at = $17, ended_at = $18 \
     WHERE id = $1";
const DELETE_DECISIONS: &str = "DELETE FROM decisions WHERE generation IN (SELECT id FROM \
     generations WHERE state IN ('ended', 'superseded') AND ended_at < $1)";
const DELETE_ENDED: &str =
    "DELETE FROM generations WHERE state IN ('ended', 'superseded') AND ended_at < $1";

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

    /// Every open generation, without its description.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_briefly(&mut self) -> Result<Vec<Brief>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list open meetings", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let rows = sqlx::query(SELECT_OPEN_BRIEFLY).fetch_all(&mut **transaction).await;
            rows.map_err(failed)?.iter().map(|row| row.generation().map(Brief)).collect()
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

    /// Adds a row.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when another open generation has the meeting or
    /// its ID on the nodes.
    pub async fn insert(&mut self, generation: &Generation) -> Result<(), WriteError> {
        self.execute("add a meeting", INSERT, generation).await
    }

    /// Overwrites the row with this generation's id.
    ///
    /// # Errors
    /// [`WriteError::Taken`] as for [`Write::insert`].
    pub async fn update(&mut self, generation: &Generation) -> Result<(), WriteError> {
        self.execute("change a meeting", UPDATE, generation).await
    }

    /// Deletes generations that ended or were superseded before `time`, and why
    /// they were placed.
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

    async fn execute(
        &mut self,
        operation: &'static str,
        statement: &'static str,
        generation: &Generation,
    ) -> Result<(), WriteError> {
        on_each!(Open, &mut self.transaction, transaction => {
            sqlx::query(statement)
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
                .bind(generation.ended_at)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|source| WriteError::from_sqlx(operation, source))
        })
    }
}
