//! From the file's text to [`Config`], or to everything that is wrong with it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use bluegate_cluster::{AllowedHosts, Node, Origin, Scheme, Tag};
use bluegate_tenant::Settings;
use toml::de::DeTable;

use crate::{
    balancer, front,
    gate::Gate,
    problem::Problems,
    reader::{Collector, Table},
    recordings,
    schema::{self, SECTIONS},
    settings::{
        Acme, Admin, Cache, Cluster, Config, Doctor, NodeEntry, Placement, Proxy, Scaler, Tls,
    },
    tenant,
    units::{self, print_duration},
};

/// Reads a configuration file. Relative paths in it are taken from `folder`,
/// the folder the file lies in.
///
/// # Errors
/// All [`Problems`] at once, by line; a file with any of them means nothing.
pub fn parse(text: &str, folder: &Path) -> Result<Config, Problems> {
    let collector = Collector::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        collector.add(&error.span().unwrap_or_default(), "", error.message(), None);
    }
    if !errors.is_empty() {
        return Err(collector.finish().expect_err("a problem was added"));
    }
    let known: Vec<&str> =
        SECTIONS.iter().map(|section| section.name).filter(|name| !name.contains('.')).collect();
    let file = Table::new(document.get_ref(), 0..0, String::new(), &known, &collector);
    let config = read(&file);
    drop(file);
    collector.finish()?;
    let mut config = config.expect("a part is only missing when a problem was added");
    config.for_each_path(|path| {
        if path.is_relative() {
            *path = folder.join(&*path);
        }
    });
    Ok(config)
}

/// Reads the settings of one tenant: the keys of `[[tenant]]`, without `name` and
/// `secret_file`.
///
/// # Errors
/// All [`Problems`] at once, by line.
pub fn tenant_settings(text: &str) -> Result<Settings, Problems> {
    let collector = Collector::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        collector.add(&error.span().unwrap_or_default(), "", error.message(), None);
    }
    if !errors.is_empty() {
        return Err(collector.finish().expect_err("a problem was added"));
    }
    let keys = schema::TENANT.keys.iter().map(|key| key.name);
    let known: Vec<&str> = keys.filter(|key| !["name", "secret_file"].contains(key)).collect();
    let table = Table::new(document.get_ref(), 0..0, String::new(), &known, &collector);
    let settings = tenant::read_settings(&table);
    drop(table);
    collector.finish()?;
    Ok(settings.expect("settings are only missing when a problem was added"))
}

