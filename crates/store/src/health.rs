//! Nodes that are given up, and what each scaler hears of the nodes.

use crate::{
    Store,
    database::{Readers, Writers, on_each},
    error::StoreError,
};
use bluegate_cluster::Mount;

const SELECT_LOSSES: &str = "SELECT node, lost_at, by_operator FROM node_losses ORDER BY node";
const INSERT_LOSS: &str = "INSERT INTO node_losses (node, lost_at, by_operator) \
     VALUES ($1, $2, $3) ON CONFLICT (node) DO NOTHING";
const DELETE_LOSS: &str = "DELETE FROM node_losses WHERE node = $1";
const SELECT_OBSERVERS: &str = "SELECT id, beat, hears FROM observers WHERE id <> $1 ORDER BY id";
const UPSERT_OBSERVER: &str = "INSERT INTO observers (id, beat, seen_at, hears) \
     VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET beat = $2, seen_at = $3, hears = $4";
const DELETE_OBSERVER: &str = "DELETE FROM observers WHERE id = $1 OR seen_at < $2";

/// A node that is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The node.
    pub node: Mount,
    /// Since when, in milliseconds since 1970.
    pub lost_at: i64,
    /// Whether an operator said so.
    pub by_operator: bool,
}

/// What a scaler hears of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observer {
    /// The scaler, by a name it drew when it started.
    pub id: String,
    /// Grows with each look.
    pub beat: i64,
    /// The nodes that answered it last time it asked.
    pub hears: Vec<Mount>,
}

impl Store {
    /// The nodes that are given up, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn losses(&self) -> Result<Vec<Loss>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list lost nodes", source };
        on_each!(Readers, self.database().readers(), readers => {
            let rows: Vec<(String, i64, bool)> =
                sqlx::query_as(SELECT_LOSSES).fetch_all(readers).await.map_err(failed)?;
            rows.into_iter().map(loss).collect()
        })
    }

    /// Gives a node up; says whether it was not before.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn lose(&self, loss: &Loss) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "give up a node", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(INSERT_LOSS)
                .bind(loss.node.as_str())
                .bind(loss.lost_at)
                .bind(loss.by_operator);
            Ok(query.execute(writers).await.map_err(failed)?.rows_affected() > 0)
        })
    }

    /// A node is back; says whether it was given up.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer; nothing has changed then.
    pub async fn find(&self, node: &Mount) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "take a node back", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(DELETE_LOSS).bind(node.as_str());
            Ok(query.execute(writers).await.map_err(failed)?.rows_affected() > 0)
        })
    }

    /// What the scalers other than `own` hear.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn other_observers(&self, own: &str) -> Result<Vec<Observer>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list observers", source };
        on_each!(Readers, self.database().readers(), readers => {
            let query = sqlx::query_as(SELECT_OBSERVERS).bind(own);
            let rows: Vec<(String, i64, String)> =
                query.fetch_all(readers).await.map_err(failed)?;
            rows.into_iter().map(observer).collect()
        })
    }

    /// Says what a scaler hears, at `seen_at`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn observe(&self, observer: &Observer, seen_at: i64) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "write an observation", source };
        let names: Vec<&str> = observer.hears.iter().map(Mount::as_str).collect();
        let hears = names.join("\n");
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(UPSERT_OBSERVER)
                .bind(&observer.id)
                .bind(observer.beat)
                .bind(seen_at)
                .bind(hears);
            query.execute(writers).await.map(drop).map_err(failed)
        })
    }

    /// Forgets a scaler that ends, and those unheard of since `seen_before`.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn forget_observer(&self, id: &str, seen_before: i64) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "forget an observer", source };
        on_each!(Writers, self.database().writers(), writers => {
            let query = sqlx::query(DELETE_OBSERVER).bind(id).bind(seen_before);
            query.execute(writers).await.map(drop).map_err(failed)
        })
    }
}

fn loss((node, lost_at, by_operator): (String, i64, bool)) -> Result<Loss, StoreError> {
    let node = node.parse().map_err(|_| StoreError::Row { column: "node" })?;
    Ok(Loss { node, lost_at, by_operator })
}

fn observer((id, beat, hears): (String, i64, String)) -> Result<Observer, StoreError> {
    let names = hears.lines().map(|name| name.parse());
    let hears = names.collect::<Result<_, _>>();
    Ok(Observer { id, beat, hears: hears.map_err(|_| StoreError::Row { column: "hears" })? })
}
