//! The effective configuration, defaults included, as TOML.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, path::Path};

use bluegate_tenant::{
    Form, LimitForm, LimitsForm, ListForm, OperatorsForm, PresentationForm, ScalarForm,
};

use crate::{
    settings::{Acme, Config, Tls},
    units::{print_bytes, print_duration},
};

/// Prints `config` with every default filled in; secrets appear as the paths
/// of their files only. What it prints parses to the same configuration.
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut out = Printer::default();
    out.section("[cluster]");
    out.text("origin", &config.cluster.origin.to_string());
    out.path("node_ca", config.cluster.node_ca.as_deref());
    for entry in &config.nodes {
        out.section("[[node]]");
        out.text("name", entry.node.name.as_str());
        out.text("origin", &entry.node.origin.to_string());
        if let Some(address) = &entry.node.address {
            out.text("address", &address.to_string());
        }
        out.path("secret_file", entry.secret_file.as_deref());
        if let Some(bbb) = &entry.node.bbb {
            out.text("bbb", &bbb.to_string());
        }
        out.raw("proxied", &entry.node.proxied.to_string());
        out.raw("weight", &entry.weight.to_string());
        out.list("tags", &entry.tags);
        for (key, limit) in [
            ("max_meetings", entry.max_meetings),
            ("max_users", entry.max_users),
            ("max_meeting_users", entry.max_meeting_users),
        ] {
            if let Some(limit) = limit {
                out.raw(key, &limit.to_string());
            }
        }
    }
    for tenant in &config.tenants {
        out.section("[[tenant]]");
        out.text("name", tenant.name.as_str());
        out.path("secret_file", Some(&tenant.secret_file));
        out.tenant(&Form::from(&tenant.settings));
    }
    if let Some(proxy) = &config.proxy {
        out.section("[proxy]");
        out.listen(&proxy.listen);
        out.tls(&proxy.tls);
        out.path("access_log", proxy.access_log.as_deref());
        out.text("access_log_format", &proxy.access_log_format.to_string());
        out.text("access_log_ip", &proxy.access_log_ip.to_string());
        out.text("connect_timeout", &print_duration(proxy.connect_timeout));
        out.text("response_timeout", &print_duration(proxy.response_timeout));
        out.text("idle_timeout", &print_duration(proxy.idle_timeout));
        out.text("health_interval", &print_duration(proxy.health_interval));
        out.text("health_timeout", &print_duration(proxy.health_timeout));
        out.text("drain", &print_duration(proxy.drain));
        out.raw("node_requests", &proxy.node_requests.to_string());
        out.raw("connections", &proxy.connections.to_string());
        out.raw("client_connections", &proxy.front.client_connections.to_string());
        out.raw("client_rate", &proxy.front.client_rate.to_string());
        out.raw("client_burst", &proxy.front.client_burst.to_string());
        let front = &proxy.front;
        for (class, bucket) in [
            ("handshake", front.client_handshakes),
            ("upstream", front.client_upstream),
            ("request", front.client_requests),
        ] {
            out.raw(&format!("client_{class}_rate"), &bucket.rate.to_string());
            out.raw(&format!("client_{class}_burst"), &bucket.burst.to_string());
        }
        out.path("acme_folder", Some(&proxy.acme_folder));
        out.list("redirect_listen", &proxy.front.redirect_listen);
        if let Some(hsts) = proxy.front.hsts {
            out.text("hsts", &print_duration(hsts));
        }
        out.list("trusted_proxies", &proxy.front.trusted_proxies);
        out.raw("proxy_protocol", &proxy.front.proxy_protocol.to_string());
        out.list("allow_nodes", proxy.allow_nodes.hosts());
        if let Some(api) = &proxy.api {
            out.text("api", &api.to_string());
        }
        out.raw("share_builds", &proxy.share_builds.to_string());
        out.section("[proxy.cache]");
        out.raw("enabled", &proxy.cache.enabled.to_string());
        out.text("memory", &print_bytes(proxy.cache.memory));
        out.text("max_object", &print_bytes(proxy.cache.max_object));
        out.path("folder", proxy.cache.folder.as_deref());
        out.text("disk", &print_bytes(proxy.cache.disk));
        out.raw("warm", &proxy.cache.warm.to_string());
    }
    if let Some(scaler) = &config.scaler {
        out.section("[scaler]");
        out.text("origin", &scaler.origin.to_string());
        out.listen(&scaler.listen);
        out.tls(&scaler.tls);
        out.path("acme_folder", Some(&scaler.acme_folder));
        out.text("store", &without_password(&scaler.store));
        out.path("key_file", Some(&scaler.key_file));
        out.raw("callbacks", &scaler.callbacks.to_string());
        out.list("callback_targets", scaler.callback_targets.hosts());
        out.path("callback_ca", scaler.callback_ca.as_deref());
        out.text("connect_timeout", &print_duration(scaler.connect_timeout));
        out.text("call_timeout", &print_duration(scaler.call_timeout));
        out.text("poll_interval", &print_duration(scaler.poll_interval));
        out.text("lost_after", &print_duration(scaler.lost_after));
        out.text("gate", &scaler.gate.to_string());
        out.text("body_limit", &print_bytes(scaler.body_limit));
        let placement = &scaler.placement;
        out.section("[scaler.placement]");
        out.raw("user_weight", &placement.user_weight.to_string());
        out.raw("audio_weight", &placement.audio_weight.to_string());
        out.raw("video_weight", &placement.video_weight.to_string());
        out.raw("meeting_weight", &placement.meeting_weight.to_string());
        out.raw("reserved_users", &placement.reserved_users.to_string());
        out.text("reservation_lifetime", &print_duration(placement.reservation_lifetime));
        out.text("slow_start", &print_duration(placement.slow_start));
        out.section("[recordings]");
        out.text("interval", &print_duration(config.recordings.interval));
        if let Some(delegate) = &config.recordings.delegate {
            out.text("delegate", &delegate.origin.to_string());
            out.path("delegate_secret_file", Some(&delegate.secret_file));
        }
    }
    if let Some(admin) = &config.admin {
        out.section("[admin]");
        out.listen(&admin.listen);
        out.tls(&admin.tls);
        out.path("token_file", Some(&admin.token_file));
        out.path("routes_file", Some(&admin.routes_file));
        out.path("scalelite_secret_file", admin.scalelite_secret_file.as_deref());
    }
    if let Some(doctor) = &config.doctor {
        out.section("[doctor]");
        out.text("interval", &print_duration(doctor.interval));
    }
    if let Some(balancer) = &config.balancer {
        out.section("[balancer]");
        if let Some(scalelite) = &balancer.scalelite {
            out.raw(
                "scalelite",
                &format!(
                    "{{ url = {}, secret_file = {} }}",
                    quoted(&scalelite.origin.to_string()),
                    quoted(&scalelite.secret_file.to_string_lossy())
                ),
            );
        }
        if let Some(commands) = &balancer.commands {
            out.text("cordon_command", &commands.cordon);
            out.text("uncordon_command", &commands.uncordon);
        }
        out.text("drain_timeout", &print_duration(balancer.drain_timeout));
    }
    out.0
}

