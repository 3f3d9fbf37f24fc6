//! What a scaler's store holds, read and added to without serving: for the way
//! in from another balancer, and back.
//!
//! All that is taken over is written in one transaction, or nothing is. A
//! meeting that is taken over is *uncertain*: bound to its node, so that no
//! create can place it elsewhere, until that node's next list shows it, with
//! its internal ID, or the node says that there is none. A scaler that serves
//! from the store follows within `refresh_interval`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use bluegate_bbb_api::{Document, Element, ids};
use bluegate_cluster::{Mount, TenantName};
use bluegate_seal::{Key, KeyFileError};
use bluegate_store::{
    ForeignRecord, Generation, NodeState, OpenError, State, Store, StoreError, WriteError,
};

use crate::{
    clock,
    config::{NodeConfig, TenantConfig},
    nodes::book as node_book,
    tenants::book as tenant_book,
};

/// How often the store is asked whether nodes have confirmed meetings.
const LOOK: Duration = Duration::from_millis(250);

/// A scaler's store, open.
#[derive(Debug)]
pub struct Estate {
    store: Store,
    key_file: PathBuf,
    key: OnceLock<Key>,
}

/// What a store holds now.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Nodes that were added at run time.
    pub nodes: Vec<NodeConfig>,
    /// Nodes of any kind that get no new meetings.
    pub cordoned: BTreeSet<Mount>,
    /// Weights that were set at run time.
    pub weights: BTreeMap<Mount, f64>,
    /// Tenants that were added at run time.
    pub tenants: Vec<TenantConfig>,
    /// The open meetings, oldest first.
    pub meetings: Vec<Generation>,
    /// What the other balancer said of what was taken over from it.
    pub records: Vec<Record>,
}

/// What another balancer said of one thing.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// `server` or `tenant`.
    pub kind: String,
    /// Our name for it.
    pub name: String,
    /// What it said, secrets included.
    pub text: String,
}

impl std::fmt::Debug for Record {
    /// Without what was said.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("kind", &self.kind).field("name", &self.name).finish()
    }
}

/// What is taken over at once.
#[derive(Debug, Default)]
pub struct Taking {
    /// Nodes to add.
    pub nodes: Vec<NodeConfig>,
    /// Nodes, added now or known before, that get no new meetings.
    pub cordoned: Vec<Mount>,
    /// Tenants to add.
    pub tenants: Vec<TenantConfig>,
    /// Meetings that run on their nodes.
    pub meetings: Vec<TakenMeeting>,
    /// What the other balancer said.
    pub records: Vec<Record>,
}

/// A meeting that another balancer placed.
#[derive(Clone, PartialEq, Eq)]
pub struct TakenMeeting {
    /// Whose, of a tenant whose meeting IDs are the same on the nodes.
    pub tenant: TenantName,
    /// Its ID.
    pub meeting_id: String,
    /// Where it runs.
    pub node: Mount,
    /// The number people dial.
    pub voice_bridge: Option<String>,
    /// The password that ends it.
    pub moderator_password: Option<String>,
}

impl std::fmt::Debug for TakenMeeting {
    /// Without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tenant, meeting_id, node, .. } = self;
        f.debug_struct("TakenMeeting")
            .field("tenant", tenant)
            .field("meeting_id", meeting_id)
            .field("node", node)
            .finish_non_exhaustive()
    }
}

