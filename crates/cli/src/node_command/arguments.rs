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
    /// Bring a node to where its cluster needs it: show the plan, ask, apply, verify.
    ///
    /// What fails is undone. Refuses to restart services while meetings run.
    Apply(ApplyOptions),
    /// Undo the last apply, byte for byte. A file replaced since loses only what is ours.
    Rollback(RollbackOptions),
}

/// How a node is reached.
#[derive(Args, Debug)]
pub(crate) struct ReachOptions {
    /// Reach the node over ssh: its own host name, or this place of your ssh configuration.
    #[arg(long, value_name = "PLACE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) ssh: Option<String>,

    /// Use this ssh configuration instead of your own.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    pub(crate) ssh_config: Option<PathBuf>,

    /// Become root there with `sudo -n`.
    #[arg(long, requires = "ssh")]
    pub(crate) sudo: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyOptions {
    #[command(flatten)]
    pub(crate) plan: NodeOptions,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Restart services although meetings run, or may run.
    #[arg(long)]
    pub(crate) force: bool,

    /// Write the files and restart nothing.
    #[arg(long)]
    pub(crate) no_restart: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RollbackOptions {
    #[command(flatten)]
    pub(crate) plan: NodeOptions,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Restart services although meetings run, or may run.
    #[arg(long)]
    pub(crate) force: bool,

    /// Write the files and restart nothing.
    #[arg(long)]
    pub(crate) no_restart: bool,
}

/// A node, and what is said of it on the command line.
#[derive(Args, Debug)]
pub(crate) struct NodeOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// The folder that is the node's `/`, on this machine or where ssh leads; the machine itself
    /// when absent.
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true)]
    pub(crate) root: PathBuf,

    /// Take this for the node's release instead of looking.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) bbb: Option<BbbVersion>,

    /// Take a node of another site than the cluster's, knowing that some browsers will fail.
    #[arg(long)]
    pub(crate) allow_cross_site: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PlanOptions {
    #[command(flatten)]
    pub(crate) node: NodeOptions,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
