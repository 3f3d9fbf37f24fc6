//! The rows of nodes: those added at run time, and what operators decided of
//! any node.

use bluegate_cluster::{BbbVersion, Mount, Node};
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    database::{Readers, on_each},
    error::{StoreError, WriteError},
    store::Store,
    write::{Open, Write},
};

/// A node that was added at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredNode {
    /// What every role may know.
    pub node: Node,
    /// Its API secrets, sealed.
    pub secrets: String,
    /// Its share of meetings beside those of other nodes.
    pub weight: f64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Most meetings on it.
    pub max_meetings: Option<i64>,
    /// Most users on it.
    pub max_users: Option<i64>,
    /// Most users of one meeting on it.
    pub max_meeting_users: Option<i64>,
    /// When it was added, in ms since 1970.
    pub added_at: i64,
}

/// What operators decided of a node. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// Its name.
    pub node: Mount,
    /// Since when it gets no new meetings; absent when it does.
    pub cordoned_at: Option<i64>,
    /// When it was last let in again.
    pub uncordoned_at: Option<i64>,
    /// A weight instead of the configured one.
    pub weight: Option<f64>,
}

const SELECT_NODES: &str = "SELECT name, origin, address, bbb, proxied, secrets, weight, tags, \
     max_meetings, max_users, max_meeting_users, added_at FROM nodes ORDER BY name";
const INSERT_NODE: &str = "INSERT INTO nodes (name, origin, address, bbb, proxied, secrets, \
     weight, tags, max_meetings, max_users, max_meeting_users, added_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const DELETE_NODE: &str = "DELETE FROM nodes WHERE name = $1";
const SELECT_STATES: &str =
    "SELECT node, cordoned_at, uncordoned_at, weight FROM node_states ORDER BY node";
const UPSERT_STATE: &str = "INSERT INTO node_states (node, cordoned_at, uncordoned_at, weight) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (node) DO UPDATE SET \
     cordoned_at = excluded.cordoned_at, uncordoned_at = excluded.uncordoned_at, \
     weight = excluded.weight";
const DELETE_STATE: &str = "DELETE FROM node_states WHERE node = $1";

impl Store {
    /// The nodes that were added at run time, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn nodes(&self) -> Result<Vec<StoredNode>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list added nodes", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT_NODES).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(ReadableNode::node).collect()
        })
    }

    /// What operators decided of nodes.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn node_states(&self) -> Result<Vec<NodeState>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list states of nodes", source };
        on_each!(Readers, self.readers(), readers => {
            let rows = sqlx::query(SELECT_STATES).fetch_all(readers).await.map_err(failed)?;
            rows.iter().map(ReadableNode::state).collect()
        })
    }
}

impl Write {
    /// What operators decided of nodes, as of this transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn node_states(&mut self) -> Result<Vec<NodeState>, StoreError> {
        let failed = |source| StoreError::Query { operation: "list states of nodes", source };
        on_each!(Open, self.transaction(), transaction => {
            let rows = sqlx::query(SELECT_STATES).fetch_all(&mut **transaction).await;
            rows.map_err(failed)?.iter().map(ReadableNode::state).collect()
        })
    }

    /// Adds a node.
    ///
    /// # Errors
    /// [`WriteError::Taken`] when there is one of this name.
    pub async fn insert_node(&mut self, row: &StoredNode) -> Result<(), WriteError> {
        let node = &row.node;
        on_each!(Open, self.transaction(), transaction => {
            sqlx::query(INSERT_NODE)
                .bind(node.name.as_str())
                .bind(node.origin.to_string())
                .bind(node.address.as_ref().map(ToString::to_string))
                .bind(node.bbb.as_ref().map(ToString::to_string))
                .bind(node.proxied)
                .bind(&row.secrets)
                .bind(row.weight)
                .bind(row.tags.join(" "))
                .bind(row.max_meetings)
                .bind(row.max_users)
                .bind(row.max_meeting_users)
                .bind(row.added_at)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|source| WriteError::from_sqlx("add a node", source))
        })
    }

    /// Removes a node that was added, and what was decided of it; whether it
    /// was there.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn delete_node(&mut self, name: &Mount) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Query { operation: "remove a node", source };
        on_each!(Open, self.transaction(), transaction => {
            let state = sqlx::query(DELETE_STATE).bind(name.as_str());
            state.execute(&mut **transaction).await.map_err(failed)?;
            let node = sqlx::query(DELETE_NODE).bind(name.as_str());
            let done = node.execute(&mut **transaction).await.map_err(failed)?;
            Ok(done.rows_affected() > 0)
        })
    }

    /// Writes what an operator decided of a node.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn put_node_state(&mut self, state: &NodeState) -> Result<(), StoreError> {
        let failed = |source| StoreError::Query { operation: "change the state of a node", source };
        on_each!(Open, self.transaction(), transaction => {
            let query = sqlx::query(UPSERT_STATE)
                .bind(state.node.as_str())
                .bind(state.cordoned_at)
                .bind(state.uncordoned_at)
                .bind(state.weight);
            query.execute(&mut **transaction).await.map(drop).map_err(failed)
        })
    }
}

/// A row that holds a node or its state.
trait ReadableNode {
    fn node(&self) -> Result<StoredNode, StoreError>;
    fn state(&self) -> Result<NodeState, StoreError>;
}

/// The same columns, read from the rows of each database.
macro_rules! readable {
    ($row:ty) => {
        impl ReadableNode for $row {
            fn node(&self) -> Result<StoredNode, StoreError> {
                let failed = |source| StoreError::Query { operation: "read a node", source };
                let text = |column| self.try_get::<String, _>(column).map_err(failed);
                let unknown = |column| StoreError::Row { column };
                let address: Option<String> = self.try_get("address").map_err(failed)?;
                let bbb: Option<String> = self.try_get("bbb").map_err(failed)?;
                Ok(StoredNode {
                    node: Node {
                        name: text("name")?.parse().map_err(|_| unknown("name"))?,
                        origin: text("origin")?.parse().map_err(|_| unknown("origin"))?,
                        address: address
                            .map(|address| address.parse().map_err(|_| unknown("address")))
                            .transpose()?,
                        bbb: bbb
                            .map(|bbb| bbb.parse::<BbbVersion>().map_err(|_| unknown("bbb")))
                            .transpose()?,
                        proxied: self.try_get("proxied").map_err(failed)?,
                    },
                    secrets: text("secrets")?,
                    weight: self.try_get("weight").map_err(failed)?,
                    tags: text("tags")?.split_whitespace().map(str::to_owned).collect(),
                    max_meetings: self.try_get("max_meetings").map_err(failed)?,
                    max_users: self.try_get("max_users").map_err(failed)?,
                    max_meeting_users: self.try_get("max_meeting_users").map_err(failed)?,
                    added_at: self.try_get("added_at").map_err(failed)?,
                })
            }

            fn state(&self) -> Result<NodeState, StoreError> {
                let failed = |source| StoreError::Query { operation: "read a node", source };
                let node: String = self.try_get("node").map_err(failed)?;
                Ok(NodeState {
                    node: node.parse().map_err(|_| StoreError::Row { column: "node" })?,
                    cordoned_at: self.try_get("cordoned_at").map_err(failed)?,
                    uncordoned_at: self.try_get("uncordoned_at").map_err(failed)?,
                    weight: self.try_get("weight").map_err(failed)?,
                })
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);