/// Why a store is not read or added to.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// It does not open.
    #[error("the store does not open")]
    Open(#[from] OpenError),
    /// It does not answer.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    /// Secrets can neither be sealed nor opened.
    #[error("the secrets of the store can be neither sealed nor opened")]
    Key(#[from] KeyFileError),
    /// What is sealed does not open.
    #[error("{kind} `{name}` of the store cannot be read: {reason}")]
    Sealed {
        /// What it is.
        kind: String,
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// Somebody was faster; nothing was taken.
    #[error("{kind} `{name}` is there by now; nothing was taken: look again")]
    Taken {
        /// What it is.
        kind: &'static str,
        /// Which.
        name: String,
    },
}

impl Estate {
    /// Opens the store of a scaler, which may be serving from it.
    ///
    /// # Errors
    /// [`EstateError::Open`].
    pub async fn open(store: &str, key_file: &Path) -> Result<Self, EstateError> {
        let store = Store::open(store).await?;
        Ok(Self { store, key_file: key_file.to_owned(), key: OnceLock::new() })
    }

    /// Opens the store to read from it: nothing is made, migrated or written.
    /// Absent when there is none yet.
    ///
    /// # Errors
    /// [`EstateError::Open`], also when it has an older schema.
    pub async fn look(store: &str, key_file: &Path) -> Result<Option<Self>, EstateError> {
        let store = Store::open_to_read(store).await?;
        let key_file = key_file.to_owned();
        Ok(store.map(|store| Self { store, key_file, key: OnceLock::new() }))
    }

    /// All there is; `source` is the balancer whose records are wanted.
    ///
    /// # Errors
    /// [`EstateError`] when the store does not answer or a secret does not open.
    pub async fn holdings(&self, source: &str) -> Result<Holdings, EstateError> {
        let sealed = |kind: &str, name: &dyn ToString, reason: String| EstateError::Sealed {
            kind: kind.to_owned(),
            name: name.to_string(),
            reason,
        };
        let mut holdings = Holdings::default();
        for row in self.store.nodes().await? {
            let name = row.node.name.clone();
            let node = node_book::opened(self.key(Key::of_file)?, row);
            holdings.nodes.push(node.map_err(|error| sealed("node", &name, error.to_string()))?);
        }
        for NodeState { node, cordoned_at, weight, .. } in self.store.node_states().await? {
            holdings.cordoned.extend(cordoned_at.map(|_| node.clone()));
            holdings.weights.extend(weight.map(|weight| (node, weight)));
        }
        for row in self.store.tenants().await? {
            let tenant = tenant_book::opened(self.key(Key::of_file)?, &row);
            holdings.tenants.push(tenant.map_err(|error| sealed("tenant", &row.name, error))?);
        }
        for ForeignRecord { kind, name, record } in self.store.foreign_records(source).await? {
            let text = self.key(Key::of_file)?.open(&purpose(source, &kind, &name), &record);
            let text = text.map_err(|error| sealed(&kind, &name, error.to_string()))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            holdings.records.push(Record { kind, name, text });
        }
        holdings.meetings = self.store.open_generations().await?;
        Ok(holdings)
    }

    /// Takes all of it over from `source`, or nothing.
    ///
    /// # Errors
    /// [`EstateError`]; nothing has changed then.
    pub async fn take(&self, source: &str, taking: &Taking) -> Result<(), EstateError> {
        let key = self.key(Key::open_or_create)?;
        let now = clock::now();
        let mut write = self.store.write().await?;
        for node in &taking.nodes {
            let written = write.insert_node(&node_book::sealed(key, node, now)).await;
            free(written, "node", &node.node.name)?;
        }
        let states = write.node_states().await?;
        for node in &taking.cordoned {
            let known = states.iter().find(|state| state.node == *node).cloned();
            let mut state = known.unwrap_or_else(|| NodeState {
                node: node.clone(),
                cordoned_at: None,
                uncordoned_at: None,
                weight: None,
            });
            state.cordoned_at = state.cordoned_at.or(Some(now));
            write.put_node_state(&state).await?;
        }
        for tenant in &taking.tenants {
            let written = write.insert_tenant(&tenant_book::sealed(key, tenant, now)).await;
            free(written, "tenant", &tenant.name)?;
        }
        for meeting in &taking.meetings {
            let written = write.put(&uncertain(meeting, now)).await.map(drop);
            free(written, "meeting", &meeting.meeting_id)?;
        }
        for Record { kind, name, text } in &taking.records {
            let record = key.seal(&purpose(source, kind, name), text.as_bytes());
            let record = ForeignRecord { kind: kind.clone(), name: name.clone(), record };
            write.put_foreign_record(source, &record).await?;
        }
        Ok(write.commit().await?)
    }

    /// Waits, within `patience`, until the nodes have said of each of these
    /// meetings whether it lives; those that no node has spoken of by then.
    /// `look` hears of how many that is not known, each time it is looked.
    ///
    /// # Errors
    /// [`EstateError::Store`].
    pub async fn confirmed(
        &self,
        meetings: &[TakenMeeting],
        patience: Duration,
        look: impl Fn(usize),
    ) -> Result<Vec<TakenMeeting>, EstateError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let open = self.store.open_generations().await?;
            let uncertain: BTreeSet<(&TenantName, &str)> = open
                .iter()
                .filter(|row| row.state == State::Uncertain)
                .map(|row| (&row.tenant, row.meeting_id.as_str()))
                .collect();
            let left = meetings.iter().filter(|meeting| {
                uncertain.contains(&(&meeting.tenant, meeting.meeting_id.as_str()))
            });
            let left: Vec<TakenMeeting> = left.cloned().collect();
            look(left.len());
            if left.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(left);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Closes the store.
    pub async fn close(self) {
        self.store.close().await;
    }

    /// The key: a look needs one that is there, since a new one opens nothing.
    fn key(&self, file: impl Fn(&Path) -> Result<Key, KeyFileError>) -> Result<&Key, KeyFileError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = file(&self.key_file)?;
        Ok(self.key.get_or_init(|| key))
    }
}

/// The password that ends a meeting, as far as its node or the balancer before
/// told it.
#[must_use]
pub fn moderator_password(meeting: &Generation) -> Option<String> {
    let described = Document::parse(meeting.description.as_ref()?).ok()?;
    described.root().text_of("moderatorPW").filter(|password| !password.is_empty())
}

fn uncertain(meeting: &TakenMeeting, now: i64) -> Generation {
    let TakenMeeting { tenant, meeting_id, node, voice_bridge, moderator_password } = meeting;
    // Until the node describes it itself.
    let mut described = Element::new("meeting").with_text("meetingID", meeting_id);
    if let Some(password) = moderator_password {
        described = described.with_text("moderatorPW", password);
    }
    Generation {
        id: clock::new_id(),
        tenant: tenant.clone(),
        meeting_id: meeting_id.clone(),
        node: node.clone(),
        node_meeting_id: ids::node_meeting_id(tenant, ids::Scope::Plain, meeting_id),
        state: State::Uncertain,
        internal_meeting_id: None,
        create_time: None,
        voice_bridge: voice_bridge.clone(),
        in_flight: 0,
        attempted_at: now,
        // Somebody got it at the balancer before.
        first_answered: true,
        reserved: 0,
        description: Some(described.to_string()),
        created_at: now,
        live_at: None,
        end_requested_at: None,
        ended_at: None,
    }
}

fn free(
    written: Result<(), WriteError>,
    kind: &'static str,
    name: &dyn ToString,
) -> Result<(), EstateError> {
    match written {
        Ok(()) => Ok(()),
        Err(WriteError::Taken) => Err(EstateError::Taken { kind, name: name.to_string() }),
        Err(WriteError::Store(error)) => Err(error.into()),
    }
}

/// What a record is sealed for: another's row does not open with it.
fn purpose(source: &str, kind: &str, name: &str) -> String {
    format!("record of {source} {kind} {name}")
}