/// The settings of a tenant as the keys of `[[tenant]]`, in TOML.
#[must_use]
pub fn tenant_toml(form: &Form) -> String {
    let mut out = Printer::default();
    out.tenant(form);
    out.0
}

#[derive(Default)]
struct Printer(String);

impl Printer {
    fn section(&mut self, heading: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(heading);
        self.0.push('\n');
    }

    fn raw(&mut self, key: &str, value: &str) {
        writeln!(self.0, "{key} = {value}").expect("writing to a String cannot fail");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &quoted(value));
    }

    fn path(&mut self, key: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.text(key, &path.to_string_lossy());
        }
    }

    fn listen(&mut self, addresses: &[SocketAddr]) {
        self.list("listen", addresses);
    }

    /// A list of texts; nothing when it is empty.
    fn list(&mut self, key: &str, items: &[impl ToString]) {
        let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
        if !items.is_empty() {
            self.raw(key, &format!("[{}]", items.join(", ")));
        }
    }

    fn tenant(&mut self, form: &Form) {
        self.raw("enabled", &form.enabled.to_string());
        self.list("hosts", &form.hosts);
        self.table("limits", &limits(&form.limits));
        self.table("create", &rules(&form.create));
        self.table("join", &rules(&form.join));
        match &form.presentation {
            None => {}
            Some(PresentationForm::Url(url)) => self.text("presentation", url),
            Some(PresentationForm::Named(named)) => {
                let parts = [pair("url", &quoted(&named.url)), pair("name", &quoted(&named.name))];
                self.table("presentation", &parts);
            }
        }
        for (key, text) in [("logo", &form.logo), ("welcome", &form.welcome)] {
            if let Some(text) = text {
                self.text(key, text);
            }
        }
        let tags = [
            ("required", &form.tags.required),
            ("preferred", &form.tags.preferred),
            ("avoided", &form.tags.avoided),
        ];
        let tags = tags.into_iter().filter(|(_, tags)| !tags.is_empty());
        self.table("tags", &tags.map(|(key, tags)| pair(key, &list(tags))).collect::<Vec<_>>());
    }

    /// A table in one line; nothing when it is empty.
    fn table(&mut self, key: &str, pairs: &[String]) {
        if !pairs.is_empty() {
            self.raw(key, &inline(pairs));
        }
    }

    fn tls(&mut self, tls: &Tls) {
        match tls {
            Tls::Off => {}
            Tls::Files { cert, key } => self.raw(
                "tls",
                &format!(
                    "{{ cert = {}, key = {} }}",
                    quoted(&cert.to_string_lossy()),
                    quoted(&key.to_string_lossy())
                ),
            ),
            Tls::Acme(Acme { contact, directory, directory_ca }) => {
                let mut keys = format!("contact = {}", quoted(contact));
                if let Some(directory) = directory {
                    keys.push_str(&format!(", directory = {}", quoted(directory)));
                }
                if let Some(ca) = directory_ca {
                    keys.push_str(&format!(", directory_ca = {}", quoted(&ca.to_string_lossy())));
                }
                self.raw("tls", &format!("{{ acme = {{ {keys} }} }}"));
            }
        }
    }
}

