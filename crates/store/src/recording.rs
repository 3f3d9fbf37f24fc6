//! Recordings: who keeps which, and when each keeper is asked next.

use bluegate_cluster::TenantName;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, Writers, on_each},
    error::StoreError,
    store::Store,
    write::{Open, Write},
};

/// A recording at one keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecording {
    /// Who keeps it: a node's name, or a word that no node can have.
    pub keeper: String,
    /// Its ID.
    pub record_id: String,
    /// Whose it is; absent when nobody may see it.
    pub tenant: Option<TenantName>,
    /// The tenant's ID of its meeting, where the document's is another.
    pub meeting_id: Option<String>,
    /// The `<recording>` element as the keeper gave it.
    pub document: String,
    /// When the keeper was asked for it, in ms: older words change nothing.
    pub seen_at: i64,
    /// Whether the keeper has it no more.
    pub gone: bool,
    /// The change that made the row what it is; given when it is written.
    pub revision: i64,
}

/// When a keeper is asked for all that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingTurn {
    /// Not before this time, in ms.
    pub next_at: i64,
    /// Until when some scaler is at it, in ms.
    pub leased_until: i64,
    /// When it last answered to the end, in ms.
    pub completed_at: Option<i64>,
}

macro_rules! columns {
    () => {
        "keeper, record_id, tenant, meeting_id, document, seen_at, gone, revision"
    };
}

const SELECT_AFTER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM recordings WHERE revision > $1 ORDER BY revision LIMIT $2"
);
const SELECT_ONE: &str =
    concat!("SELECT ", columns!(), " FROM recordings WHERE keeper = $1 AND record_id = $2");
const SELECT_REVISION: &str = "SELECT COALESCE(MAX(revision), 0) FROM recordings";
const UPSERT: &str = concat!(
    "INSERT INTO recordings (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (keeper, record_id) DO UPDATE SET tenant = excluded.tenant, \
     meeting_id = excluded.meeting_id, document = excluded.document, \
     seen_at = excluded.seen_at, gone = excluded.gone, revision = excluded.revision \
     WHERE recordings.seen_at <= excluded.seen_at"
);
// The last change stays: revisions must never be given twice.
const DELETE_GONE: &str = "DELETE FROM recordings WHERE gone AND seen_at < $1 \
     AND revision < (SELECT MAX(revision) FROM recordings)";
const SELECT_TURN: &str =
    "SELECT next_at, leased_until, completed_at FROM recording_turns WHERE keeper = $1";
const TAKE_TURN: &str = "INSERT INTO recording_turns (keeper, next_at, leased_until) \
     VALUES ($1, $2, $3) ON CONFLICT (keeper) DO UPDATE SET leased_until = excluded.leased_until \
     WHERE recording_turns.next_at <= excluded.next_at \
     AND recording_turns.leased_until <= excluded.next_at";
const SETTLE_TURN: &str = "UPDATE recording_turns SET next_at = $2, leased_until = 0, \
     completed_at = COALESCE($3, completed_at) WHERE keeper = $1";

trait Readable {
    fn recording(&self) -> Result<StoredRecording, StoreError>;
}

macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn recording(&self) -> Result<StoredRecording, StoreError> {
                fn get<'r, T>(row: &'r $row, column: &'static str) -> Result<T, StoreError>
                where
                    T: sqlx::Decode<'r, <$row as Row>::Database>
                        + sqlx::Type<<$row as Row>::Database>,
                {
                    row.try_get(column).map_err(|source| StoreError::Query {
                        operation: "read a recording",
                        source,
                    })
                }
                let tenant = get::<Option<String>>(self, "tenant")?
                    .map(|name| name.parse())
                    .transpose()
                    .map_err(|_| StoreError::Row { column: "tenant" })?;
                Ok(StoredRecording {
                    keeper: get(self, "keeper")?,
                    record_id: get(self, "record_id")?,
                    tenant,
                    meeting_id: get(self, "meeting_id")?,
                    document: get(self, "document")?,
                    seen_at: get(self, "seen_at")?,
                    gone: get(self, "gone")?,
                    revision: get(self, "revision")?,
                })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);

