//! Nodes while the scaler runs: those of the file and those of the store, and
//! what operators decide of them.
//!
//! Added nodes are rows of the store, their secrets sealed; every scaler of the
//! store follows. A name that is in both places is refused, except at the start,
//! where the file wins and the log says so. Cordons and weights are rows of the
//! store for any node. A node that goes leaves no meeting behind: its open
//! generations are superseded, so that they can be created anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use arc_swap::ArcSwap;
use bluegate_cluster::{Mount, Secret};
use bluegate_seal::{Key, KeyFileError, OpenError};
use bluegate_store::{NodeState, Store, StoreError, StoredNode, WriteError};

use crate::{
    clock,
    config::NodeConfig,
    context::Context,
    nodes::{NodeHandle, Nodes},
    placement::NodeTerms,
};

/// Why a node is not added, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No node has this name.
    #[error("no node is named `{0}`")]
    Unknown(Mount),
    /// Another one has.
    #[error("a node is named `{0}` already")]
    Taken(Mount),
    /// Two nodes of the file have one name.
    #[error("two nodes are named `{0}`")]
    Twice(Mount),
    /// It is in the file, and changed there.
    #[error("node `{0}` is in the configuration file: change it there and send SIGHUP")]
    InFile(Mount),
    /// The file names one that was added at run time.
    #[error(
        "node `{0}` was added at run time: remove it from the store with `bluegate node remove`, \
         or from the file"
    )]
    InStore(Mount),
    /// It has none, so it cannot be called.
    #[error("node `{0}` has no secret")]
    NoSecret(Mount),
    /// Meetings run on it.
    #[error(
        "{meetings} meetings run on node `{node}`: drain it, or insist and they are left behind"
    )]
    HasMeetings {
        /// Which.
        node: Mount,
        /// How many.
        meetings: usize,
    },
    /// Secrets cannot be sealed or opened.
    #[error("secrets in the store cannot be sealed")]
    Key(#[source] KeyFileError),
    /// What is sealed does not open.
    #[error("the secrets of node `{node}` in the store do not open")]
    Sealed {
        /// Whose.
        node: Mount,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The store cannot be read or written.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
}

/// What the nodes in force come from.
pub(crate) struct NodeBook {
    key_file: PathBuf,
    key: OnceLock<Key>,
    tls: Arc<rustls::ClientConfig>,
    /// The nodes of the file.
    file: Mutex<Vec<NodeConfig>>,
    /// Changes come one after the other.
    changing: tokio::sync::Mutex<()>,
    /// What operators decided, by node.
    states: ArcSwap<BTreeMap<Mount, NodeState>>,
    /// Names in both places; the file's are in force.
    held_back: Mutex<BTreeSet<Mount>>,
    /// Nodes that went while this process ran.
    gone: Mutex<BTreeSet<Mount>>,
}

impl NodeBook {
    pub(crate) fn new(
        file: Vec<NodeConfig>,
        key_file: PathBuf,
        tls: Arc<rustls::ClientConfig>,
    ) -> Self {
        Self {
            key_file,
            key: OnceLock::new(),
            tls,
            file: Mutex::new(file),
            changing: tokio::sync::Mutex::default(),
            states: ArcSwap::default(),
            held_back: Mutex::default(),
            gone: Mutex::default(),
        }
    }

    /// The nodes in force at the start.
    pub(crate) async fn open(
        &self,
        store: &Store,
        bounds: &crate::Bounds,
    ) -> Result<Nodes, NodeError> {
        let file = lock(&self.file).clone();
        check(&file)?;
        self.read_states(store).await?;
        let configs = self.merged(store, &file).await?;
        for name in lock(&self.held_back).iter() {
            tracing::error!(
                node.id = %name,
                "a node is in the configuration file and in the store: the file's is in force"
            );
        }
        let handle = |config: NodeConfig| {
            (config.node.name.clone(), Arc::new(NodeHandle::new(config, &self.tls, bounds)))
        };
        Ok(configs.into_iter().map(handle).collect())
    }

    /// The nodes of the file and of the store; the file wins.
    async fn merged(
        &self,
        store: &Store,
        file: &[NodeConfig],
    ) -> Result<Vec<NodeConfig>, NodeError> {
        let names: BTreeSet<&Mount> = file.iter().map(|config| &config.node.name).collect();
        let mut held_back = BTreeSet::new();
        let mut configs = file.to_vec();
        for row in store.nodes().await? {
            if names.contains(&row.node.name) {
                held_back.insert(row.node.name);
            } else {
                configs.push(self.opened(row)?);
            }
        }
        *lock(&self.held_back) = held_back;
        Ok(configs)
    }

    /// Puts the nodes of a file that was read again in force, or refuses it.
    pub(crate) async fn reload(
        &self,
        context: &Context,
        file: Vec<NodeConfig>,
    ) -> Result<(), NodeError> {
        check(&file)?;
        let _one = self.changing.lock().await;
        let store = context.ledger.store();
        for row in store.nodes().await? {
            let known = lock(&self.held_back).contains(&row.node.name);
            if !known && file.iter().any(|config| config.node.name == row.node.name) {
                return Err(NodeError::InStore(row.node.name));
            }
        }
        let configs = self.merged(store, &file).await?;
        *lock(&self.file) = file;
        self.put_in_force(context, configs).await
    }

    /// Follows what other scalers of the store wrote.
    pub(crate) async fn refresh(&self, context: &Context) -> Result<(), NodeError> {
        let _one = self.changing.lock().await;
        let store = context.ledger.store();
        self.read_states(store).await?;
        let file = lock(&self.file).clone();
        let configs = self.merged(store, &file).await?;
        self.put_in_force(context, configs).await
    }

    async fn put_in_force(
        &self,
        context: &Context,
        configs: Vec<NodeConfig>,
    ) -> Result<(), NodeError> {
        let before = context.nodes();
        let mut nodes = Nodes::new();
        for config in configs {
            let name = config.node.name.clone();
            let handle = match before.get(&name) {
                Some(known) if known.is(&config) => Arc::clone(known),
                Some(known) => Arc::new(known.renewed(config, &self.tls, &context.bounds)),
                None => {
                    tracing::info!(
                        target: "bluegate::state", event = "node.added", node.id = %name,
                        "a node is new"
                    );
                    let handle = NodeHandle::new(config, &self.tls, &context.bounds);
                    handle.begins_at(clock::now());
                    Arc::new(handle)
                }
            };
            nodes.insert(name, handle);
        }
        let changed = before.len() != nodes.len()
            || nodes
                .iter()
                .any(|(name, node)| before.get(name).is_none_or(|known| !Arc::ptr_eq(known, node)));
        if !changed {
            return Ok(());
        }
        let gone: Vec<Mount> =
            before.keys().filter(|name| !nodes.contains_key(*name)).cloned().collect();
        lock(&self.gone).retain(|name| !nodes.contains_key(name));
        lock(&self.gone).extend(gone.iter().cloned());
        context.fleet.replace(nodes);
        for name in &gone {
            tracing::warn!(
                target: "bluegate::state", event = "node.removed", node.id = %name,
                "a node is gone"
            );
        }
        self.sweep(context).await?;
        Ok(())
    }

    /// Supersedes what still stands for meetings on nodes that went: a call that
    /// was under way may have written a row since.
    pub(crate) async fn sweep(&self, context: &Context) -> Result<(), StoreError> {
        let gone: Vec<Mount> = lock(&self.gone).iter().cloned().collect();
        for name in gone {
            if !context.ledger.directory().on_node(&name).is_empty() {
                context.ledger.leave_behind(&name).await?;
            }
        }
        Ok(())
    }

    /// Adds a node to the store.
    pub(crate) async fn add(&self, context: &Context, config: NodeConfig) -> Result<(), NodeError> {
        let name = config.node.name.clone();
        check(std::slice::from_ref(&config))?;
        {
            let _one = self.changing.lock().await;
            if context.node(&name).is_some() {
                return Err(NodeError::Taken(name));
            }
            let row = self.sealed(&config)?;
            let mut write = context.ledger.store().write().await?;
            match write.insert_node(&row).await {
                Ok(()) => {}
                Err(WriteError::Taken) => return Err(NodeError::Taken(name)),
                Err(WriteError::Store(error)) => return Err(error.into()),
            }
            write.commit().await?;
        }
        self.refresh(context).await
    }

    /// Removes a node that was added; how many meetings it leaves behind.
    pub(crate) async fn remove(
        &self,
        context: &Context,
        name: &Mount,
        insist: bool,
    ) -> Result<usize, NodeError> {
        let meetings = context.ledger.directory().on_node(name).len();
        {
            let _one = self.changing.lock().await;
            if lock(&self.file).iter().any(|config| config.node.name == *name)
                && !lock(&self.held_back).contains(name)
            {
                return Err(NodeError::InFile(name.clone()));
            }
            // One that does not answer can always be removed.
            let answers = context.node(name).is_some_and(|node| node.answers());
            let held_back = lock(&self.held_back).contains(name);
            if answers && meetings > 0 && !insist && !held_back {
                return Err(NodeError::HasMeetings { node: name.clone(), meetings });
            }
            let mut write = context.ledger.store().write().await?;
            if !write.delete_node(name).await? {
                return Err(NodeError::Unknown(name.clone()));
            }
            write.commit().await?;
        }
        self.refresh(context).await?;
        Ok(meetings)
    }

    /// Changes what is decided of a node: in force for every placement that
    /// begins after this returns, at any scaler of the store.
    pub(crate) async fn decide(
        &self,
        context: &Context,
        name: &Mount,
        change: impl FnOnce(&mut NodeState),
    ) -> Result<(), NodeError> {
        if context.node(name).is_none() {
            return Err(NodeError::Unknown(name.clone()));
        }
        let store = context.ledger.store();
        let mut write = store.write().await?;
        let known = write.node_states().await?.into_iter().find(|state| state.node == *name);
        let mut state = known.unwrap_or_else(|| NodeState {
            node: name.clone(),
            cordoned_at: None,
            uncordoned_at: None,
            weight: None,
        });
        let before = state.clone();
        change(&mut state);
        write.put_node_state(&state).await?;
        write.commit().await?;
        tell(&before, &state);
        Ok(self.read_states(store).await?)
    }

    async fn read_states(&self, store: &Store) -> Result<(), StoreError> {
        let states = store.node_states().await?;
        let states = states.into_iter().map(|state| (state.node.clone(), state)).collect();
        self.states.store(Arc::new(states));
        Ok(())
    }

    /// What operators decided, by node.
    pub(crate) fn states(&self) -> Arc<BTreeMap<Mount, NodeState>> {
        self.states.load_full()
    }

    /// The nodes of the file, which are in force as it has them.
    pub(crate) fn in_file(&self) -> BTreeSet<Mount> {
        lock(&self.file).iter().map(|config| config.node.name.clone()).collect()
    }

    /// Nodes of the store that the file's stand before.
    pub(crate) fn held_back(&self) -> Vec<Mount> {
        lock(&self.held_back).iter().cloned().collect()
    }

    fn sealed(&self, config: &NodeConfig) -> Result<StoredNode, NodeError> {
        Ok(sealed(self.key().map_err(NodeError::Key)?, config, clock::now()))
    }

    fn opened(&self, row: StoredNode) -> Result<NodeConfig, NodeError> {
        opened(self.key().map_err(NodeError::Key)?, row)
    }

    /// The key, from its file; made at first use.
    fn key(&self) -> Result<&Key, KeyFileError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = Key::open_or_create(&self.key_file)?;
        Ok(self.key.get_or_init(|| key))
    }
}

