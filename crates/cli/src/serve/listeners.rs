//! The sockets of all roles: bound first, then served, shared where two roles
//! name the same address.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bluegate_config::Config;
use bluegate_net::{
    Limits, Listener, RouterService, Service,
    dispatch::{Dispatch, Dispatcher},
    serve,
};
use bluegate_proxy::Proxy;
use rustls::ServerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::serve::certificates::Certificates;

/// The roles of this process.
pub(crate) struct Roles {
    pub(crate) proxy: Option<Arc<Proxy>>,
    pub(crate) api: Option<Arc<RouterService>>,
}

/// What one socket is for.
struct Use {
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    proxy: bool,
    api: bool,
}

/// Bound sockets.
pub(crate) struct Listeners(Vec<Use>);

impl Listeners {
    /// Binds the addresses of every section, with TLS from `certificates`.
    pub(crate) fn bind(
        config: &Config,
        certificates: &mut Certificates,
    ) -> Result<Self, anyhow::Error> {
        let mut uses: BTreeMap<SocketAddr, Use> = BTreeMap::new();
        let proxy = config
            .proxy
            .iter()
            .flat_map(|proxy| proxy.listen.iter().map(move |address| (*address, &proxy.tls, true)));
        let scaler = config.scaler.iter().flat_map(|scaler| {
            scaler.listen.iter().map(move |address| (*address, &scaler.tls, false))
        });
        for (address, tls, for_proxy) in proxy.chain(scaler) {
            if let Some(shared) = uses.get_mut(&address) {
                // Validated: sections that share an address have the same `tls`.
                shared.api |= !for_proxy;
                continue;
            }
            let listener = bluegate_net::bind(address)?;
            let tls = certificates.tls_for(tls)?;
            uses.insert(address, Use { listener, tls, proxy: for_proxy, api: !for_proxy });
        }
        Ok(Self(uses.into_values().collect()))
    }

    /// Serves every socket with the roles it is for.
    pub(crate) fn serve(
        self,
        config: &Config,
        roles: &Roles,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
        drain: Duration,
    ) -> Result<(), anyhow::Error> {
        let connections = config.proxy.as_ref().map(|proxy| proxy.connections);
        let max_connections = connections.map_or(Limits::default().max_connections, |number| {
            u32::try_from(number).unwrap_or(u32::MAX)
        });
        let limits = Limits { max_connections, ..Limits::default() };
        for socket in self.0 {
            let Use { listener, tls, .. } = socket;
            let start = Start { listener, tls, limits: limits.clone(), shutdown, tasks, drain };
            let proxy = roles.proxy.clone().filter(|_| socket.proxy);
            let api = roles.api.clone().filter(|_| socket.api);
            match (proxy, api) {
                (Some(proxy), Some(api)) => {
                    let dispatch = Dispatch {
                        cluster: config.cluster.origin.clone(),
                        api: config.scaler.as_ref().map(|scaler| scaler.origin.clone()),
                    };
                    start.with(Arc::new(Dispatcher::new(dispatch, proxy, api)));
                }
                (Some(proxy), None) => start.with(proxy),
                (None, Some(api)) => start.with(api),
                (None, None) => {}
            }
        }
        Ok(())
    }
}

struct Start<'a> {
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    shutdown: &'a CancellationToken,
    tasks: &'a TaskTracker,
    drain: Duration,
}

impl Start<'_> {
    fn with(self, service: Arc<impl Service>) {
        let address = self.listener.local_addr();
        let serving =
            serve(self.listener, self.tls, service, self.limits, self.shutdown.clone(), self.drain);
        self.tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%address, %error, "a listener failed");
            }
        });
    }
}
