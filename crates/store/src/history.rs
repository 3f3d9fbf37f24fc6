//! What is remembered of meetings beyond their life: what former ones of the
//! same ID were like, and why each was placed where it is.

use bluegate_cluster::TenantMeetingId;
use sqlx::Row;

use crate::{
    database::{Readers, on_each},
    error::StoreError,
    generation::{Generation, Readable, SELECT_OF_MEETING},
    store::Store,
    write::{Open, Write},
};

/// Lives remembered of one meeting ID.
const LIVES: usize = 20;
/// Meeting IDs remembered, over all tenants; those that ended first go.
const MEETINGS: i64 = 100_000;

/// One former life of a meeting ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The most users that were in it at once, as far as polls saw.
    pub users: u32,
    /// How long it lasted, in minutes.
    pub minutes: u32,
}

const SELECT_LIVES: &str =
    "SELECT lives FROM meeting_history WHERE tenant = $1 AND meeting_id = $2";
const UPSERT_LIVES: &str = "INSERT INTO meeting_history (tenant, meeting_id, lives, ended_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, meeting_id) DO UPDATE SET \
     lives = excluded.lives, ended_at = excluded.ended_at";
const DELETE_OLD_LIVES: &str = "DELETE FROM meeting_history WHERE ended_at < $1";
const DELETE_SURPLUS_LIVES: &str = "DELETE FROM meeting_history WHERE ended_at < \
     (SELECT ended_at FROM meeting_history ORDER BY ended_at DESC LIMIT 1 OFFSET $1)";
const SELECT_DECISION: &str = "SELECT decision FROM decisions WHERE generation = $1";
const UPSERT_DECISION: &str = "INSERT INTO decisions (generation, decided_at, decision) \
     VALUES ($1, $2, $3) ON CONFLICT (generation) DO UPDATE SET \
     decided_at = excluded.decided_at, decision = excluded.decision";

impl Store {
    /// Former lives of a tenant's meeting ID, the latest last.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn lives(&self, meeting: &TenantMeetingId) -> Result<Vec<Life>, StoreError> {
        let failed = |source| StoreError::Query { operation: "read former meetings", source };
        let text: Option<String> = on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_LIVES).bind(meeting.tenant().as_str()).bind(meeting.id());
            let row = query.fetch_optional(readers).await.map_err(failed)?;
            row.map(|row| row.try_get("lives")).transpose().map_err(failed)?
        });
        Ok(text.as_deref().map(parse).unwrap_or_default())
    }

    /// The latest generations of a tenant's meeting ID in any state, the latest
    /// first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn generations_of(
        &self,
        meeting: &TenantMeetingId,
        limit: u32,
    ) -> Result<Vec<Generation>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list former meetings", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_OF_MEETING).bind(meeting.tenant().as_str()).bind(meeting.id());
            let rows = query.bind(i64::from(limit)).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(Readable::generation).collect()
        })
    }

    /// Why this generation is where it is.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn decision(&self, generation: &str) -> Result<Option<String>, StoreError> {
        let failed = |source| StoreError::Query { operation: "read a decision", source };
        on_each!(Readers, self.readers(), readers => {
            let query = sqlx::query(SELECT_DECISION).bind(generation);
            let row = query.fetch_optional(readers).await.map_err(failed)?;
            row.map(|row| row.try_get("decision")).transpose().map_err(failed)
        })
    }
}

impl Write {
    /// Remembers one more life of a meeting ID, and forgets the first of too
    /// many.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn remember_life(
        &mut self,
        meeting: &TenantMeetingId,
        life: Life,
        ended_at: i64,
    ) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "remember a meeting", source };
        on_each!(Open, self.transaction(), transaction => {
            let known = sqlx::query(SELECT_LIVES).bind(meeting.tenant().as_str()).bind(meeting.id());
            let known = known.fetch_optional(&mut **transaction).await.map_err(failed)?;
            let known: Option<String> =
                known.map(|row| row.try_get("lives")).transpose().map_err(failed)?;
            let mut lives = known.as_deref().map(parse).unwrap_or_default();
            lives.push(life);
            let surplus = lives.len().saturating_sub(LIVES);
            let text = print(lives.get(surplus..).unwrap_or_default());
            let query = sqlx::query(UPSERT_LIVES)
                .bind(meeting.tenant().as_str())
                .bind(meeting.id())
                .bind(text)
                .bind(ended_at);
            query.execute(&mut **transaction).await.map(drop).map_err(failed)
        })
    }

    /// Forgets meeting IDs that ended last before `time`, and the first ones
    /// when there are too many.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn forget_history_before(&mut self, time: i64) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "forget old meetings", source };
        for (statement, value) in [(DELETE_OLD_LIVES, time), (DELETE_SURPLUS_LIVES, MEETINGS - 1)] {
            on_each!(Open, self.transaction(), transaction => {
                let query = sqlx::query(statement).bind(value);
                query.execute(&mut **transaction).await.map_err(failed)?;
            });
        }
        Ok(())
    }

    /// Writes down why a generation is where it is.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn put_decision(
        &mut self,
        generation: &str,
        decided_at: i64,
        decision: &str,
    ) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "write a decision", source };
        on_each!(Open, self.transaction(), transaction => {
            let query =
                sqlx::query(UPSERT_DECISION).bind(generation).bind(decided_at).bind(decision);
            query.execute(&mut **transaction).await.map(drop).map_err(failed)
        })
    }
}

/// What is not understood is left out: it only tells sizes.
fn parse(text: &str) -> Vec<Life> {
    let lives = text.split_whitespace().filter_map(|life| {
        let (users, minutes) = life.split_once(':')?;
        Some(Life { users: users.parse().ok()?, minutes: minutes.parse().ok()? })
    });
    lives.collect()
}

fn print(lives: &[Life]) -> String {
    let lives: Vec<String> =
        lives.iter().map(|life| format!("{}:{}", life.users, life.minutes)).collect();
    lives.join(" ")
}