fn read(file: &Table<'_>) -> Option<Config> {
    let cluster = match file.section(&schema::CLUSTER) {
        Some(table) => read_cluster(&table),
        None => {
            file.problem(
                "the section `[cluster]` is missing",
                Some("start with `[cluster]` and `origin = \"https://bbb.example.org\"`"),
            );
            None
        }
    };
    let nodes = read_nodes(file, cluster.as_ref().map(|cluster| &cluster.origin));
    let proxy = file
        .section(&schema::PROXY)
        .map(|table| read_proxy(&table, cluster.as_ref().map(|cluster| &cluster.origin)));
    let scaler_table = file.section(&schema::SCALER);
    let scaler = scaler_table.as_ref().map(read_scaler);
    let tenants = {
        let cluster = cluster.iter().map(|cluster| ("the cluster's host", &cluster.origin));
        let api = scaler.iter().flatten().map(|scaler| ("the scaler's host", &scaler.origin));
        tenant::read_all(file, &cluster.chain(api).collect::<Vec<_>>())
    };
    if let Some(table) = scaler_table.filter(|_| tenants.is_empty()) {
        let hint = "add `[[tenant]]` with `name = \"default\"` and a `secret_file`";
        table.problem("the scaler has no tenant, so nobody could call it", Some(hint));
    }
    if scaler.is_some() {
        for (table, entry) in nodes.iter().filter(|(_, entry)| entry.is_some()) {
            if entry.as_ref().is_some_and(|entry| entry.secret_file.is_none()) {
                let hint = "put the output of `bbb-conf --secret` there";
                table.problem("`secret_file` is missing, which the scaler needs", Some(hint));
            }
        }
    }
    if let (Some(Some(proxy)), Some(Some(scaler))) = (&proxy, &scaler)
        && let Some(shared) = proxy.listen.iter().find(|address| scaler.listen.contains(address))
        && (&proxy.tls, &proxy.acme_folder) != (&scaler.tls, &scaler.acme_folder)
    {
        let message = format!(
            "`proxy` and `scaler` share {shared} but have different `tls` or `acme_folder`"
        );
        file.problem(message, Some("give both sections the same, or other addresses"));
    }
    if let (Some(Some(proxy)), Some(Some(scaler))) = (&proxy, &scaler)
        && proxy.api.is_some()
        && let Some(shared) = proxy.listen.iter().find(|address| scaler.listen.contains(address))
    {
        let message = format!("`proxy` passes the API on {shared}, where `scaler` answers it");
        file.problem(message, Some("leave `api` out of `[proxy]`"));
    }
    let recordings = file.section(&schema::RECORDINGS);
    if let Some(table) = recordings.as_ref().filter(|_| scaler.is_none()) {
        let hint = "add `[scaler]`, or leave `[recordings]` out";
        table.problem("recordings are listed by the scaler, which is not here", Some(hint));
    }
    let recordings = recordings.map(|table| recordings::read(&table));
    let admin = file.section(&schema::ADMIN).map(|table| {
        let others = proxy.iter().flatten().flat_map(|proxy: &Proxy| &proxy.listen);
        let redirects = proxy.iter().flatten().flat_map(|proxy| &proxy.front.redirect_listen);
        let api = scaler.iter().flatten().flat_map(|scaler: &Scaler| &scaler.listen);
        read_admin(&table, &others.chain(redirects).chain(api).copied().collect::<Vec<_>>())
    });
    let doctor = file.section(&schema::DOCTOR).map(|table| read_doctor(&table));
    let balancer = file.section(&schema::BALANCER).map(|table| balancer::read(&table));
    if scaler.iter().flatten().any(|scaler| scaler.gate == Gate::Doctor) && doctor.is_none() {
        let message = "`gate` of `scaler` waits for a doctor that does not look by itself";
        file.problem(message.to_owned(), Some("add a `[doctor]` section"));
    }
    Some(Config {
        cluster: cluster?,
        nodes: nodes.into_iter().map(|(_, entry)| entry).collect::<Option<_>>()?,
        tenants: tenants.into_iter().collect::<Option<_>>()?,
        proxy: flip(proxy)?,
        scaler: flip(scaler)?,
        recordings: flip(recordings)?.unwrap_or_default(),
        admin: flip(admin)?,
        doctor: flip(doctor)?,
        balancer: flip(balancer)?,
    })
}

/// A section that is absent is fine, one that could not be read is not.
fn flip<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(None) => None,
        Some(Some(section)) => Some(Some(section)),
    }
}

fn read_cluster(table: &Table<'_>) -> Option<Cluster> {
    let origin = table.required("origin", |table, key| table.parsed(key));
    let node_ca = table.path("node_ca");
    Some(Cluster { origin: origin?, node_ca })
}

fn read_nodes<'a>(
    file: &Table<'a>,
    cluster: Option<&Origin>,
) -> Vec<(Table<'a>, Option<NodeEntry>)> {
    let mut names = BTreeMap::new();
    let mut origins = BTreeMap::new();
    let mut nodes = Vec::new();
    for (index, table) in file.sections(&schema::NODE).into_iter().enumerate() {
        let entry = read_node(&table);
        if let Some(NodeEntry { node, .. }) = &entry {
            if let Some(first) = names.insert(node.name.clone(), index + 1) {
                table.problem_at(
                    "name",
                    format_args!("`{}` is already the name of node[{first}]", node.name),
                    None,
                );
            }
            if let Some(first) = origins.insert(node.origin.clone(), index + 1) {
                table.problem_at(
                    "origin",
                    format_args!("`{}` is already the origin of node[{first}]", node.origin),
                    None,
                );
            }
            if Some(&node.origin) == cluster {
                let hint =
                    "a node needs an origin of its own: API, sockets and media go there directly";
                table.problem_at("origin", "this is the cluster's origin", Some(hint));
            }
        }
        nodes.push((table, entry));
    }
    nodes
}

