//! The sockets of all roles: bound first, then served, shared where two roles
//! name the same address.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bluegate_config::Config;
use bluegate_net::{
    Hsts, Listener, Policy, Redirect, Service,
    dispatch::{ApiHosts, Dispatch, Dispatcher},
    handover::Sockets,
    serve,
};
use bluegate_proxy::Proxy;
use bluegate_scaler::Scaler;
use rustls::ServerConfig;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::serve::{certificates::Certificates, policy::Policies};

/// The roles of this process.
pub(crate) struct Roles {
    pub(crate) proxy: Option<Arc<Proxy>>,
    pub(crate) api: Option<Arc<Scaler>>,
    /// Hosts of the API besides its origin's.
    pub(crate) api_hosts: Option<Arc<ApiHosts>>,
}

/// What one socket is for.
struct Use {
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    proxy: bool,
    api: bool,
}

/// Bound sockets.
pub(crate) struct Listeners {
    uses: Vec<Use>,
    redirects: Vec<Listener>,
    redirect: Arc<Redirect>,
    policies: Policies,
}

impl Listeners {
    /// Listens on the addresses of every section, with TLS from `certificates`, once
    /// it is sure that there are enough open files to be had.
    pub(crate) fn bind(
        config: &Config,
        certificates: &Certificates,
        sockets: &mut Sockets,
    ) -> Result<Self, anyhow::Error> {
        let policies = Policies::of(config)?;
        let mut uses: BTreeMap<SocketAddr, Use> = BTreeMap::new();
        let proxy = config.proxy.iter().flat_map(|proxy| {
            let tls = (&proxy.tls, &proxy.acme_folder);
            proxy.listen.iter().map(move |address| (*address, tls, true))
        });
        let scaler = config.scaler.iter().flat_map(|scaler| {
            let tls = (&scaler.tls, &scaler.acme_folder);
            scaler.listen.iter().map(move |address| (*address, tls, false))
        });
        for (address, (tls, folder), for_proxy) in proxy.chain(scaler) {
            if let Some(shared) = uses.get_mut(&address) {
                // Validated: sections that share an address have the same `tls`.
                shared.api |= !for_proxy;
                continue;
            }
            let listener = sockets.open(address)?;
            let tls = certificates.tls_for(tls, folder);
            uses.insert(address, Use { listener, tls, proxy: for_proxy, api: !for_proxy });
        }
        let redirects = config.proxy.iter().flat_map(|proxy| &proxy.front.redirect_listen);
        let redirects = redirects.map(|address| sockets.open(*address));
        let redirect = Arc::new(certificates.redirect(&config.cluster.origin));
        Ok(Self {
            uses: uses.into_values().collect(),
            redirects: redirects.collect::<Result<_, _>>()?,
            redirect,
            policies,
        })
    }

    /// How browsers are met.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policies.proxy
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
        let policies = self.policies;
        let hsts = config.proxy.as_ref().and_then(|proxy| proxy.front.hsts);
        for listener in self.redirects {
            let policy = policies.proxy.clone();
            let start = Start { listener, tls: None, policy, shutdown, tasks, drain };
            start.with(Arc::clone(&self.redirect));
        }
        for socket in self.uses {
            let Use { listener, tls, .. } = socket;
            let policy = if socket.proxy { &policies.proxy } else { &policies.api }.clone();
            let start = Start { listener, tls, policy, shutdown, tasks, drain };
            let origin = config.cluster.origin.clone();
            let proxy = roles.proxy.clone().filter(|_| socket.proxy);
            let api = roles.api.clone().filter(|_| socket.api);
            match (proxy, api) {
                (Some(proxy), Some(api)) => {
                    let dispatch = Dispatch {
                        cluster: config.cluster.origin.clone(),
                        api: config.scaler.as_ref().map(|scaler| scaler.origin.clone()),
                        hosts: roles.api_hosts.clone(),
                    };
                    let both = Arc::new(Dispatcher::new(dispatch, proxy, api));
                    start.with(Arc::new(Hsts::new(both, origin, hsts)));
                }
                (Some(proxy), None) => start.with(Arc::new(Hsts::new(proxy, origin, hsts))),
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
    policy: Policy,
    shutdown: &'a CancellationToken,
    tasks: &'a TaskTracker,
    drain: Duration,
}

impl Start<'_> {
    fn with(self, service: Arc<impl Service>) {
        let address = self.listener.local_addr();
        let serving =
            serve(self.listener, self.tls, service, self.policy, self.shutdown.clone(), self.drain);
        self.tasks.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%address, %error, "a listener failed");
            }
        });
    }
}
