//! What is here: the nodes and tenants of the file, and all that the store
//! holds.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bluegate_config::{Config, Scaler};
use bluegate_scalelite::{Connection, Place};
use bluegate_scaler::{Estate, Holdings, NodeConfig, TenantConfig};

use crate::{
    config_command,
    exit::UsageError,
    scalelite_command::{SOURCE, arguments::RedisOptions},
    serve::{scaling, secrets, tenants},
};

/// A cluster, looked at from its configuration and its store.
pub(super) struct Cluster {
    pub(super) scaler: Scaler,
    /// A PEM file of CAs to trust for nodes.
    pub(super) node_ca: Option<PathBuf>,
    pub(super) nodes: Vec<NodeConfig>,
    pub(super) tenants: Vec<TenantConfig>,
    pub(super) holdings: Holdings,
    estate: Option<Estate>,
}

/// What is done with the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It is only read: nothing is made, migrated or written.
    Look,
    /// It is added to.
    Add,
}

impl Cluster {
    /// Reads the file and, when there is one, the store.
    pub(super) async fn read(path: &Path, access: Access) -> Result<Self, anyhow::Error> {
        let config: Config = config_command::load(path)?;
        let Some(scaler) = config.scaler.clone() else {
            let message = format!("`{}` has no `[scaler]`, so no store", path.display());
            return Err(UsageError(message).into());
        };
        let (nodes, tenants) = (scaling::nodes(&config)?, tenants::of_file(&config)?);
        let node_ca = config.cluster.node_ca.clone();
        let holdings = Holdings::default();
        let mut cluster = Self { scaler, node_ca, nodes, tenants, holdings, estate: None };
        let (store, key_file) = (&cluster.scaler.store, &cluster.scaler.key_file);
        cluster.estate = match access {
            Access::Look => Estate::look(store, key_file).await?,
            Access::Add if is_to_be_made(store) => None,
            Access::Add => Some(Estate::open(store, key_file).await?),
        };
        if let Some(estate) = &cluster.estate {
            cluster.holdings = estate.holdings(SOURCE).await?;
        }
        // The file's are in force where both have the name.
        let Self { holdings, nodes, tenants, .. } = &mut cluster;
        holdings.nodes.retain(|node| !nodes.iter().any(|own| own.node.name == node.node.name));
        holdings.tenants.retain(|tenant| !tenants.iter().any(|own| own.name == tenant.name));
        Ok(cluster)
    }

    /// The store, to add to it; made when there is none yet.
    pub(super) async fn estate(&mut self) -> Result<&Estate, anyhow::Error> {
        if self.estate.is_none() {
            let estate = Estate::open(&self.scaler.store, &self.scaler.key_file).await?;
            self.estate = Some(estate);
        }
        self.estate.as_ref().context("the store was just opened")
    }

    /// The nodes of the file and of the store.
    pub(super) fn all_nodes(&self) -> impl Iterator<Item = &NodeConfig> {
        self.nodes.iter().chain(&self.holdings.nodes)
    }

    /// The tenants of the file and of the store.
    pub(super) fn all_tenants(&self) -> impl Iterator<Item = &TenantConfig> {
        self.tenants.iter().chain(&self.holdings.tenants)
    }

    /// Closes the store.
    pub(super) async fn close(self) {
        if let Some(estate) = self.estate {
            estate.close().await;
        }
    }
}

/// Whether a store is a file that is not there: it is made once there is something
/// to add.
fn is_to_be_made(store: &str) -> bool {
    store.strip_prefix("sqlite://").is_some_and(|path| !Path::new(path).exists())
}

/// A connection to the Redis of the command line.
pub(super) async fn connect(options: &RedisOptions) -> Result<Connection, anyhow::Error> {
    let place: Result<Place, _> = options.url.parse();
    let mut place = place.map_err(|error| UsageError(error.to_string()))?;
    if let Some(file) = &options.password_file {
        place.password = secrets::read(file)?.into_iter().next();
    }
    let tls = bluegate_net::tls::client_config(options.ca.as_deref())
        .map_err(|error| anyhow::Error::from(error).context("cannot set up TLS"))?;
    Ok(Connection::open(&place, &options.namespace, &tls).await?)
}
