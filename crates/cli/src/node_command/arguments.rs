//! The arguments of `bluegate node`.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use bluegate_cluster::{Address, BbbVersion, Mount, Origin, Tag};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::arguments::AdminOptions;

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
    /// Give a silent node up at once: its meetings may be created anew elsewhere.
    ///
    /// Refused while anybody hears it. When it answers again, it is taken back by itself.
    Lost(LostOptions),
    /// Undo the last apply, byte for byte. A file replaced since loses only what is ours.
    Rollback(ChangeOptions),
    /// Add a node to the running scaler; it stays until it is removed, restarts or not.
    Add(AddOptions),
    /// Remove a node that was added. What is on it can be created anew elsewhere.
    Remove(RemoveOptions),
    /// Give a node of the running scaler another weight than the configured one.
    Weight(WeightOptions),
    /// Keep new meetings off a node of the running scaler, and wait until it is empty.
    ///
    /// Without `--wait`, exits with 0 when it is empty and with 1 when it is not. What is
    /// interrupted leaves the node cordoned.
    Drain(DrainOptions),
    /// Keep new meetings off a node: by the running scaler of the configuration file, and by its
    /// `[balancer]`.
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

/// A node to add.
#[derive(Args, Debug)]
pub(crate) struct AddOptions {
    /// Its name, which is also its mount.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// Its own origin, such as `https://bbb-03.example.org`.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Origin,

    /// The file with its API secret (`bbb-conf --secret`); several, one per line: the first signs.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,

    /// Where to connect instead, such as `10.0.0.13:443`.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<Address>,

    /// The BBB release it runs.
    #[arg(long, value_name = "VERSION")]
    pub(crate) bbb: Option<BbbVersion>,

    /// The node serves its client itself; the cluster's origin does not relay it.
    #[arg(long)]
    pub(crate) not_proxied: bool,

    /// Its share of load beside other nodes.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub(crate) weight: f64,

    /// A tag that create calls may ask for; repeat for more.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<Tag>,

    /// Most meetings on it.
    #[arg(long, value_name = "N")]
    pub(crate) max_meetings: Option<u32>,

    /// Most users on it.
    #[arg(long, value_name = "N")]
    pub(crate) max_users: Option<u32>,

    /// Most users that one meeting on it may be expected to have.
    #[arg(long, value_name = "N")]
    pub(crate) max_meeting_users: Option<u32>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveOptions {
    /// Its name.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// Remove it although it answers and meetings run on it.
    #[arg(long)]
    pub(crate) force: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("weight-or-none").required(true))]
pub(crate) struct WeightOptions {
    /// Its name.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// The weight, above 0.
    #[arg(value_name = "N", group = "weight-or-none")]
    pub(crate) weight: Option<f64>,

    /// The configured one again.
    #[arg(long, group = "weight-or-none")]
    pub(crate) reset: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

#[derive(Args, Debug)]
pub(crate) struct DrainOptions {
    /// Its name.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// Wait until it is empty, and say how far it is.
    #[arg(long)]
    pub(crate) wait: bool,

    /// Give up waiting after this, such as `4h`.
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

fn duration(text: &str) -> Result<Duration, String> {
    bluegate_config::parse_duration(text)
        .ok_or_else(|| format!("`{text}` is not a duration such as `30m` or `4h`"))
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

#[derive(Args, Debug)]
pub(crate) struct LostOptions {
    /// The node's name.
    #[arg(value_name = "NODE")]
    pub(crate) node: Mount,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) admin: AdminOptions,
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

    /// Take a node of another site than the cluster's, knowing that meetings then open only in
    /// browsers whose users allow third-party cookies.
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
    /// Scalelite's admin API, `getServers`: writes `[[node]]` sections.
    Scalelite,
    /// The admin API of the running `bluegate serve`: loads, meetings, health.
    Admin,
}

#[derive(Args, Debug)]
pub(crate) struct ListOptions {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// List what this has, instead of the file's nodes.
    #[arg(long, value_name = "SOURCE")]
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
