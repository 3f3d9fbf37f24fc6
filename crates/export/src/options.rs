//! What a configuration depends on besides the cluster itself.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use bluegate_cluster::{Mount, Origin, Scheme};

/// A server certificate, as files of the machine that the proxy runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The chain, leaf first, PEM.
    pub chain: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Where the other proxy listens and keeps its things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Addresses to listen on; Traefik has them in its static configuration.
    pub listen: Vec<SocketAddr>,
    /// How to speak TLS; absent behind another balancer, or on loopback.
    pub certificate: Option<Certificate>,
    /// One file of chain and key, which HAProxy wants; used when there is a
    /// `certificate`.
    pub combined_certificate: PathBuf,
    /// PEM file of the authorities that sign the nodes' certificates.
    pub node_ca: Option<PathBuf>,
    /// PEM file of the authorities that the system trusts.
    pub system_ca: PathBuf,
    /// Folder of the disk cache (nginx, Apache); it must exist for Apache.
    pub cache: PathBuf,
    /// The access log (nginx, Caddy, Apache); HAProxy writes to its standard
    /// output.
    pub access_log: PathBuf,
    /// The error log of nginx and Apache.
    pub error_log: PathBuf,
    /// What the nodes' names resolved to, for nginx, which up to 1.27.2 can
    /// either keep connections or follow names. An address that the cluster's
    /// file states needs no entry; a node without any answers 502.
    pub addresses: BTreeMap<Mount, Vec<IpAddr>>,
    /// Whether HAProxy, started as root, becomes its own user.
    pub own_user: bool,
}

impl Options {
    /// What fits a Debian machine: all interfaces, the scheme's port, and the
    /// folders that packages made for `software`'s logs and cache.
    #[must_use]
    pub fn debian(software: crate::Software, origin: &Origin) -> Self {
        use crate::Software::{Apache, Caddy, Haproxy, Nginx, Traefik};
        let (folder, cache) = match software {
            Nginx => ("nginx", "/var/cache/nginx/bluegate"),
            Apache => ("apache2", "/var/cache/apache2/mod_cache_disk"),
            Caddy => ("caddy", "/var/cache/bluegate"),
            Haproxy | Traefik => ("bluegate", "/var/cache/bluegate"),
        };
        let port = origin.port();
        Self {
            listen: vec![
                (Ipv4Addr::UNSPECIFIED, port).into(),
                (Ipv6Addr::UNSPECIFIED, port).into(),
            ],
            certificate: (origin.scheme() == Scheme::Https).then(|| Certificate {
                chain: "/etc/ssl/bluegate/chain.pem".into(),
                key: "/etc/ssl/bluegate/key.pem".into(),
            }),
            combined_certificate: "/etc/haproxy/bluegate.pem".into(),
            node_ca: None,
            system_ca: "/etc/ssl/certs/ca-certificates.crt".into(),
            cache: cache.into(),
            access_log: format!("/var/log/{folder}/bluegate-access.log").into(),
            error_log: format!("/var/log/{folder}/bluegate-error.log").into(),
            addresses: BTreeMap::new(),
            own_user: true,
        }
    }
}
