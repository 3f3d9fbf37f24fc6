//! What the two commands are told.

use std::{path::PathBuf, str::FromStr};

use bluegate_cluster::{Address, HostName, Mount};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over the servers, tenants and running meetings of a Scalelite, from its Redis. Without
    /// `--apply` it says what it would take and changes nothing.
    Scalelite(ImportOptions),
}

/// Which Redis, and how it is read.
#[derive(Args, Debug)]
pub(crate) struct RedisOptions {
    /// Scalelite's Redis, as its `REDIS_URL` says: `redis://HOST:PORT/DATABASE`, `rediss://` for TLS.
    // Read later: what clap refuses it prints, and a password may be inside.
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// A file with the password, so that it is in no list of processes.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Scalelite's `REDIS_NAMESPACE`.
    #[arg(long, value_name = "NAME", default_value = "scalelite")]
    pub(crate) namespace: String,

    /// A PEM file of CAs to trust for `rediss://` besides the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// The configuration file, whose `[scaler]` says which store.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/bluegate/bluegate.toml")]
    pub(crate) config: PathBuf,

    /// Do it, instead of saying what would be done.
    #[arg(long, visible_alias = "yes")]
    pub(crate) apply: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ImportOptions {
    #[command(flatten)]
    pub(crate) redis: RedisOptions,

    /// Scalelite's `URL_HOST`: a tenant `bn` is then answered at `bn.URL_HOST`, as it is now.
    #[arg(long, value_name = "HOST")]
    pub(crate) url_host: Option<HostName>,

    /// A name for a node, by the ID or the host of the server; repeat for more. Without it a node has
    /// the first label of its host.
    #[arg(long, value_name = "SERVER=NAME")]
    pub(crate) name: Vec<Pair<Mount>>,

    /// Where to connect to a node instead of what its host resolves to, by the ID or the host of the
    /// server; repeat for more.
    #[arg(long, value_name = "SERVER=HOST:PORT")]
    pub(crate) address: Vec<Pair<Address>>,

    /// Ask no node: say only what the Redis says. Without `--apply` each node is asked how it is
    /// and what it runs.
    #[arg(long, conflicts_with = "apply")]
    pub(crate) offline: bool,

    /// How many seconds to wait for the nodes' word of the meetings that were taken over.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) wait: u16,
}

#[derive(Args, Debug)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    pub(crate) redis: RedisOptions,

    /// Write over the servers, tenants and meetings that this Redis has.
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Something that is said of a server.
#[derive(Clone, Debug)]
pub(crate) struct Pair<T> {
    pub(crate) server: String,
    pub(crate) value: T,
}

impl<T: FromStr<Err: std::fmt::Display>> FromStr for Pair<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (server, value) = text
            .split_once('=')
            .filter(|(server, _)| !server.is_empty())
            .ok_or_else(|| "expected a server's ID or host, `=` and a value".to_owned())?;
        let value = value.parse().map_err(|error: T::Err| error.to_string())?;
        Ok(Self { server: server.to_owned(), value })
    }
}
