//! The simulated nodes: a folder each, configured by us, read by them.

use std::{fs, path::Path, sync::Arc};

use bluegate_cluster::{BbbVersion, Node, Origin, Secret};
use bluegate_nodeconf::{
    DetectError, Folder, Options, PlanError, WriteError, detect, plan, write_changes,
};
use bluegate_simnode::{InstallError, Settings, SimNode, Stock};
use rustls::ServerConfig;

use crate::layout::Seat;

/// A BBB release that the demo's nodes can play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// 2.7: Meteor's client, DDP over SockJS.
    V2_7,
    /// 3.0: the static client, GraphQL.
    #[default]
    V3_0,
}

impl Release {
    /// The exact release.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V2_7 => "2.7.17",
            Self::V3_0 => "3.0.28",
        }
    }
}

/// A node of the demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its folder could not be cleared.
    #[error("cannot clear `{path}`")]
    Clear {
        /// The folder.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The stock files could not be written.
    #[error("cannot install the simulated node `{name}`")]
    Install {
        /// The node.
        name: String,
        /// Why not.
        source: InstallError,
    },
    /// What was installed is not recognised.
    #[error("cannot look at the simulated nodes")]
    Detect(#[from] DetectError),
    /// What is to be configured cannot be told.
    #[error("cannot plan the configuration of the simulated nodes")]
    Plan(#[from] PlanError),
    /// The configuration could not be written.
    #[error("cannot configure the simulated node `{name}`")]
    Configure {
        /// The node.
        name: String,
        /// Why not.
        source: WriteError,
    },
    /// The node does not start from its files.
    #[error("the simulated node `{name}` does not start")]
    Start {
        /// The node.
        name: String,
        /// Why not.
        source: bluegate_simnode::StartError,
    },
}

/// A node as it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) secret: Secret,
    pub(crate) simulated: Arc<SimNode>,
}

/// How every node of a demo is set up.
pub(crate) struct Recipe<'a> {
    pub(crate) cluster: &'a Origin,
    pub(crate) folder: &'a Path,
    pub(crate) release: Release,
    pub(crate) proxied: bool,
    pub(crate) strict: bool,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Installs, configures and starts one node; a folder of an earlier demo is
/// made anew, since its ports may have changed.
pub(crate) async fn start(
    recipe: &Recipe<'_>,
    name: bluegate_cluster::Mount,
    seat: Seat,
) -> Result<Running, NodeError> {
    let root = recipe.folder.join(name.as_str());
    if root.exists() {
        fs::remove_dir_all(&root)
            .map_err(|source| NodeError::Clear { path: root.clone(), source })?;
    }
    let number = recipe.release.number();
    let release: BbbVersion = number.parse().expect("the demo's releases are versions");
    let secret =
        Secret::new(&format!("{:032x}", rand::random::<u128>())).expect("32 digits are not empty");
    let stock = Stock {
        origin: seat.origin.to_string(),
        secret: secret.expose().to_owned(),
        release: number.to_owned(),
    };
    bluegate_simnode::install(&root, &stock)
        .map_err(|source| NodeError::Install { name: name.to_string(), source })?;

    let node = Node {
        name,
        origin: seat.origin,
        address: Some(seat.address.into()),
        bbb: Some(release.clone()),
        proxied: recipe.proxied,
    };
    let host = Folder::new(&root);
    let detected = detect(&host, None)?;
    let plan = plan(&host, &detected, recipe.cluster, &node, &Options::default())?;
    write_changes(&root, &plan)
        .map_err(|source| NodeError::Configure { name: node.name.to_string(), source })?;

    let settings = Settings {
        name: node.name.to_string(),
        root,
        listener: seat.listener,
        tls: recipe.tls.clone(),
        strict: recipe.strict,
    };
    let simulated = bluegate_simnode::start(settings)
        .await
        .map_err(|source| NodeError::Start { name: node.name.to_string(), source })?;
    Ok(Running { node, secret, simulated: Arc::new(simulated) })
}