/// A node as a row.
pub(crate) fn sealed(key: &Key, config: &NodeConfig, now: i64) -> StoredNode {
    let lines: Vec<&str> = config.secrets.iter().map(Secret::expose).collect();
    let NodeTerms { weight, tags, max_meetings, max_users, max_meeting_users } = &config.terms;
    StoredNode {
        secrets: key.seal(&purpose(&config.node.name), lines.join("\n").as_bytes()),
        node: config.node.clone(),
        weight: *weight,
        tags: tags.iter().map(ToString::to_string).collect(),
        max_meetings: max_meetings.map(i64::from),
        max_users: max_users.map(i64::from),
        max_meeting_users: max_meeting_users.map(i64::from),
        added_at: now,
    }
}

/// A row as a node.
pub(crate) fn opened(key: &Key, row: StoredNode) -> Result<NodeConfig, NodeError> {
    let name = row.node.name.clone();
    let opened = key.open(&purpose(&name), &row.secrets);
    let text = opened.map_err(|source| NodeError::Sealed { node: name.clone(), source })?;
    let text = String::from_utf8_lossy(&text);
    let secrets: Vec<_> = text.lines().filter_map(|line| Secret::new(line).ok()).collect();
    let limit = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    let config = NodeConfig {
        node: row.node,
        secrets,
        terms: NodeTerms {
            weight: row.weight,
            tags: row.tags.iter().filter_map(|tag| tag.parse().ok()).collect(),
            max_meetings: limit(row.max_meetings),
            max_users: limit(row.max_users),
            max_meeting_users: limit(row.max_meeting_users),
        },
    };
    check(std::slice::from_ref(&config))?;
    Ok(config)
}