fn read_node(table: &Table<'_>) -> Option<NodeEntry> {
    let name = table.required("name", |table, key| table.parsed(key));
    let origin = table.required("origin", |table, key| table.parsed(key));
    let address = table.parsed("address");
    let bbb = table.parsed("bbb");
    let proxied = table.boolean("proxied", true);
    let secret_file = table.path("secret_file");
    let weight = table.weight("weight", 1.0);
    if weight == 0.0 {
        table.problem_at("weight", "a node needs a weight", Some("cordon it instead"));
    }
    let limit = |key| table.has(key).then(|| table.count(key, 1));
    let limit = |key| limit(key).map(|most| u32::try_from(most).unwrap_or(u32::MAX));
    let max_meetings = limit("max_meetings");
    let max_users = limit("max_users");
    let max_meeting_users = limit("max_meeting_users");
    let expected = "tags of letters, digits and `-._=`, at most 64 characters, and not `none`";
    let tags: Vec<Tag> = table.one_or_many("tags", expected);
    Some(NodeEntry {
        node: Node { name: name?, origin: origin?, address, bbb, proxied },
        secret_file,
        weight,
        tags,
        max_meetings,
        max_users,
        max_meeting_users,
    })
}

fn read_proxy(table: &Table<'_>, origin: Option<&Origin>) -> Option<Proxy> {
    let listen = table.required("listen", read_listen);
    let tls = read_tls(table);
    let access_log = table.path("access_log");
    let access_log_format = table.parsed("access_log_format").unwrap_or_default();
    let access_log_ip = table.parsed("access_log_ip").unwrap_or_default();
    let connect_timeout = read_duration(table, "connect_timeout", 3);
    let response_timeout = read_duration(table, "response_timeout", 15);
    let idle_timeout = read_duration(table, "idle_timeout", 60);
    let health_interval = Duration::from_secs(10);
    let health_interval =
        table.with_unit("health_interval", health_interval, units::duration, "`10s` or `0s`");
    let health_timeout = read_duration(table, "health_timeout", 5);
    let drain = read_duration(table, "drain", 30);
    let node_requests = table.count("node_requests", 256);
    let connections = table.count("connections", 20_000);
    let share_builds = table.boolean("share_builds", true);
    let allow_nodes = AllowedHosts::new(table.one_or_many(
        "allow_nodes",
        "a host name, `*.` and a domain, or a network such as `10.0.0.0/8`",
    ));
    let api: Option<Origin> = table.parsed("api");
    if api.is_some() && api.as_ref() == origin {
        table.problem_at("api", "this is the cluster's origin: it would pass to itself", None);
    }
    let cache = read_cache(table);
    let acme_folder = read_acme_folder(table);
    let front = front::read(table, listen.as_deref().unwrap_or_default(), origin);
    Some(Proxy {
        listen: listen?,
        tls: tls?,
        access_log,
        access_log_format,
        access_log_ip,
        connect_timeout,
        response_timeout,
        idle_timeout,
        health_interval,
        health_timeout,
        drain,
        node_requests,
        connections,
        allow_nodes,
        api,
        share_builds,
        cache,
        acme_folder,
        front,
    })
}

fn read_cache(proxy: &Table<'_>) -> Cache {
    let default = Cache {
        enabled: true,
        memory: 256 << 20,
        max_object: 32 << 20,
        folder: None,
        disk: 2 << 30,
        warm: true,
    };
    let Some(table) = proxy.section(&schema::PROXY_CACHE) else { return default };
    Cache {
        enabled: table.boolean("enabled", default.enabled),
        memory: table.with_unit("memory", default.memory, units::bytes, "`256MiB`"),
        max_object: table.with_unit("max_object", default.max_object, units::bytes, "`32MiB`"),
        folder: table.path("folder"),
        disk: table.with_unit("disk", default.disk, units::bytes, "`2GiB`"),
        warm: table.boolean("warm", default.warm),
    }
}

/// The shortest silence that gives up a node, in polls.
const LEAST_SILENCE: u32 = 5;

