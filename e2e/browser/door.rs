//! Another front door to a demo's nodes than the demo's own: `bluegate serve`,
//! which can be restarted, or nginx, to compare with.
//!
//! Both stand at a port of their own; the browser is told to find the cluster's
//! origin there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bluegate_testkit::{
    Process, certificates::Authority, eventually, http::Request, process::find_program,
};
use tokio::net::TcpStream;

use crate::{
    cluster::{BLUEGATE, Cluster},
    command_line::free_port,
};

/// How long a door may take to open or close.
const WITHIN: Duration = Duration::from_secs(30);

/// A door that is open.
pub(super) struct Door {
    pub(super) port: u16,
    /// What signs its certificate.
    pub(super) authority: Authority,
    command: Vec<String>,
    process: Process,
    _folder: tempfile::TempDir,
}

impl Door {
    /// `bluegate serve`, with these lines in `[proxy]`.
    pub(super) async fn bluegate(cluster: &Cluster, lines: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port();
        let mut file = format!(
            "[cluster]\norigin = \"{}\"\nnode_ca = \"{}\"\n\
             [proxy]\nlisten = \"127.0.0.1:{port}\"\ntls = {{ cert = \"door.pem\", key = \"door.key\" }}\n\
             {lines}\n",
            cluster.ready.proxy_origin,
            cluster.ready.ca.as_deref().context("the demo's authority")?,
        );
        for node in &cluster.ready.nodes {
            file += &format!(
                "[[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nbbb = \"{}\"\n",
                node.name, node.origin, node.address, node.bbb
            );
        }
        let path = folder.path().join("bluegate.toml");
        std::fs::write(&path, file)?;
        let command = [BLUEGATE, "serve", "-c", &path.display().to_string()].map(str::to_owned);
        Self::open(folder, port, command.to_vec()).await
    }

    /// nginx, set up as the BBB documentation says: a location per node and its
    /// section on caching, with what makes nginx pass files compressed at all.
    pub(super) async fn nginx(cluster: &Cluster) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, at) = (free_port(), folder.path().display().to_string());
        let locations: String = cluster
            .ready
            .nodes
            .iter()
            .map(|node| {
                let (mount, address) = (&node.name, &node.address);
                let host = node.origin.split("://").nth(1).unwrap_or_default();
                let name = host.split(':').next().unwrap_or_default();
                let to = format!(
                    "proxy_ssl_server_name on; proxy_ssl_name {name}; proxy_set_header Host {host}; \
                     proxy_http_version 1.1;"
                );
                let cached = "proxy_set_header Accept-Encoding gzip; proxy_cache client; \
                     proxy_cache_key $uri; proxy_cache_min_uses 3; proxy_cache_valid 200 302 60m; \
                     proxy_cache_use_stale error timeout updating; proxy_cache_lock on; \
                     proxy_cache_revalidate on; proxy_cache_background_update on;";
                format!(
                    "location ~* ^/{mount}/html5client/.*\\.(js|css|woff2?|png|svg)$ {{ \
                       proxy_pass https://{address}; {to} {cached} }}\n\
                     location /{mount}/html5client/ {{ proxy_pass https://{address}; {to} }}\n\
                     location /{mount}/bigbluebutton/api {{ \
                       proxy_pass https://{address}/bigbluebutton/api; {to} }}\n"
                )
            })
            .collect();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let text = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ }}\nhttp {{\naccess_log off;\n{temporary}\
             proxy_cache_path {at}/cache keys_zone=client:10m use_temp_path=off;\n\
             server {{ listen 127.0.0.1:{port} ssl http2;\n\
             ssl_certificate {at}/door.pem; ssl_certificate_key {at}/door.key;\n\
             {locations} }} }}\n"
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, text)?;
        let nginx = find_program("BLUEGATE_TEST_NGINX", &["nginx", "/usr/sbin/nginx"])?;
        let command = [&nginx.display().to_string(), "-p", &at, "-c", &path.display().to_string()]
            .map(str::to_owned);
        Self::open(folder, port, command.to_vec()).await
    }

    async fn open(folder: tempfile::TempDir, port: u16, command: Vec<String>) -> Result<Self> {
        let authority = Authority::new()?;
        let issued = authority.issue(&["*.cluster.localhost", "cluster.localhost"])?;
        std::fs::write(folder.path().join("door.pem"), issued.certificate)?;
        std::fs::write(folder.path().join("door.key"), issued.key)?;
        let process = start(&command, port).await?;
        Ok(Self { port, authority, command, process, _folder: folder })
    }

    /// Ends it and starts it again, at the same port.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.process.interrupt(WITHIN).await?;
        self.process = start(&self.command, self.port).await?;
        Ok(())
    }

    /// The browser's argument that leads the cluster's origin here.
    pub(super) fn rule(&self, cluster: &Cluster) -> String {
        let authority = cluster.proxy_authority();
        format!("--host-resolver-rules=MAP {authority} 127.0.0.1:{}", self.port)
    }

    /// Waits until a file comes as small as it ever will.
    pub(super) async fn packs(
        &self,
        cluster: &Cluster,
        path: &str,
        within: Duration,
    ) -> Result<()> {
        let request = || {
            Request::get(path)
                .header("Host", cluster.proxy_authority())
                .header("Accept-Encoding", "gzip, br, zstd")
                .trusting(&self.authority.certificate())
        };
        let address = format!("127.0.0.1:{}", self.port);
        eventually("the file packed well", within, || async {
            let answer = request().send(&address).await.ok()?;
            let coding = answer.header("content-encoding")?;
            ["br", "zstd"].contains(&coding).then_some(())
        })
        .await
    }
}

async fn start(command: &[String], port: u16) -> Result<Process> {
    let (program, arguments) = command.split_first().context("a program")?;
    let mut process = Process::start(Path::new(program), arguments)?;
    let listens = eventually("the door is open", WITHIN, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    });
    if let Err(error) = listens.await {
        let ended = process.exited()?;
        return Err(error.context(format!("{ended:?}: {}", process.stderr())));
    }
    Ok(process)
}
