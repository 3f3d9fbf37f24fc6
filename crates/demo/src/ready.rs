//! What the demo says of itself to programs: the ready file.

use std::{io, path::Path};

use serde::Serialize;

/// Where everything is, once everything accepts connections.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The cluster's one origin.
    pub proxy_origin: String,
    /// The scaler's API on a literal address: `http://127.0.0.1:PORT/bigbluebutton/api`.
    pub api_base: String,
    /// The default tenant's secret.
    pub secret: String,
    /// The admin API, for the commands that are its clients: `http://127.0.0.1:PORT`.
    pub admin: String,
    /// The frontend's page.
    pub frontend: String,
    /// The simulated nodes.
    pub nodes: Vec<ReadyNode>,
    /// The proxy's access log, JSON lines.
    pub access_log: String,
    /// The CA certificate to trust, with `--tls`.
    pub ca: Option<String>,
    /// The configuration file with which `bluegate doctor` and `bluegate node` know the demo.
    pub configuration: String,
}

/// One simulated node of a [`Ready`] demo.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyNode {
    /// Its name and mount.
    pub name: String,
    /// Its own origin.
    pub origin: String,
    /// Where it listens.
    pub address: String,
    /// Its API secret.
    pub secret: String,
    /// The BBB release it simulates.
    pub bbb: String,
    /// The version of the real nginx in front of it, with `--nginx`.
    pub nginx: Option<String>,
}

impl Ready {
    /// Writes the file whole: who waits for it to appear never reads half of it.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.persist(path)?;
        Ok(())
    }
}
