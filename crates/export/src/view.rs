//! What the templates see: plain texts, each of them known to hold nothing that
//! could end a value and begin another.
//!
//! Names, origins and addresses are so by their types. Paths are checked here.
//! A node's BBB version may hold any text; only what follows from it is shown.

use std::{net::SocketAddr, path::Path};

use bluegate_cluster::{Node, Origin, Routes};
use serde::Serialize;

use crate::{Options, header, path, render::RenderError};

/// Everything a template may use.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// `https://bbb.example.org`
    origin: String,
    /// `bbb.example.org`
    host: String,
    /// Finds `origin`, and only it.
    origin_pattern: String,
    /// Finds `host`, and only it.
    own_host_name: String,
    /// Finds the `Host` of our own origin, and only it.
    own_host: String,
    /// `bbb.example.org` and, for the default port, `bbb.example.org:443`.
    own_hosts: Vec<String>,
    scheme: &'static str,
    listen: Vec<Listen>,
    /// The same as Apache's virtual hosts name them.
    apache_listen: Vec<String>,
    ports: Vec<u16>,
    certificate: Option<Files>,
    combined: String,
    node_ca: Option<String>,
    system_ca: String,
    cache: String,
    access_log: String,
    error_log: String,
    own_user: bool,
    nodes: Vec<NodeView>,
    rest: String,
    cacheable: &'static str,
    asset_query: &'static str,
    withheld: &'static [&'static str],
    passed: &'static [&'static str],
    dropped: &'static [&'static str],
}

#[derive(Debug, Serialize)]
struct Listen {
    /// `0.0.0.0:443`, `[::]:443`
    address: String,
    /// `0.0.0.0`, `[::]`
    ip: String,
    is_v6: bool,
}

#[derive(Debug, Serialize)]
struct Files {
    chain: String,
    key: String,
}

#[derive(Debug, Serialize)]
struct NodeView {
    name: String,
    origin: String,
    /// Finds the node's origin, its default port written or not.
    origin_pattern: String,
    scheme: &'static str,
    /// The `Host` it wants.
    authority: String,
    /// The name in its certificate.
    tls_name: String,
    /// Host and port to connect to; IPv6 in brackets.
    connect: String,
    /// The same host alone.
    connect_host: String,
    connect_port: u16,
    /// Whether `connect` is a name that has to be looked up.
    is_name: bool,
    /// Whether it is connected to elsewhere than its origin says.
    is_elsewhere: bool,
    /// Addresses to connect to, as far as known now.
    servers: Vec<String>,
    /// Whether it may be BBB 2.x: few POST paths and SockJS.
    two: bool,
    /// Whether it may be BBB 3.0 or later: the API's index.
    three: bool,
}

impl View {
    pub(crate) fn new(routes: &Routes, options: &Options) -> Result<Self, RenderError> {
        let origin = routes.origin();
        if options.listen.is_empty() {
            return Err(RenderError::NoListen);
        }
        let mut ports: Vec<_> = options.listen.iter().map(SocketAddr::port).collect();
        ports.dedup();
        Ok(Self {
            origin: origin.to_string(),
            host: origin.host().to_owned(),
            origin_pattern: path::literal(&origin.to_string()),
            own_host_name: path::literal(origin.host()),
            own_host: host_pattern(origin),
            own_hosts: own_hosts(origin),
            scheme: origin.scheme().as_str(),
            listen: options.listen.iter().map(listen).collect(),
            apache_listen: apache_listen(&options.listen),
            ports,
            certificate: match &options.certificate {
                None => None,
                Some(files) => {
                    Some(Files { chain: checked(&files.chain)?, key: checked(&files.key)? })
                }
            },
            combined: checked(&options.combined_certificate)?,
            node_ca: options.node_ca.as_deref().map(checked).transpose()?,
            system_ca: checked(&options.system_ca)?,
            cache: checked(&options.cache)?,
            access_log: checked(&options.access_log)?,
            error_log: checked(&options.error_log)?,
            own_user: options.own_user,
            nodes: routes.nodes().map(|node| node_view(node, options)).collect(),
            rest: path::rest(),
            cacheable: path::CACHEABLE,
            asset_query: path::ASSET_QUERY,
            withheld: header::WITHHELD,
            passed: header::PASSED,
            dropped: header::DROPPED,
        })
    }

    /// Nodes that are connected to elsewhere than their origin says.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = &str> {
        let tls = self.nodes.iter().filter(|node| node.is_elsewhere && node.scheme == "https");
        tls.map(|node| node.name.as_str())
    }
}

fn listen(address: &SocketAddr) -> Listen {
    let ip = match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    // Without a scope: `ip` and port alone.
    let text = format!("{ip}:{}", address.port());
    Listen { address: text, ip, is_v6: address.is_ipv6() }
}

/// A virtual host of an unspecified address matches nothing; `*` is both families.
fn apache_listen(addresses: &[SocketAddr]) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for address in addresses {
        let host = if address.ip().is_unspecified() {
            format!("*:{}", address.port())
        } else {
            listen(address).address
        };
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

fn node_view(node: &Node, options: &Options) -> NodeView {
    let (host, port) = node.connect_to();
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    let servers = if is_name {
        let known = options.addresses.get(&node.name).map_or(&[][..], Vec::as_slice);
        known.iter().map(|&ip| SocketAddr::new(ip, port).to_string()).collect()
    } else {
        vec![format!("{bracketed}:{port}")]
    };
    let own = node.origin.host().trim_start_matches('[').trim_end_matches(']');
    let line = node.bbb.as_ref().map(bluegate_cluster::BbbVersion::is_3_or_later);
    NodeView {
        name: node.name.to_string(),
        origin: node.origin.to_string(),
        origin_pattern: format!(
            "{}://{}",
            node.origin.scheme().as_str(),
            host_pattern(&node.origin)
        ),
        scheme: node.origin.scheme().as_str(),
        authority: node.origin.authority(),
        tls_name: own.to_owned(),
        connect: format!("{bracketed}:{port}"),
        connect_host: bracketed,
        connect_port: port,
        is_name,
        is_elsewhere: (host, port) != (own, node.origin.port()),
        servers,
        two: line != Some(true),
        three: line != Some(false),
    }
}

/// Finds `authority` of this origin; the default port may be written or not.
fn host_pattern(origin: &Origin) -> String {
    let host = path::literal(origin.host());
    let port = origin.port();
    if port == origin.scheme().default_port() {
        format!("{host}(?::{port})?")
    } else {
        format!("{host}:{port}")
    }
}

fn own_hosts(origin: &Origin) -> Vec<String> {
    let mut hosts = vec![origin.authority()];
    if origin.port() == origin.scheme().default_port() {
        hosts.push(format!("{}:{}", origin.host(), origin.port()));
    }
    hosts
}

/// A path that means the same in every one of these languages without quotes:
/// absolute, of letters, digits and a few marks. Refusing is safer than five ways
/// of quoting.
fn checked(path: &Path) -> Result<String, RenderError> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@".contains(character);
    match path.to_str() {
        Some(text) if text.starts_with('/') && text.chars().all(plain) => Ok(text.to_owned()),
        _ => Err(RenderError::Path(path.to_owned())),
    }
}