impl Store {
    /// The first `limit` recordings that changed after this revision, in the
    /// order of their changes.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn recordings_after(
        &self,
        revision: i64,
        limit: i64,
    ) -> Result<Vec<StoredRecording>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list recordings", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_AFTER).bind(revision).bind(limit);
            let rows = query.fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::recording).collect()
        })
    }

    /// When a keeper is asked next; absent when it never was.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn recording_turn(&self, keeper: &str) -> Result<Option<RecordingTurn>, StoreError> {
        let failed = |source| StoreError::Query { operation: "read whose turn it is", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query_as(SELECT_TURN).bind(keeper);
            let row: Option<(i64, i64, Option<i64>)> =
                query.fetch_optional(readers).await.map_err(failed)?;
            Ok(row.map(|(next_at, leased_until, completed_at)| {
                RecordingTurn { next_at, leased_until, completed_at }
            }))
        })
    }

    /// Takes the turn to ask a keeper, until `until`; `false` when it is not time
    /// at `now`, or another scaler is at it.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn take_recording_turn(
        &self,
        keeper: &str,
        now: i64,
        until: i64,
    ) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "take a turn", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(TAKE_TURN).bind(keeper).bind(now).bind(until);
            Ok(query.execute(writers).await.map_err(failed)?.rows_affected() > 0)
        })
    }

    /// Gives the turn back: a keeper is asked again at `next_at`, and, when it
    /// answered to the end, has done so at `completed_at`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn settle_recording_turn(
        &self,
        keeper: &str,
        next_at: i64,
        completed_at: Option<i64>,
    ) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "give a turn back", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(SETTLE_TURN).bind(keeper).bind(next_at).bind(completed_at);
            query.execute(writers).await.map(drop).map_err(failed)
        })
    }
}

impl Write {
    /// A recording at a keeper.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn recording(
        &mut self,
        keeper: &str,
        record_id: &str,
    ) -> Result<Option<StoredRecording>, StoreError> {
        let failed = |source| StoreError::Query { operation: "find a recording", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query(SELECT_ONE).bind(keeper).bind(record_id);
            let row = query.fetch_optional(&mut **transaction).await.map_err(failed)?;
            row.as_ref().map(Readable::recording).transpose()
        })
    }

    /// Writes rows, and gives each that was written its revision; a row that was
    /// seen later stays as it is and is not among those that come back.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn put_recordings(
        &mut self,
        rows: Vec<StoredRecording>,
    ) -> Result<Vec<StoredRecording>, StoreError> {
        let failed = |source| StoreError::Query { operation: "write a recording", source };
        let mut written = Vec::with_capacity(rows.len());
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query_scalar(SELECT_REVISION);
            let mut revision: i64 = query.fetch_one(&mut **transaction).await.map_err(failed)?;
            for mut row in rows {
                row.revision = revision + 1;
                let done = sqlx::query(UPSERT)
                    .bind(&row.keeper)
                    .bind(&row.record_id)
                    .bind(row.tenant.as_ref().map(TenantName::as_str))
                    .bind(&row.meeting_id)
                    .bind(&row.document)
                    .bind(row.seen_at)
                    .bind(row.gone)
                    .bind(row.revision)
                    .execute(&mut **transaction)
                    .await
                    .map_err(failed)?;
                if done.rows_affected() > 0 {
                    revision += 1;
                    written.push(row);
                }
            }
        });
        Ok(written)
    }

    /// Forgets recordings that were found to be gone before `time`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn forget_gone_recordings(&mut self, time: i64) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Query { operation: "forget recordings", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let done = sqlx::query(DELETE_GONE).bind(time).execute(&mut **transaction).await;
            done.map(|done| done.rows_affected()).map_err(failed)
        })
    }
}
