//! `bluegate export nginx|haproxy|caddy|apache|traefik`.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use anstream::print;
use anyhow::Context as _;
use bluegate_cluster::{Mount, Origin, Routes};
use bluegate_config::{Config, Tls};
use bluegate_export::{Certificate, Options, Software, render};
use tokio::net::lookup_host;

use crate::{
    Outcome,
    arguments::ExportOptions,
    config_command,
    exit::{Exit, UsageError},
    runtime,
};

/// Longest wait for what one node's name resolves to; all are looked up at once.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &ExportOptions) -> Outcome {
    let config = config_command::load(&arguments.config)?;
    let nodes = config.nodes.iter().map(|entry| entry.node.clone());
    let routes = Routes::new(config.cluster.origin.clone(), nodes)?;
    let mut options = options(arguments.software, &config);
    if arguments.software == Software::Nginx {
        options.addresses = addresses(&routes)?;
    }
    let text = render(arguments.software, &routes, &options)
        .map_err(|error| UsageError(error.to_string()))?;
    match &arguments.output {
        None => print!("{text}"),
        Some(path) => std::fs::write(path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?,
    }
    Ok(Exit::Done)
}

/// What fits a Debian machine, as far as the file does not say otherwise.
fn options(software: Software, config: &Config) -> Options {
    let origin: &Origin = &config.cluster.origin;
    let mut options = Options::debian(software, origin);
    options.node_ca = config.cluster.node_ca.clone();
    let Some(proxy) = &config.proxy else { return options };
    options.listen.clone_from(&proxy.listen);
    match &proxy.tls {
        Tls::Off => options.certificate = None,
        Tls::Files { cert, key } => {
            options.certificate = Some(Certificate { chain: cert.clone(), key: key.clone() });
        }
        Tls::Acme { .. } => {
            let files = options.certificate.get_or_insert_with(|| Certificate {
                chain: "/etc/ssl/bluegate/chain.pem".into(),
                key: "/etc/ssl/bluegate/key.pem".into(),
            });
            tracing::warn!(
                "what is exported fetches no certificates; put them at `{}` and `{}`",
                files.chain.display(),
                files.key.display()
            );
        }
    }
    options
}

/// What the names of nodes resolve to now. A name that does not is warned of:
/// its node will answer 502 until the file is exported again.
fn addresses(routes: &Routes) -> Result<BTreeMap<Mount, Vec<IpAddr>>, anyhow::Error> {
    runtime::run(async {
        let mut lookups = Vec::new();
        for node in routes.nodes() {
            let (host, port) = node.connect_to();
            let place = (host.to_owned(), port);
            let lookup = tokio::time::timeout(LOOKUP_TIMEOUT, lookup_host(place));
            lookups.push((&node.name, host, tokio::spawn(lookup)));
        }
        let mut addresses = BTreeMap::new();
        for (name, host, lookup) in lookups {
            let found: Vec<IpAddr> = match lookup.await {
                Ok(Ok(Ok(found))) => found.map(|address| address.ip()).collect(),
                _ => Vec::new(),
            };
            if found.is_empty() {
                tracing::warn!("`{host}` has no address now; node `{name}` will answer 502");
            }
            addresses.insert(name.clone(), found);
        }
        Ok(addresses)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = r#"
        [cluster]
        origin = "https://bbb.example.org"
        [[node]]
        name = "bbb-01"
        origin = "https://bbb-01.example.org"
        address = "192.0.2.1:443"
        [proxy]
        listen = "127.0.0.1:8443"
        tls = { cert = "CERT", key = "/etc/ssl/key.pem" }
    "#;

    fn export(software: Software, certificate: &str) -> Result<String, anyhow::Error> {
        let folder = tempfile::tempdir().unwrap();
        let (config, output) = (folder.path().join("config"), folder.path().join("output"));
        std::fs::write(&config, CLUSTER.replace("CERT", certificate)).unwrap();
        run(&ExportOptions { software, config, output: Some(output.clone()) })?;
        Ok(std::fs::read_to_string(output).unwrap())
    }

    #[test]
    fn what_the_file_says_is_exported() {
        let text = export(Software::Nginx, "/etc/ssl/chain.pem").unwrap();
        for line in [
            "    server 192.0.2.1:443;\n",
            "    listen 127.0.0.1:8443 ssl http2;\n",
            "    ssl_certificate /etc/ssl/chain.pem;\n",
            "    ssl_certificate_key /etc/ssl/key.pem;\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn what_cannot_be_written_down_is_the_operators_to_mend() {
        for (software, certificate) in
            [(Software::Nginx, "/etc/my certificates/x.pem"), (Software::Apache, "/etc/x.pem")]
        {
            let error = export(software, certificate).unwrap_err();
            assert!(error.downcast_ref::<UsageError>().is_some(), "{error:#}");
        }
    }
}
