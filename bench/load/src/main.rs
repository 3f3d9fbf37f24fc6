//! Load for the benchmarks that no packaged tool makes: requests at a fixed rate
//! whatever the server does, new connections with full or resumed handshakes, a
//! storm of browsers, many idle connections; and doubles of BBB nodes. Shares no
//! code with what it measures. Results are one line of JSON.

mod client;
mod connect;
mod idle;
mod kept;
mod nodes;
mod rate;
mod spread;
mod storm;
mod tally;
mod target;
mod wire;

use std::time::Duration;

use clap::{Parser, Subcommand};

use nodes::Options;
use target::Target;

/// Load for `bench/proxy.py` and `bench/scaler.py`.
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
    /// Requests as fast as they are answered, on connections that are kept.
    Kept {
        #[command(flatten)]
        target: Target,
        /// Connections.
        #[arg(long)]
        connections: usize,
        /// Requests in all.
        #[arg(long)]
        requests: usize,
    },
    /// Requests at a fixed rate, whatever the server does: an open loop. Times
    /// count from when a request was due, not from when it could be sent.
    Rate {
        #[command(flatten)]
        target: Target,
        /// Requests per second.
        #[arg(long)]
        rate: u32,
        /// How long.
        #[arg(long)]
        seconds: f64,
        /// Connections at once; what is due while all are busy waits, and its
        /// time runs.
        #[arg(long, default_value_t = 256)]
        connections: usize,
        /// A new connection for each request.
        #[arg(long)]
        new: bool,
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
    /// Doubles of BBB nodes, until they are ended.
    Nodes(Options),
}

fn main() -> Result<(), anyhow::Error> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Connect { target, connections, at_once, resume } => {
                connect::run(&target, connections, at_once, resume).await
            }
            Command::Kept { target, connections, requests } => {
                kept::run(&target, connections, requests).await
            }
            Command::Rate { target, rate, seconds, connections, new } => {
                let during = Duration::from_secs_f64(seconds);
                rate::run(&target, rate, during, connections, new).await
            }
            Command::Storm { target, connections } => storm::run(&target, connections).await,
            Command::Idle { target, connections, http2 } => {
                idle::run(&target, connections, http2).await
            }
            Command::Nodes(options) => nodes::run(options).await,
        }
    })
}

#[expect(clippy::print_stdout, reason = "the result")]
fn print(result: &impl serde::Serialize) -> Result<(), anyhow::Error> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}
