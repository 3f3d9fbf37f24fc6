//! Callbacks on their way to frontends: rows and statements.

use bluegate_cluster::TenantName;
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::StoreError,
    store::Store,
    write::{Open, Write},
};

mod counts;

pub use counts::CallbackCount;

/// A callback that is to reach a frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Names this row for ever, and the delivery at the receiver.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantName,
    /// What it tells; the scaler's word.
    pub kind: String,
    /// The tenant's ID of the meeting it is about; empty when about none.
    pub meeting_id: String,
    /// The whole URL.
    pub target: String,
    /// Host and port of the target: what deliveries at once are counted by.
    pub place: String,
    /// Callbacks of one lane are delivered one at a time, in their order.
    pub lane: Option<String>,
    /// What is to be told, for the scaler alone to read.
    pub payload: String,
    /// Two callbacks of equal sameness are one: the second is not queued, unless
    /// the first was given up.
    pub sameness: Option<String>,
    /// Where it stands.
    pub state: CallbackState,
    /// The order within its lane.
    pub position: i64,
    /// Deliveries tried.
    pub attempts: i64,
    /// When it was queued, in ms.
    pub created_at: i64,
    /// Not to be tried before, in ms.
    pub next_at: i64,
    /// Somebody tries it until then, in ms.
    pub leased_until: i64,
    /// Why the last attempt failed; no secret, no address.
    pub error: Option<String>,
    /// When it was delivered or given up, in ms.
    pub settled_at: Option<i64>,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackState {
    /// To be delivered.
    Queued,
    /// Delivered, and kept so that it is not delivered again.
    Delivered,
    /// Given up: a dead letter.
    Dead,
}

impl CallbackState {
    /// The text in the column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Delivered, Self::Dead].into_iter().find(|s| s.as_str() == text)
    }
}

macro_rules! columns {
    () => {
        "id, tenant, kind, meeting_id, target, place, lane, payload, sameness, state, position, \
         attempts, created_at, next_at, leased_until, error, settled_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO callbacks (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
     ON CONFLICT (sameness) DO UPDATE SET state = excluded.state, payload = excluded.payload, \
     position = excluded.position, attempts = excluded.attempts, created_at = excluded.created_at, \
     next_at = excluded.next_at, leased_until = excluded.leased_until, error = excluded.error, \
     settled_at = excluded.settled_at WHERE callbacks.state = 'dead'"
);
/// Of each place only the first few, and of all places the first ones before
/// any second one, so that a slow place leaves room for others.
/// Of a lane only when its head may be tried, and then from the head on.
const SELECT_DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM callbacks WHERE id IN (SELECT id FROM (\
       SELECT id, position, ROW_NUMBER() OVER (PARTITION BY place ORDER BY position) AS nth \
       FROM callbacks WHERE state = 'queued' AND next_at <= $1 AND leased_until <= $1 \
         AND (lane IS NULL OR lane IN (SELECT lane FROM callbacks AS head \
           WHERE lane IS NOT NULL AND state = 'queued' AND next_at <= $1 AND leased_until <= $1 \
             AND position = (SELECT MIN(position) FROM callbacks AS every \
               WHERE every.lane = head.lane AND every.state = 'queued')))\
     ) AS due WHERE nth <= $2 ORDER BY nth, position LIMIT $3) ORDER BY position"
);
const SELECT_STATE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM callbacks WHERE state = $1 AND ($2 = '' OR tenant = $2) \
     ORDER BY created_at DESC, position DESC LIMIT $3"
);
const COUNT_QUEUED: &str = "SELECT COUNT(*) AS n FROM callbacks \
     WHERE tenant = $1 AND kind = $2 AND state = 'queued'";
const COUNT_DEAD: &str = "SELECT COUNT(*) AS n FROM callbacks WHERE tenant = $1 AND state = 'dead'";
const LEASE: &str = "UPDATE callbacks SET leased_until = $2 \
     WHERE id = $1 AND state = 'queued' AND leased_until <= $3";
const RELEASE: &str = "UPDATE callbacks SET leased_until = 0 WHERE id = $1 AND state = 'queued'";
const SETTLE: &str = "UPDATE callbacks SET state = $2, next_at = $3, leased_until = 0, \
     attempts = attempts + 1, error = $4, settled_at = $5 WHERE id = $1 AND state = 'queued'";
