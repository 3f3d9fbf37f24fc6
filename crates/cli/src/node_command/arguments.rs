//! The arguments of `bluegate node`.

use std::path::PathBuf;

use bluegate_cluster::{BbbVersion, Mount};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Show what has to change on a node, file by file, and why. Changes nothing.
    ///
    /// Exits with 0 when there is nothing to do and with 1 when changes are pending.
    Plan(PlanOptions),
    /// Say whether a node is configured as its cluster needs it.
    ///
    /// Exits with 0 when it is and with 1 when it is not.
    Verify(PlanOptions),
}

#[derive(Args, Debug)]
pub(crate) struct PlanOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// The folder that is the node's `/`; this machine when absent.
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true)]
    pub(crate) root: PathBuf,

    /// Take this for the node's release instead of looking.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) bbb: Option<BbbVersion>,

    /// Plan for a node of another site than the cluster's, knowing that some browsers will fail.
    #[arg(long)]
    pub(crate) allow_cross_site: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
