//! Opening the store and reading from it.

use bluegate_cluster::TenantMeetingId;

use crate::{
    database::{Database, Readers, on_each},
    error::{OpenError, StoreError},
    generation::{
        Changes, Generation, Readable, SELECT_BY_INTERNAL, SELECT_CHANGED, SELECT_OPEN,
        SELECT_OPEN_BY_EITHER, SELECT_OPEN_OF_MEETING, SELECT_REVISION, changes,
    },
    write::Write,
};

const SELECT_SUPERSEDED: &str = "SELECT id FROM generations WHERE tenant = $1 \
     AND meeting_id = $2 AND create_time = $3 AND state = 'superseded' LIMIT 1";

/// The store, open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens `sqlite://PATH`, making the file (readable by its owner only), or
    /// `postgres://USER:PASSWORD@HOST/DATABASE`, and brings the schema up to
    /// date.
    ///
    /// # Errors
    /// [`OpenError`] names the step that failed, and the file; never a URL,
    /// which may hold a password.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(url).await? })
    }

    /// Opens a store to read from it, whoever serves from it: nothing is made,
    /// migrated or written. Absent when there is no such file yet, or nothing of ours
    /// in the database.
    ///
    /// # Errors
    /// [`OpenError`] as for [`Store::open`]; [`OpenError::Older`] when its schema is
    /// an older one, [`OpenError::Version`] when it does not say which it has.
    pub async fn open_to_read(url: &str) -> Result<Option<Self>, OpenError> {
        Ok(Database::open_to_read(url).await?.map(|database| Self { database }))
    }

    pub(crate) fn readers(&self) -> Readers<'_> {
        self.database.readers()
    }

    /// Asks it for nothing, to know whether it answers.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "answer", source };
        on_each!(Readers, self.readers(), readers => {
            sqlx::query("SELECT 1").execute(readers).await.map(drop).map_err(failed)
        })
    }

    /// Whether other scalers may write to it too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// A number that is another one once a process besides this one has written
    /// to the file; absent where the database is a server.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn foreign_changes(&self) -> Result<Option<i64>, StoreError> {
        self.database.foreign_changes().await
    }

    /// Begins a transaction that holds the write lock from the start.
    ///
    /// # Errors
    /// [`StoreError`] when the lock is not to be had within the bound.
    pub async fn write(&self) -> Result<Write, StoreError> {
        self.database.write().await
    }

    /// Every open generation, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generations(&self) -> Result<Vec<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list open meetings", source };
        on_each!(Readers, self.database.readers(), readers => {
            let rows = sqlx::query(SELECT_OPEN).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::generation).collect()
        })
    }

    /// Every open generation, as a beginning for [`Store::changes`].
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn all_open(&self) -> Result<Changes, StoreError> {
        let failed = |source| StoreError::Query { operation: "list open meetings", source };
        // First: a row that changes meanwhile is told of again, not missed.
        let revision = on_each!(Readers, self.database.readers(), readers => {
            let query = sqlx::query_scalar(SELECT_REVISION);
            query.fetch_one(readers).await.map_err(failed)?
        });
        Ok(Changes { generations: self.open_generations().await?, revision })
    }

    /// What changed after this revision.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn changes(&self, revision: i64) -> Result<Changes, StoreError> {
        let failed = |source| StoreError::Query { operation: "list changed meetings", source };
        on_each!(Readers, self.database.readers(), readers => {
            let query = sqlx::query(SELECT_CHANGED).bind(revision);
            changes(&query.fetch_all(readers).await.map_err(failed)?, revision)
        })
    }

    /// The open generation of a meeting.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn open_generation(
        &self,
        meeting: &TenantMeetingId,
    ) -> Result<Option<Generation>, StoreError> {
        self.optional(SELECT_OPEN_OF_MEETING, meeting).await
    }

    /// The open generation a tenant calls `given`: its meeting ID or, if it has
    /// none of that ID, the internal one.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn find_open(
        &self,
        given: &TenantMeetingId,
    ) -> Result<Option<Generation>, StoreError> {
        self.optional(SELECT_OPEN_BY_EITHER, given).await
    }

    /// The youngest generation, in any state, that its node calls by this internal
    /// meeting ID.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generation_by_internal_id(
        &self,
        internal_meeting_id: &str,
    ) -> Result<Option<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a meeting", source };
        on_each!(Readers, self.database.readers(), readers => {
            let query = sqlx::query(SELECT_BY_INTERNAL).bind(internal_meeting_id);
            let row = query.fetch_optional(readers).await.map_err(failed)?;
            row.as_ref().map(Readable::generation).transpose()
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    async fn optional(
        &self,
        statement: &'static str,
        meeting: &TenantMeetingId,
    ) -> Result<Option<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a meeting", source };
        on_each!(Readers, self.database.readers(), readers => {
            let query = sqlx::query(statement).bind(meeting.tenant().as_str()).bind(meeting.id());
            let row = query.fetch_optional(readers).await.map_err(failed)?;
            row.as_ref().map(Readable::generation).transpose()
        })
    }

    /// Whether a superseded generation of this meeting had this createTime.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn was_superseded(
        &self,
        meeting: &TenantMeetingId,
        create_time: i64,
    ) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a former meeting", source };
        on_each!(Readers, self.database.readers(), readers => {
            let query = sqlx::query(SELECT_SUPERSEDED)
                .bind(meeting.tenant().as_str())
                .bind(meeting.id())
                .bind(create_time);
            Ok(query.fetch_optional(readers).await.map_err(failed)?.is_some())
        })
    }

    /// Closes all connections, writing the log back into the file.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[cfg(test)]
mod tests;