const FORGET: &str = "DELETE FROM callbacks WHERE id = $1 AND state = 'queued'";
const RETRY: &str = "UPDATE callbacks SET state = 'queued', next_at = $3, created_at = $3, \
     leased_until = 0, attempts = 0, settled_at = NULL \
     WHERE id = $1 AND ($2 = '' OR tenant = $2) AND state <> 'delivered'";
const DROP: &str =
    "DELETE FROM callbacks WHERE id = $1 AND ($2 = '' OR tenant = $2) AND state <> 'delivered'";
const DROP_LANE: &str = "DELETE FROM callbacks WHERE lane = $1";
const DROP_OLDEST_DEAD: &str = "DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks \
     WHERE tenant = $1 AND state = 'dead' ORDER BY settled_at, position LIMIT $2)";
const DELETE_SETTLED: &str = "DELETE FROM callbacks WHERE state = $1 AND settled_at < $2";

/// What became of a callback that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The row.
    pub id: String,
    /// Where it stands now; queued when it is to be tried again.
    pub state: CallbackState,
    /// Not to be tried before, in ms.
    pub next_at: i64,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was delivered or given up, in ms.
    pub settled_at: Option<i64>,
}

trait Readable {
    fn callback(&self) -> Result<Callback, StoreError>;
    fn number(&self) -> Result<i64, StoreError>;
}

macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn callback(&self) -> Result<Callback, StoreError> {
                fn get<'r, T>(row: &'r $row, column: &'static str) -> Result<T, StoreError>
                where
                    T: sqlx::Decode<'r, <$row as Row>::Database>
                        + sqlx::Type<<$row as Row>::Database>,
                {
                    row.try_get(column).map_err(|source| StoreError::Query {
                        operation: "read a callback",
                        source,
                    })
                }
                let text = |column| get::<String>(self, column);
                Ok(Callback {
                    id: text("id")?,
                    tenant: text("tenant")?
                        .parse()
                        .map_err(|_| StoreError::Row { column: "tenant" })?,
                    kind: text("kind")?,
                    meeting_id: text("meeting_id")?,
                    target: text("target")?,
                    place: text("place")?,
                    lane: get(self, "lane")?,
                    payload: text("payload")?,
                    sameness: get(self, "sameness")?,
                    state: CallbackState::parse(&text("state")?)
                        .ok_or(StoreError::Row { column: "state" })?,
                    position: get(self, "position")?,
                    attempts: get(self, "attempts")?,
                    created_at: get(self, "created_at")?,
                    next_at: get(self, "next_at")?,
                    leased_until: get(self, "leased_until")?,
                    error: get(self, "error")?,
                    settled_at: get(self, "settled_at")?,
                })
            }

            fn number(&self) -> Result<i64, StoreError> {
                self.try_get("n")
                    .map_err(|source| StoreError::Query { operation: "count callbacks", source })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);

impl Store {
    /// Callbacks that may be tried at `now`: at most `per_place` of one place
    /// and `limit` in all.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn due_callbacks(
        &self,
        now: i64,
        per_place: i64,
        limit: i64,
    ) -> Result<Vec<Callback>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list due callbacks", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_DUE).bind(now).bind(per_place).bind(limit);
            let rows = query.fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::callback).collect()
        })
    }

    /// Callbacks in a state, of one tenant or of all, the youngest first, at
    /// most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn callbacks(
        &self,
        state: CallbackState,
        tenant: Option<&TenantName>,
        limit: i64,
    ) -> Result<Vec<Callback>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list callbacks", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_STATE)
                .bind(state.as_str())
                .bind(tenant.map_or("", TenantName::as_str))
                .bind(limit);
            let rows = query.fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::callback).collect()
        })
    }
}

impl Write {
    /// Queues a callback, in place of a dead letter of the same sameness; `false`
    /// when one waits or was delivered.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn insert_callback(&mut self, callback: &Callback) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "queue a callback", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let done = sqlx::query(INSERT)
                .bind(&callback.id)
                .bind(callback.tenant.as_str())
                .bind(&callback.kind)
                .bind(&callback.meeting_id)
                .bind(&callback.target)
                .bind(&callback.place)
                .bind(&callback.lane)
                .bind(&callback.payload)
                .bind(&callback.sameness)
                .bind(callback.state.as_str())
                .bind(callback.position)
                .bind(callback.attempts)
                .bind(callback.created_at)
                .bind(callback.next_at)
                .bind(callback.leased_until)
                .bind(&callback.error)
                .bind(callback.settled_at)
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Callbacks of this tenant and kind that wait.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn queued_callbacks(
        &mut self,
        tenant: &TenantName,
        kind: &str,
    ) -> Result<i64, StoreError> {
        self.count(COUNT_QUEUED, &[tenant.as_str(), kind]).await
    }

