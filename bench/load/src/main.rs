//! Load for the proxy benchmark that no packaged tool makes: new connections
//! with resumed handshakes, a storm of browsers, many idle connections. Shares
//! no code with what it measures. Results are one line of JSON.

mod client;
mod connect;
mod idle;
mod spread;
mod storm;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// Load for `bench/proxy.py`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// New connections, one request each.
    Connect {
        #[command(flatten)]
        target: Target,
        /// Connections in all.
        #[arg(long)]
        connections: usize,
        /// Connections at once.
        #[arg(long, default_value_t = 8)]
        at_once: usize,
        /// Resume with the tickets of earlier connections.
        #[arg(long)]
        resume: bool,
    },
    /// Browsers that all come at once: one HTTP/2 connection and all paths each.
    Storm {
        #[command(flatten)]
        target: Target,
        /// Browsers.
        #[arg(long)]
        connections: usize,
    },
    /// Connections with one request each, kept open until the end of input.
    Idle {
        #[command(flatten)]
        target: Target,
        /// Connections.
        #[arg(long)]
        connections: usize,
        /// HTTP/2 rather than HTTP/1.1.
        #[arg(long)]
        http2: bool,
    },
}

/// What is asked for.
#[derive(Debug, Args)]
struct Target {
    /// Where to connect.
    #[arg(long)]
    address: SocketAddr,
    /// Host, and port unless it is 443.
    #[arg(long)]
    authority: String,
    /// The CA to trust.
    #[arg(long)]
    ca: PathBuf,
    /// Paths; where one is asked for, the first.
    #[arg(long = "path", required = true)]
    paths: Vec<String>,
}

fn main() -> Result<(), anyhow::Error> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Connect { target, connections, at_once, resume } => {
                connect::run(&target, connections, at_once, resume).await
            }
            Command::Storm { target, connections } => storm::run(&target, connections).await,
            Command::Idle { target, connections, http2 } => {
                idle::run(&target, connections, http2).await
            }
        }
    })
}

#[expect(clippy::print_stdout, reason = "the result")]
fn print(result: &impl serde::Serialize) -> Result<(), anyhow::Error> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}
