//! How listeners meet their clients: what `[proxy]` says of it, fitted to what
//! the system lets this process have.

use std::sync::Arc;

use anyhow::Context as _;
use bluegate_config::{Config, Proxy};
use bluegate_net::{
    Bucket, ClientLimits, Clients, Limits, Policy, Trust, fit_connections, raise_descriptor_limit,
};

use crate::exit::UsageError;

/// Open files for everything but connections: listeners, logs, the store,
/// certificates, the runtime.
const OWN_FILES: u64 = 128;

/// Kept connections to a node besides those in use.
const KEPT_PER_NODE: u64 = 64;

/// The rules of all listeners of this process.
pub(crate) struct Policies {
    /// Where browsers come.
    pub(crate) proxy: Policy,
    /// Where only frontends come, each of them for many users.
    pub(crate) api: Policy,
}

impl Policies {
    /// Raises the limit of open files and shares it out.
    pub(crate) fn of(config: &Config) -> Result<Self, anyhow::Error> {
        let limit = raise_descriptor_limit().context("cannot raise the limit of open files")?;
        let Some(proxy) = &config.proxy else {
            let wanted = Limits::default().max_connections;
            let max_connections =
                fit_connections(limit, wanted, besides(limit, config, 0)).map_err(refused)?;
            let api = Policy::from(Limits { max_connections, ..Limits::default() });
            return Ok(Self { proxy: api.clone(), api });
        };
        let wanted = bounded(proxy.connections);
        let besides = besides(limit, config, proxy.node_requests);
        let max_connections = fit_connections(limit, wanted, besides).map_err(refused)?;
        if max_connections < wanted {
            tracing::warn!(
                connections = max_connections,
                wanted,
                open_files = limit,
                "fewer connections than configured: raise `LimitNOFILE=` for more"
            );
        }
        let limits = Limits { max_connections, ..Limits::default() };
        let front = &proxy.front;
        let clients = Clients::new(ClientLimits {
            rate: bounded(front.client_rate),
            burst: bounded(front.client_burst),
            open: bounded(front.client_connections),
            total: max_connections,
            handshakes: bucket(front.client_handshakes),
            upstream: bucket(upstream(proxy)),
            requests: bucket(front.client_requests),
        });
        let handshakes = Arc::default();
        let trust =
            Trust { networks: front.trusted_proxies.clone(), proxy_protocol: front.proxy_protocol };
        Ok(Self {
            api: Policy { handshakes: Arc::clone(&handshakes), ..limits.clone().into() },
            proxy: Policy { limits, trust, clients: Some(clients), handshakes },
        })
    }
}

/// What is kept back: never more than a quarter for nodes, since a connection
/// to a node is for one that was accepted.
fn besides(limit: u64, config: &Config, node_requests: usize) -> u64 {
    let per_node = u64::from(bounded(node_requests)) + KEPT_PER_NODE;
    let nodes = u64::from(bounded(config.nodes.len())).saturating_mul(per_node);
    OWN_FILES + nodes.min(limit / 4)
}

/// Without a cache every request goes on to a node, and may.
fn upstream(proxy: &Proxy) -> bluegate_config::Bucket {
    let (upstream, requests) = (proxy.front.client_upstream, proxy.front.client_requests);
    if proxy.cache.enabled && proxy.cache.memory > 0 {
        return upstream;
    }
    bluegate_config::Bucket {
        rate: upstream.rate.max(requests.rate),
        burst: upstream.burst.max(requests.burst),
    }
}

fn bucket(of: bluegate_config::Bucket) -> Bucket {
    Bucket { rate: bounded(of.rate), burst: bounded(of.burst) }
}

fn bounded(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn refused(error: bluegate_net::TooFewDescriptors) -> anyhow::Error {
    UsageError(error.to_string()).into()
}