fn read_scaler(table: &Table<'_>) -> Option<Scaler> {
    let origin = table.required("origin", |table, key| table.parsed(key));
    let listen = table.required("listen", read_listen);
    let tls = read_tls(table);
    let acme_folder = read_acme_folder(table);
    let store = table.text("store").unwrap_or("sqlite:///var/lib/bluegate/bluegate.db");
    if !["sqlite://", "postgres://", "postgresql://"].iter().any(|form| store.starts_with(form)) {
        let hint =
            "write `sqlite:///var/lib/bluegate/bluegate.db` or `postgres://USER@HOST/DATABASE`";
        table.problem_at("store", "this is the address of no store", Some(hint));
    }
    let key_file = table.path("key_file").unwrap_or_else(|| default_key_file(store));
    let callbacks = table.boolean("callbacks", true);
    let callback_targets = AllowedHosts::new(table.one_or_many(
        "callback_targets",
        "a host name, `*.` and a domain, or a network such as `10.0.0.0/8`",
    ));
    let callback_ca = table.path("callback_ca");
    let connect_timeout = read_duration(table, "connect_timeout", 3);
    let call_timeout = read_duration(table, "call_timeout", 10);
    let poll_interval = read_duration(table, "poll_interval", 2);
    let lost_after = read_duration(table, "lost_after", 90);
    if lost_after < poll_interval * LEAST_SILENCE {
        let hint = format!("write at least `{}`", print_duration(poll_interval * LEAST_SILENCE));
        let message = "a node would be given up after a few polls that failed";
        table.problem_at("lost_after", message, Some(&hint));
    }
    let gate = table.parsed("gate").unwrap_or_default();
    let body_limit = table.with_unit("body_limit", 32 << 20, units::bytes, "`32MiB`");
    let placement = table.section(&schema::SCALER_PLACEMENT).as_ref().map(Placement::read);
    Some(Scaler {
        origin: origin?,
        listen: listen?,
        tls: tls?,
        acme_folder,
        store: store.to_owned(),
        key_file,
        callbacks,
        callback_targets,
        callback_ca,
        connect_timeout,
        call_timeout,
        poll_interval,
        lost_after,
        gate,
        body_limit,
        placement: placement.unwrap_or_default(),
    })
}

/// Beside the store's file; where there is none, in the folder that packages make.
fn default_key_file(store: &str) -> PathBuf {
    let file = store.strip_prefix("sqlite://").filter(|path| !path.is_empty());
    file.map_or_else(|| "/var/lib/bluegate/key".into(), |path| format!("{path}.key").into())
}

/// A look takes seconds and makes meetings: not more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(60);

fn read_doctor(table: &Table<'_>) -> Option<Doctor> {
    let interval = read_duration(table, "interval", 3_600);
    if interval < SHORTEST_INTERVAL {
        table.problem_at("interval", "the doctor looks at most once a minute", Some("write `1m`"));
        return None;
    }
    Some(Doctor { interval })
}

/// `taken` are the addresses of the other sections: the admin listener shares
/// an origin with nothing that a browser's user opens.
fn read_admin(table: &Table<'_>, taken: &[SocketAddr]) -> Option<Admin> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 8091));
    let listen =
        if table.has("listen") { read_listen(table, "listen") } else { Some(vec![loopback]) };
    let tls = read_tls(table);
    let token_file = table.required("token_file", Table::path);
    let public = listen.iter().flatten().find(|address| !address.ip().is_loopback());
    if let (Some(public), Some(Tls::Off)) = (public, &tls) {
        table.problem_at(
            "listen",
            format_args!("`{public}` is not loopback, so `tls` is required"),
            Some("listen on 127.0.0.1, or give `tls`"),
        );
    }
    if let Some(shared) = listen.iter().flatten().find(|address| taken.contains(address)) {
        let hint = "give `[admin]` an address of its own";
        table.problem_at("listen", format_args!("{shared} is another section's too"), Some(hint));
    }
    if let Some(Tls::Acme(_)) = &tls {
        let hint = "give `cert` and `key`; a certificate of your own authority will do";
        table.problem_at(
            "tls",
            "the admin listener has no name to fetch a certificate for",
            Some(hint),
        );
    }
    let routes_file = table.path("routes_file");
    let routes_file = routes_file.unwrap_or_else(|| "/var/lib/bluegate/routes.json".into());
    let scalelite_secret_file = table.path("scalelite_secret_file");
    let (listen, tls, token_file) = (listen?, tls?, token_file?);
    Some(Admin { listen, tls, token_file, routes_file, scalelite_secret_file })
}

pub(crate) fn read_listen(table: &Table<'_>, key: &str) -> Option<Vec<SocketAddr>> {
    let addresses =
        table.one_or_many(key, "an IP address and port such as `0.0.0.0:443` or `[::]:443`");
    (!addresses.is_empty()).then_some(addresses)
}

fn read_acme_folder(table: &Table<'_>) -> PathBuf {
    table.path("acme_folder").unwrap_or_else(|| PathBuf::from("/var/lib/bluegate/acme"))
}

pub(crate) fn read_duration(table: &Table<'_>, key: &str, default_seconds: u64) -> Duration {
    let default = Duration::from_secs(default_seconds);
    let value = table.with_unit(key, default, units::duration, "`500ms`, `30s` or `5m`");
    if value.is_zero() {
        table.problem_at(key, "must be longer than nothing", None);
    }
    value
}

