//! The simulated nodes: a folder each, configured by us, read by them.

use std::{fs, path::Path, sync::Arc};

use bluegate_cluster::{BbbVersion, Node, Origin, Secret};
use bluegate_nodeconf::{
    DetectError, Folder, Options, PlanError, WriteError, detect, plan, write_changes,
};
use bluegate_simnode::{
    BackEndSettings, BackEnds, Certificate, InstallError, NginxSettings, Settings, SimNode, Stock,
};
use rustls::ServerConfig;

use crate::layout::Seat;

/// A BBB release that the demo's nodes can play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// 2.4: Meteor's client, DDP over SockJS.
    V2_4,
    /// 2.5: the same.
    V2_5,
    /// 2.6: the same; the API answers for its own cross-origin rule.
    V2_6,
    /// 2.7: the same.
    V2_7,
    /// 3.0: the static client, GraphQL.
    #[default]
    V3_0,
    /// 4.0: the same.
    V4_0,
}

impl Release {
    /// The exact release.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V2_4 => "2.4.9",
            Self::V2_5 => "2.5.18",
            Self::V2_6 => "2.6.18",
            Self::V2_7 => "2.7.17",
            Self::V3_0 => "3.0.28",
            Self::V4_0 => "4.0.0",
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
    /// A node's services found no ports.
    #[error("cannot take ports for a node's services")]
    Ports(#[source] std::io::Error),
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
    /// Present when each node is to have this machine's nginx in front.
    pub(crate) nginx: Option<&'a NginxRecipe>,
}

/// What nodes with an nginx need besides.
pub(crate) struct NginxRecipe {
    /// The certificate, when everything is HTTPS.
    pub(crate) certificate: Option<Certificate>,
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
    let back_ends = match recipe.nginx {
        Some(_) => Some(BackEnds::bind().map_err(NodeError::Ports)?),
        None => None,
    };
    let ports = back_ends.as_ref().map(BackEnds::ports).unwrap_or_default();
    bluegate_simnode::install_with_ports(&root, &stock, &ports)
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

    let name = node.name.to_string();
    let simulated = match (recipe.nginx, back_ends) {
        (Some(nginx), Some(back_ends)) => {
            let run = recipe.folder.join(format!("{name}.nginx"));
            let services =
                BackEndSettings { name: name.clone(), root, back_ends, strict: recipe.strict };
            // nginx binds the port itself.
            drop(seat.listener);
            let settings = NginxSettings {
                services,
                address: seat.address,
                run,
                certificate: nginx.certificate.clone(),
            };
            bluegate_simnode::start_with_nginx(settings).await
        }
        _ => {
            let settings = Settings {
                name: name.clone(),
                root,
                listener: seat.listener,
                tls: recipe.tls.clone(),
                strict: recipe.strict,
            };
            bluegate_simnode::start(settings).await
        }
    };
    let simulated = simulated.map_err(|source| NodeError::Start { name, source })?;
    Ok(Running { node, secret, simulated: Arc::new(simulated) })
}
