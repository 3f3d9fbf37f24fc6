//! A write transaction and what can be done inside it.

use bluegate_cluster::TenantName;
use sqlx::{Sqlite, Transaction, query::Query, sqlite::SqliteArguments};

use crate::{
    error::{StoreError, WriteError},
    generation::{
        Generation, INSERT, SELECT_BY_ID, SELECT_BY_INTERNAL, SELECT_OPEN, SELECT_OPEN_OF_MEETING,
    },
};

const UPDATE: &str = "UPDATE generations SET tenant = $2, meeting_id = $3, node = $4, \
     node_meeting_id = $5, state = $6, internal_meeting_id = $7, create_time = $8, \
     voice_bridge = $9, in_flight = $10, attempted_at = $11, first_answered = $12, reserved = $13, \
     description = $14, created_at = $15, live_at = $16, end_requested_at = $17, ended_at = $18 \
     WHERE id = $1";
const DELETE_ENDED: &str =
    "DELETE FROM generations WHERE state IN ('ended', 'superseded') AND ended_at < $1";

/// A transaction with the write lock; dropped without [`Write::commit`], it
/// leaves no trace.
#[derive(Debug)]
pub struct Write {
    transaction: Transaction<'static, Sqlite>,
}

impl Write {
    pub(crate) fn new(transaction: Transaction<'static, Sqlite>) -> Self {
        Self { transaction }
    }

    /// Every open generation.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generations(&mut self) -> Result<Vec<Generation>, StoreError> {
        let rows = sqlx::query(SELECT_OPEN)
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(|source| StoreError::Query { operation: "list open meetings", source })?;
        rows.iter().map(Generation::read).collect()
    }

    /// The open generation of a meeting.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generation(
        &mut self,
        tenant: &TenantName,
        meeting_id: &str,
    ) -> Result<Option<Generation>, StoreError> {
        let query = sqlx::query(SELECT_OPEN_OF_MEETING).bind(tenant.as_str()).bind(meeting_id);
        self.optional(query).await
    }

    /// A generation in any state.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generation(&mut self, id: &str) -> Result<Option<Generation>, StoreError> {
        self.optional(sqlx::query(SELECT_BY_ID).bind(id)).await
    }

    /// The youngest generation with this internal meeting ID, in any state.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generation_by_internal_id(
        &mut self,
        internal_meeting_id: &str,
    ) -> Result<Option<Generation>, StoreError> {
        self.optional(sqlx::query(SELECT_BY_INTERNAL).bind(internal_meeting_id)).await
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when another open generation has the meeting or
    /// its ID on the nodes.
    pub async fn insert(&mut self, generation: &Generation) -> Result<(), WriteError> {
        self.execute("add a meeting", sqlx::query(INSERT), generation).await
    }

    /// Overwrites the row with this generation's id.
    ///
    /// # Errors
    /// [`WriteError::Taken`] as for [`Write::insert`].
    pub async fn update(&mut self, generation: &Generation) -> Result<(), WriteError> {
        self.execute("change a meeting", sqlx::query(UPDATE), generation).await
    }

    /// Deletes generations that ended or were superseded before `time`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_ended_before(&mut self, time: i64) -> Result<u64, StoreError> {
        sqlx::query(DELETE_ENDED)
            .bind(time)
            .execute(&mut *self.transaction)
            .await
            .map(|done| done.rows_affected())
            .map_err(|source| StoreError::Query { operation: "delete old meetings", source })
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction
            .commit()
            .await
            .map_err(|source| StoreError::Query { operation: "commit a transaction", source })
    }

    async fn optional(
        &mut self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<Generation>, StoreError> {
        let row = query
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(|source| StoreError::Query { operation: "find a meeting", source })?;
        row.as_ref().map(Generation::read).transpose()
    }

    async fn execute(
        &mut self,
        operation: &'static str,
        query: Query<'_, Sqlite, SqliteArguments>,
        generation: &Generation,
    ) -> Result<(), WriteError> {
        query
            .bind(generation.id.clone())
            .bind(generation.tenant.as_str().to_owned())
            .bind(generation.meeting_id.clone())
            .bind(generation.node.as_str().to_owned())
            .bind(generation.node_meeting_id.clone())
            .bind(generation.state.as_str())
            .bind(generation.internal_meeting_id.clone())
            .bind(generation.create_time)
            .bind(generation.voice_bridge.clone())
            .bind(generation.in_flight)
            .bind(generation.attempted_at)
            .bind(generation.first_answered)
            .bind(generation.reserved)
            .bind(generation.description.clone())
            .bind(generation.created_at)
            .bind(generation.live_at)
            .bind(generation.end_requested_at)
            .bind(generation.ended_at)
            .execute(&mut *self.transaction)
            .await
            .map(drop)
            .map_err(|source| WriteError::from_sqlx(operation, source))
    }
}