fn read_tls(table: &Table<'_>) -> Option<Tls> {
    if !table.has("tls") {
        return Some(Tls::Off);
    }
    let tls = table.table("tls", schema::TLS_KEYS)?;
    match (tls.has("acme"), tls.has("cert"), tls.has("key")) {
        (true, false, false) => {
            let acme = tls.table("acme", schema::ACME_KEYS)?;
            let contact = acme.required("contact", Table::text)?;
            if !contact.contains('@') {
                acme.problem_at("contact", "expected a mail address", None);
            }
            let directory = acme.text("directory").map(str::to_owned);
            if directory.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                acme.problem_at("directory", "expected an https URL", None);
            }
            let directory_ca = acme.path("directory_ca");
            Some(Tls::Acme(Acme { contact: contact.to_owned(), directory, directory_ca }))
        }
        (false, true, true) => Some(Tls::Files { cert: tls.path("cert")?, key: tls.path("key")? }),
        _ => {
            tls.problem("give `cert` and `key`, or `acme`", None);
            None
        }
    }
}

impl Config {
    /// What an operator should know that is not an error.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.nodes.is_empty() {
            warnings.push("no `[[node]]`: there is nothing to relay to".to_owned());
        }
        if self.proxy.is_none() && self.scaler.is_none() {
            warnings.push(
                "neither `[proxy]` nor `[scaler]`: `bluegate serve` has nothing to run".to_owned(),
            );
        }
        if let Some(proxy) = &self.proxy
            && self.cluster.origin.scheme() == Scheme::Https
            && proxy.tls == Tls::Off
        {
            warnings.push(
                "`proxy` has no `tls` though the cluster's origin is https: something in front must end TLS"
                    .to_owned(),
            );
        }
        if let Some(proxy) = &self.proxy
            && proxy.front.hsts.is_some()
            && proxy.tls == Tls::Off
        {
            warnings.push("`hsts` is said over TLS only, which `proxy` has not".to_owned());
        }
        for entry in &self.nodes {
            let node = &entry.node;
            if node.proxied
                && node.origin.scheme() == Scheme::Http
                && self.cluster.origin.scheme() == Scheme::Https
            {
                warnings.push(format!(
                    "node `{}` is http behind an https origin: browsers block its API and sockets as mixed content",
                    node.name
                ));
            }
        }
        warnings
    }

    fn for_each_path(&mut self, mut change: impl FnMut(&mut PathBuf)) {
        self.cluster.node_ca.iter_mut().for_each(&mut change);
        self.nodes.iter_mut().filter_map(|node| node.secret_file.as_mut()).for_each(&mut change);
        self.tenants.iter_mut().for_each(|tenant| change(&mut tenant.secret_file));
        let tls = [
            self.proxy.as_mut().map(|proxy| &mut proxy.tls),
            self.scaler.as_mut().map(|scaler| &mut scaler.tls),
            self.admin.as_mut().map(|admin| &mut admin.tls),
        ];
        for tls in tls.into_iter().flatten() {
            match tls {
                Tls::Off => {}
                Tls::Files { cert, key } => {
                    change(cert);
                    change(key);
                }
                Tls::Acme(acme) => acme.directory_ca.iter_mut().for_each(&mut change),
            }
        }
        self.proxy.iter_mut().for_each(|proxy| change(&mut proxy.acme_folder));
        self.scaler.iter_mut().for_each(|scaler| {
            change(&mut scaler.acme_folder);
            change(&mut scaler.key_file);
            scaler.callback_ca.iter_mut().for_each(&mut change);
        });
        if let Some(log) = self.proxy.as_mut().and_then(|proxy| proxy.access_log.as_mut()) {
            change(log);
        }
        if let Some(folder) = self.proxy.as_mut().and_then(|proxy| proxy.cache.folder.as_mut()) {
            change(folder);
        }
        if let Some(admin) = &mut self.admin {
            change(&mut admin.token_file);
            change(&mut admin.routes_file);
            admin.scalelite_secret_file.iter_mut().for_each(&mut change);
        }
        if let Some(delegate) = &mut self.recordings.delegate {
            change(&mut delegate.secret_file);
        }
        if let Some(scalelite) = self.balancer.as_mut().and_then(|all| all.scalelite.as_mut()) {
            change(&mut scalelite.secret_file);
        }
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