/// Every node has a secret and a name of its own.
fn check(nodes: &[NodeConfig]) -> Result<(), NodeError> {
    let mut names = BTreeSet::new();
    for NodeConfig { node, secrets, .. } in nodes {
        if secrets.is_empty() {
            return Err(NodeError::NoSecret(node.name.clone()));
        }
        if !names.insert(&node.name) {
            return Err(NodeError::Twice(node.name.clone()));
        }
    }
    Ok(())
}

/// What a node's secrets are sealed for: another's row does not open with it.
fn purpose(name: &Mount) -> String {
    format!("node secrets {name}")
}

/// One event for each decision of an operator that changed something.
fn tell(before: &NodeState, after: &NodeState) {
    let node = &after.node;
    match (before.cordoned_at, after.cordoned_at) {
        (None, Some(_)) => tracing::info!(
            target: "bluegate::state", event = "node.cordoned", node.id = %node,
            "the node gets no new meetings"
        ),
        (Some(_), None) => tracing::info!(
            target: "bluegate::state", event = "node.uncordoned", node.id = %node,
            "the node may get new meetings again"
        ),
        _ => {}
    }
    if before.weight != after.weight {
        tracing::info!(
            target: "bluegate::state", event = "node.weighed", node.id = %node,
            weight = after.weight, "the node has another weight"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
