//! The command tree, as clap reads it.

use std::{path::PathBuf, str::FromStr};

use bluegate_cluster::{Address, BbbVersion, Mount, Origin, TenantName};
use bluegate_export::Software;
use bluegate_scaler::LimitKind;
use clap::{
    ArgAction, ArgGroup, Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    callback_command::CallbackCommand,
    demo_command::DemoOptions,
    meeting_command::MeetingCommand,
    node_command::{NodeCommand, ReachOptions},
    recording_command::RecordingCommand,
    scalelite_command::{self, ImportCommand},
    shadow_command::ShadowOptions,
    shell_command::Shell,
    store_command::StoreCommand,
    token_command::{AuditOptions, TokenCommand},
};

/// Makes a fleet of BigBlueButton servers look and behave like one.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Say more on stderr; repeat for more still.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole cluster on this machine, with simulated nodes.
    Demo(DemoOptions),
    /// Run the roles that a configuration file has sections for.
    Serve {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
        config: PathBuf,

        #[command(flatten)]
        shadow: ShadowOptions,
    },
    /// Look at a configuration file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the cluster from outside, and name what is to be mended.
    Doctor(DoctorOptions),
    /// Write the configuration of another proxy for the same cluster, or what Scalelite needs to go on.
    Export(ExportCommand),
    /// Copy the store, or put a copy in its place.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Take over what another balancer has, meetings that run included.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Look at the configuration of a node, change it, undo the change.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Look at the meetings of a running scaler, or end one.
    #[command(subcommand)]
    Meeting(MeetingCommand),
    /// Look at the cache of a running proxy, or empty it.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Look at what a running `bluegate serve` relays, or change it.
    #[command(subcommand)]
    Routes(RoutesCommand),
    /// Look at the tenants of a running `bluegate serve`, add, change and remove them.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Look at the callbacks that a running scaler has to deliver, try or drop them.
    #[command(subcommand)]
    Callback(CallbackCommand),
    /// Look at the recordings that a running scaler knows of, publish, hide and delete them.
    #[command(subcommand)]
    Recording(RecordingCommand),
    /// Look at the tokens that open the admin API, make and revoke them.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show who changed what through the admin API, and what came of it.
    Audit(AuditOptions),
    /// Print the script that completes commands in a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual, a page for each command.
    Man {
        /// The folder, such as /usr/local/share/man/man1.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what the cache holds and did.
    Show {
        /// Only this mount, of the list of mounts.
        #[arg(long, value_name = "MOUNT")]
        mount: Option<Mount>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Forget what is cached; it is fetched anew as it is asked for.
    Purge {
        /// Only what is cached for this mount.
        #[arg(long, value_name = "MOUNT")]
        mount: Option<Mount>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoutesCommand {
    /// Add a node to what the proxy relays, while it runs.
    Add {
        /// Its name, which is also its mount.
        mount: Mount,

        /// The node's own origin, such as `https://bbb-03.example.org`.
        #[arg(long, value_name = "ORIGIN")]
        origin: Origin,

        /// Where to connect instead, such as `10.0.0.13:443`.
        #[arg(long, value_name = "HOST:PORT")]
        address: Option<Address>,

        /// The BBB release it runs.
        #[arg(long, value_name = "VERSION")]
        bbb: Option<BbbVersion>,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Change a node that was added, while the proxy runs.
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Change {
        /// Its name.
        mount: Mount,

        /// Another origin.
        #[arg(long, value_name = "ORIGIN", group = "what")]
        origin: Option<Origin>,

        /// Where to connect instead.
        #[arg(long, value_name = "HOST:PORT", group = "what")]
        address: Option<Address>,

        /// Connect to what the origin's name resolves to.
        #[arg(long, group = "what", conflicts_with = "address")]
        no_address: bool,

        /// The BBB release it runs.
        #[arg(long, value_name = "VERSION", group = "what")]
        bbb: Option<BbbVersion>,

        /// State no release.
        #[arg(long, group = "what", conflicts_with = "bbb")]
        no_bbb: bool,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Remove a node that was added. What is under way runs to its end.
    Remove {
        /// Its name.
        mount: Mount,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// List the mounts and the nodes behind them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// List the tenants, with what they have now.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Show one tenant and its settings.
    Show {
        /// Its name.
        name: TenantName,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Add a tenant; without a secret file one secret is made and shown this once.
    Add {
        /// Its name, for good: it is part of its meeting IDs on the nodes.
        name: TenantName,

        #[command(flatten)]
        options: TenantOptions,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Change a tenant that was added.
    Set {
        /// Its name.
        name: TenantName,

        #[command(flatten)]
        options: TenantOptions,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Remove a tenant that was added.
    Remove {
        /// Its name.
        name: TenantName,

        /// Remove it though it has open meetings, which nobody can end then.
        #[arg(long)]
        force: bool,

        /// Print JSON.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        admin: AdminOptions,
    },
}

/// What a tenant may and gets.
#[derive(Args, Debug, Default)]
pub(crate) struct TenantOptions {
    /// A file with its secrets, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,

    /// A TOML file with the keys of `[[tenant]]`, without `name` and `secret_file`: all settings anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    /// A host name of its own; repeat for more.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,

    /// A hard limit, such as `meetings=100`, `users=2500` or `requests=50`; repeat for more.
    #[arg(long, value_name = "LIMIT=NUMBER")]
    pub(crate) limit: Vec<LimitOption>,

    /// Let it have new meetings.
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,

    /// Let it have no new meetings; those it has go on.
    #[arg(long)]
    pub(crate) disable: bool,
}

/// A limit on the command line.
#[derive(Clone, Debug)]
pub(crate) struct LimitOption {
    pub(crate) kind: LimitKind,
    pub(crate) hard: u32,
}

impl FromStr for LimitOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limited = [LimitKind::Meetings, LimitKind::Users, LimitKind::Requests];
        let parsed = text.split_once('=').and_then(|(kind, number)| {
            let kind = limited.into_iter().find(|known| known.as_str() == kind)?;
            Some(Self { kind, hard: number.parse().ok()? })
        });
        parsed
            .ok_or_else(|| "expected `meetings=`, `users=` or `requests=` and a number".to_owned())
    }
}

/// Which admin listener to ask.
#[derive(Args, Debug)]
pub(crate) struct AdminOptions {
    /// The configuration file whose `[admin]` says where it listens.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Ask the listener here instead, such as `https://admin.example.org:8091`.
    #[arg(long, value_name = "ORIGIN", requires = "token_file", conflicts_with = "config")]
    pub(crate) admin: Option<Origin>,

    /// The file with its token.
    #[arg(long, value_name = "FILE", requires = "admin")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Name every problem of a configuration file at once.
    Check {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
        config: PathBuf,
    },
    /// Print a configuration file as it takes effect, defaults included.
    Show {
        /// The configuration file.
        #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
        config: PathBuf,
    },
    /// Print a commented configuration file to start from.
    Default,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorOptions {
    /// Only this node; without it all of them.
    #[arg(value_name = "NODE")]
    pub(crate) node: Option<Mount>,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Join in a headless Chromium too, one node after the other.
    #[arg(long)]
    pub(crate) browser: bool,

    /// Keep what each node answered in this folder, without anything secret.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,

    /// With `--record`, keep each node's files too, from this folder that is its `/`: `/` on the
    /// node itself. `{node}` in it stands for the node's name.
    #[arg(long, value_name = "DIR", requires = "record")]
    pub(crate) root: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ExportCommand {
    #[command(flatten)]
    pub(crate) software: Option<ExportOptions>,

    #[command(subcommand)]
    pub(crate) to: Option<To>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum To {
    /// Write the servers, tenants and running meetings to a Scalelite's Redis, as it keeps them. Without
    /// `--apply` it says what it would write and changes nothing.
    Scalelite(scalelite_command::ExportOptions),
}

#[derive(Args, Debug)]
pub(crate) struct ExportOptions {
    /// The proxy it is for.
    #[arg(value_parser = software())]
    pub(crate) software: Software,

    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

fn software() -> impl TypedValueParser<Value = Software> {
    PossibleValuesParser::new(Software::ALL.map(Software::name)).try_map(|name| name.parse())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_tree_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