    /// Takes a callback to try it until `until`; `false` when somebody else
    /// has it or it is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn lease_callback(
        &mut self,
        id: &str,
        until: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "lease a callback", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let query = sqlx::query(LEASE).bind(id).bind(until).bind(now);
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Gives a callback back untried.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn release_callback(&mut self, id: &str) -> Result<(), StoreError> {
        self.change_callbacks(RELEASE, id, None).await.map(drop)
    }

    /// Records what became of a callback that was tried.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn settle_callback(&mut self, settled: &Settled) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "settle a callback", source };
        on_each!(Open, &mut self.transaction, transaction => {
            sqlx::query(SETTLE)
                .bind(&settled.id)
                .bind(settled.state.as_str())
                .bind(settled.next_at)
                .bind(&settled.error)
                .bind(settled.settled_at)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(failed)
        })
    }

    /// Deletes a callback that was delivered and need not be remembered.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn forget_callback(&mut self, id: &str) -> Result<(), StoreError> {
        self.change_callbacks(FORGET, id, None).await.map(drop)
    }

    /// Queues a callback anew, from its first attempt, at `now`; only one of this
    /// tenant, when one is given.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn retry_callback(
        &mut self,
        id: &str,
        tenant: Option<&TenantName>,
        now: i64,
    ) -> Result<bool, StoreError> {
        self.change_callback(RETRY, id, tenant, Some(now)).await
    }

    /// Deletes a callback that was not delivered; only one of this tenant, when
    /// one is given.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn drop_callback(
        &mut self,
        id: &str,
        tenant: Option<&TenantName>,
    ) -> Result<bool, StoreError> {
        self.change_callback(DROP, id, tenant, None).await
    }

    async fn change_callback(
        &mut self,
        statement: &'static str,
        id: &str,
        tenant: Option<&TenantName>,
        time: Option<i64>,
    ) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "change a callback", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let mut query =
                sqlx::query(statement).bind(id).bind(tenant.map_or("", TenantName::as_str));
            if let Some(time) = time {
                query = query.bind(time);
            }
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Deletes all callbacks of a lane.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn drop_lane(&mut self, lane: &str) -> Result<u64, StoreError> {
        self.change_callbacks(DROP_LANE, lane, None).await
    }

    /// Deletes callbacks that were settled this way before `time`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_settled_callbacks(
        &mut self,
        state: CallbackState,
        time: i64,
    ) -> Result<u64, StoreError> {
        self.change_callbacks(DELETE_SETTLED, state.as_str(), Some(time)).await
    }

    /// Deletes the oldest dead letters of a tenant beyond `kept`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn bound_dead_callbacks(
        &mut self,
        tenant: &TenantName,
        kept: i64,
    ) -> Result<u64, StoreError> {
        let beyond = self.count(COUNT_DEAD, &[tenant.as_str()]).await?.saturating_sub(kept);
        if beyond <= 0 {
            return Ok(0);
        }
        self.change_callbacks(DROP_OLDEST_DEAD, tenant.as_str(), Some(beyond)).await
    }

    async fn count(&mut self, statement: &'static str, values: &[&str]) -> Result<i64, StoreError> {
        let failed = |source| StoreError::Query { operation: "count callbacks", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let mut query = sqlx::query(statement);
            for value in values {
                query = query.bind(*value);
            }
            let row = query.fetch_one(&mut **transaction).await.map_err(failed)?;
            row.number()
        })
    }

    async fn change_callbacks(
        &mut self,
        statement: &'static str,
        key: &str,
        number: Option<i64>,
    ) -> Result<u64, StoreError> {
        let failed = |source| StoreError::Query { operation: "change callbacks", source };
        on_each!(Open, &mut self.transaction, transaction => {
            let mut query = sqlx::query(statement).bind(key);
            if let Some(number) = number {
                query = query.bind(number);
            }
            let done = query.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected())
        })
    }
}
