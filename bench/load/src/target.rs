//! What is asked for, and where.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::wire::Request;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Where to connect.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Host, and port unless it is the scheme's.
    #[arg(long)]
    pub(crate) authority: String,
    /// The CA to trust; without it the connections are in the clear.
    #[arg(long)]
    pub(crate) ca: Option<PathBuf>,
    /// Paths, asked for in turn; where one is asked for, the first.
    #[arg(long = "path", required_unless_present = "paths_file")]
    pub(crate) paths: Vec<String>,
    /// A file with more of them, one a line.
    #[arg(long)]
    paths_file: Option<PathBuf>,
    /// The status of a good answer.
    #[arg(long, default_value_t = 200)]
    pub(crate) status: u16,
}

impl Target {
    /// The requests for all paths, as they are sent.
    pub(crate) fn requests(&self) -> Result<Vec<Request>, anyhow::Error> {
        let more = match &self.paths_file {
            Some(file) => fs::read_to_string(file).context("cannot read the paths")?,
            None => String::new(),
        };
        let paths = self.paths.iter().map(String::as_str).chain(more.lines());
        let requests: Vec<_> = paths.map(|path| Request::new(path, &self.authority)).collect();
        ensure!(!requests.is_empty(), "no path is asked for");
        Ok(requests)
    }
}
