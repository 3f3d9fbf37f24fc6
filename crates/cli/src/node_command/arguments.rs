//! The arguments of `bluegate node`.

use std::{num::NonZeroUsize, path::PathBuf};

use bluegate_cluster::{BbbVersion, Mount, Origin};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the nodes of the configuration file, or those that another balancer has.
    List(ListOptions),
    /// Show what the configuration file says about a node and what follows from it.
    Show(ShowOptions),
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
    Apply(ChangeOptions),
    /// Undo the last apply, byte for byte. A file replaced since loses only what is ours.
    Rollback(ChangeOptions),
    /// Keep new meetings off a node, by the `[balancer]` of the configuration file.
    Cordon(CordonOptions),
    /// Let new meetings come to a node again.
    Uncordon(CordonOptions),
    /// Have a node look after its configuration: after each run of apt or dpkg, and by a timer.
    ///
    /// What a package undid is done again. Services that running meetings would notice wait until
    /// there are none; the node is cordoned meanwhile where its configuration file has a `[balancer]`.
    InstallHook(HookOptions),
    /// Remove what `install-hook` wrote.
    RemoveHook(HookOptions),
    /// Do again what a package undid. The hook runs this; nothing is asked.
    ///
    /// Exits with 0 when all is as it was applied, with 1 when something waits, for meetings to end or
    /// for you, and with 3 when it cannot be done.
    Reapply(ReapplyOptions),
    /// Keep what a plan looks at on a node in a folder, without anything secret.
    ///
    /// `bluegate node plan NODE --root DIR` makes the same plan from it.
    Record(RecordOptions),
}

/// How a node is reached.
#[derive(Args, Debug)]
pub(crate) struct ReachOptions {
    /// Reach the node over ssh: its own host name, or this place of your ssh configuration, in which
    /// `{node}` stands for the node's name.
    #[arg(long, value_name = "PLACE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) ssh: Option<String>,

    /// Use this ssh configuration instead of your own.
    #[arg(long, value_name = "FILE", requires = "ssh")]
    pub(crate) ssh_config: Option<PathBuf>,

    /// Become root there with `sudo -n`.
    #[arg(long, requires = "ssh")]
    pub(crate) sudo: bool,
}

/// Which nodes, and what is said of them on the command line.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct NodeOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE", group = "which")]
    pub(crate) node: Option<Mount>,

    /// All nodes of the configuration file. One that fails does not stop the others.
    #[arg(long, group = "which")]
    pub(crate) all: bool,

    /// At how many nodes at once; with `--drain` one by default, else four.
    #[arg(long, value_name = "N", requires = "all")]
    pub(crate) parallel: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) one: OneOptions,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,
}

/// What is said of a node on the command line.
#[derive(Args, Debug)]
pub(crate) struct OneOptions {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// The folder that is the node's `/`, on this machine or where ssh leads; the machine itself
    /// when absent. `{node}` in it stands for the node's name.
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

/// Of `apply` and of `rollback`.
#[derive(Args, Debug)]
pub(crate) struct ChangeOptions {
    #[command(flatten)]
    pub(crate) node: NodeOptions,

    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Keep new meetings off the node, wait until those that run have ended, and let new ones come
    /// again when all is done. Takes the `[balancer]` of the configuration file.
    #[arg(long, conflicts_with_all = ["force", "no_restart"])]
    pub(crate) drain: bool,

    /// Restart services although meetings run, or may run.
    #[arg(long)]
    pub(crate) force: bool,

    /// Write the files and restart nothing.
    #[arg(long)]
    pub(crate) no_restart: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CordonOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct HookOptions {
    #[command(flatten)]
    pub(crate) node: NodeOptions,

    /// Where this program is on the node; this very one when it runs there.
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<String>,

    /// Where the configuration file is on the node; the same place as here when absent.
    #[arg(long, value_name = "PATH")]
    pub(crate) node_config: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ReapplyOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    #[command(flatten)]
    pub(crate) one: OneOptions,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    /// Restart nothing that running meetings would notice, whether any run or not.
    #[arg(long)]
    pub(crate) no_restart: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RecordOptions {
    /// The node's name in the configuration file.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// A new folder.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    pub(crate) one: OneOptions,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,
}

/// Another balancer that has a list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Its admin API, `getServers`.
    Scalelite,
}

#[derive(Args, Debug)]
pub(crate) struct ListOptions {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Write `[[node]]` sections of what this balancer has, instead of listing the file's.
    #[arg(long, value_name = "BALANCER")]
    pub(crate) from: Option<Source>,

    /// Scalelite's origin; needs no configuration file.
    #[arg(long, value_name = "ORIGIN", requires_all = ["from", "scalelite_secret_file"])]
    pub(crate) scalelite: Option<Origin>,

    /// The file with its `LOADBALANCER_SECRET`.
    #[arg(long, value_name = "FILE", requires = "scalelite")]
    pub(crate) scalelite_secret_file: Option<PathBuf>,

    /// Write each server's API secret to a file in this folder, readable by you alone.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(crate) secrets: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShowOptions {
    /// The node's name.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