fn limits(form: &LimitsForm) -> Vec<String> {
    let limits = [
        ("meetings", form.meetings),
        ("users", form.users),
        ("requests", form.requests),
        ("recordings", form.recordings),
    ];
    let limits = limits.into_iter().filter_map(|(key, limit)| match limit? {
        LimitForm::Hard(hard) => Some(pair(key, &hard.to_string())),
        LimitForm::Both(both) => {
            let parts = [("soft", both.soft), ("hard", both.hard)];
            let parts = parts.into_iter().filter_map(|(key, n)| Some(pair(key, &n?.to_string())));
            Some(pair(key, &inline(&parts.collect::<Vec<_>>())))
        }
    });
    limits.collect()
}

/// Names of parameters are bare keys of TOML.
fn rules(form: &BTreeMap<String, OperatorsForm>) -> Vec<String> {
    let rule = |(name, operators): (&String, &OperatorsForm)| {
        let mut parts = Vec::new();
        for (key, value) in [("set", &operators.set), ("default", &operators.default)] {
            parts.extend(value.as_ref().map(|value| pair(key, &scalar(value))));
        }
        parts.extend(operators.at_most.map(|bound| pair("at_most", &bound.to_string())));
        parts.extend(operators.append.as_ref().map(|items| match items {
            ListForm::One(item) => pair("append", &quoted(item)),
            ListForm::Many(items) => pair("append", &list(items)),
        }));
        parts.extend(operators.remove.map(|remove| pair("remove", &remove.to_string())));
        pair(name, &inline(&parts))
    };
    form.iter().map(rule).collect()
}

fn scalar(value: &ScalarForm) -> String {
    match value {
        ScalarForm::Boolean(value) => value.to_string(),
        ScalarForm::Number(value) => value.to_string(),
        ScalarForm::Text(text) => quoted(text),
    }
}

fn pair(key: &str, value: &str) -> String {
    format!("{key} = {value}")
}

fn inline(pairs: &[String]) -> String {
    format!("{{ {} }}", pairs.join(", "))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a String cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A URL as it may be shown: what stands between `:` and `@` of its authority is
/// a password.
fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (user, host) = rest.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:[hidden]@{host}"))
    });
    let mut shown = parts.unwrap_or_else(|| url.to_owned());
    // libpq's form takes it as a parameter too.
    if let Some((before, after)) = shown.split_once("password=") {
        let rest = after.find('&').and_then(|end| after.get(end..)).unwrap_or_default();
        shown = format!("{before}password=[hidden]{rest}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_is_shown_is_what_was_read() {
        let config = crate::parse(&crate::default_file(), Path::new("/etc/bluegate")).unwrap();
        let shown = super::effective(&config);
        assert_eq!(crate::parse(&shown, Path::new("/elsewhere")).unwrap(), config, "{shown}");
    }
    #[test]
    fn all_of_a_tenant_is_shown() {
        let file = r#"[cluster]
origin = "https://bbb.example.org"
[[tenant]]
name = "physics"
secret_file = "/s"
enabled = false
hosts = "a.example.org"
limits = { meetings = 10, users = { soft = 5 }, requests = { soft = 1, hard = 2 }, recordings = 9 }
presentation = { url = "https://a.org/x", name = "x.pdf" }
logo = "https://a.org/l.png"
welcome = "a \"b\""
tags = { required = ["gpu"], avoided = "old" }
[tenant.create]
record = { set = false }
duration = { default = 60, at_most = 120 }
disabledFeatures = { append = "polls" }
[tenant.join]
avatarURL = { remove = true }
"#;
        let config = crate::parse(file, Path::new("/")).unwrap();
        let shown = super::effective(&config);
        insta::assert_snapshot!(shown);
        assert_eq!(crate::parse(&shown, Path::new("/")).unwrap(), config);
    }
}
