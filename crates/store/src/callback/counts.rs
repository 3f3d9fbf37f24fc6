//! How much waits and how much was given up, counted where it lies.

use sqlx::Row;

use super::CallbackState;
use crate::{
    database::{Readers, on_each},
    error::StoreError,
    store::Store,
};

const COUNTS: &str = "SELECT kind, state, COUNT(*) AS n, MIN(created_at) AS oldest \
     FROM callbacks WHERE state IN ('queued', 'dead') GROUP BY kind, state ORDER BY kind, state";

/// How many callbacks of one kind are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackCount {
    /// What they tell; the scaler's word.
    pub kind: String,
    /// Where they stand: queued or dead.
    pub state: CallbackState,
    /// How many there are.
    pub count: i64,
    /// When the oldest of them was queued, in ms.
    pub oldest: i64,
}

impl Store {
    /// Callbacks that wait or were given up, counted by kind; what there is none of
    /// is left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn callback_counts(&self) -> Result<Vec<CallbackCount>, StoreError> {
        let failed = |source| StoreError::Query { operation: "count callbacks", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(COUNTS).fetch_all(readers).await.map_err(failed)?;
            let counts = rows.iter().map(|row| {
                let state: String = row.try_get("state").map_err(failed)?;
                Ok(CallbackCount {
                    kind: row.try_get("kind").map_err(failed)?,
                    state: CallbackState::parse(&state).ok_or(StoreError::Row { column: "state" })?,
                    count: row.try_get("n").map_err(failed)?,
                    oldest: row.try_get("oldest").map_err(failed)?,
                })
            });
            counts.collect()
        })
    }
}
