//! A fresh node's files, at their real paths, as the installer leaves them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    effective::WEBHOOKS_FILE,
    ports::Ports,
    release::{Release, ReleaseError},
    stock::{stock_files, stock_links},
    web_origin::{WebOrigin, WebOriginError},
};

/// What the installer was told about the node.
#[derive(Debug, Clone)]
pub struct Stock {
    /// The node's own origin, e.g. `https://bbb-01.example.org`.
    pub origin: String,
    /// The API secret.
    pub secret: String,
    /// The BBB release, of the lines 2.4 to 2.7, 3.0 and 4.0, e.g. `3.0.28`.
    pub release: String,
}

/// Why a stock node could not be written.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The origin is not one.
    #[error("cannot install a node with this origin")]
    Origin(#[from] WebOriginError),
    /// The release is not one this crate can play.
    #[error("cannot install this release")]
    Release(#[from] ReleaseError),
    /// A folder could not be made.
    #[error("cannot create folder `{}`", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A link could not be made.
    #[error("cannot make the link `{}`", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// The client's package defaults with the parts that depend on the node still
/// open, as they lie in the client's own web folder.
pub(crate) const CLIENT_SETTINGS: &str = include_str!("../stock/3.x/settings.yml");

/// Writes the files of a stock node under `root`, replacing what is there.
///
/// # Errors
///
/// When the origin or release makes no sense or a file cannot be written.
pub fn install(root: &Path, stock: &Stock) -> Result<(), InstallError> {
    install_with_ports(root, stock, &Ports::default())
}

/// The same for a node whose services listen elsewhere, so that several nodes
/// with an nginx each fit on one machine: the package files name these ports.
///
/// # Errors
///
/// As [`install()`].
pub fn install_with_ports(root: &Path, stock: &Stock, ports: &Ports) -> Result<(), InstallError> {
    let origin = WebOrigin::parse(&stock.origin)?;
    let release = Release::parse(&stock.release)?;
    let filling = Filling { origin: &origin, secret: &stock.secret, release: &release, ports };
    for (path, text) in stock_files(&release) {
        write(&root.join(path), &filling.fill(text))?;
    }
    for (link, target) in stock_links(&release) {
        make_link(&root.join(link), target)?;
    }
    Ok(())
}

/// Installs bbb-webhooks as well, which is a package of its own.
///
/// # Errors
///
/// When the origin makes no sense or its file cannot be written.
pub fn install_webhooks(root: &Path, stock: &Stock) -> Result<(), InstallError> {
    let origin = WebOrigin::parse(&stock.origin)?;
    let text = format!(
        "bbb:\n  serverDomain: \"{}\"\n  sharedSecret: \"{}\"\n  auth2_0: false\n",
        origin.host(),
        stock.secret
    );
    write(&root.join(WEBHOOKS_FILE.trim_start_matches('/')), &text)
}

fn write(path: &Path, text: &str) -> Result<(), InstallError> {
    create_folder_of(path)?;
    fs::write(path, text)
        .map_err(|source| InstallError::WriteFile { path: path.to_owned(), source })
}

fn make_link(link: &Path, target: &str) -> Result<(), InstallError> {
    create_folder_of(link)?;
    let failed = |source| InstallError::Link { path: link.to_owned(), source };
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(target, link).map_err(failed)
}

fn create_folder_of(path: &Path) -> Result<(), InstallError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder)
        .map_err(|source| InstallError::CreateFolder { path: folder.to_owned(), source })
}

/// What the installer fills in.
struct Filling<'a> {
    origin: &'a WebOrigin,
    secret: &'a str,
    release: &'a Release,
    ports: &'a Ports,
}

impl Filling<'_> {
    fn fill(&self, text: &str) -> String {
        let (listen, certificate) = self.listener();
        // First, since the origin may have a port that starts like one of these.
        self.ports
            .fill(text)
            .replace("HTML5_CLIENT_VERSION", &self.release.client_build())
            .replace("BBB_VERSION", &self.release.to_string())
            .replace("WS_URL", &format!("{}/bbb-webrtc-sfu", self.origin.websocket()))
            .replace("PADS_KEY", if self.release.calls_pads_notes() { "note" } else { "pads" })
            .replace(
                "/DASHBOARD'",
                if self.release.has_old_dashboard_path() {
                    "/learning-dashboard'"
                } else {
                    "/learning-analytics-dashboard'"
                },
            )
            .replace("PADS_URL", &format!("{}/pad", self.origin))
            .replace("listen LISTEN", &format!("listen {listen}"))
            .replace("SERVER_NAME", self.origin.host())
            .replace("CERTIFICATE\n", certificate)
            .replace("{origin}", &self.origin.to_string())
            .replace("{secret}", self.secret)
    }

    /// Arguments of nginx's `listen` and the lines about the certificate. A node
    /// with a port in its origin is one of a demo or test, on loopback.
    fn listener(&self) -> (String, &'static str) {
        let certificate = "    ssl_certificate /etc/nginx/ssl/fullchain.pem;\n    ssl_certificate_key /etc/nginx/ssl/privkey.pem;\n";
        let place = match self.origin.port() {
            Some(port) => format!("127.0.0.1:{port}"),
            None if self.origin.is_secure() => "443".to_owned(),
            None => "80".to_owned(),
        };
        if self.origin.is_secure() {
            (format!("{place} ssl http2"), certificate)
        } else {
            (place, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Stock, install_with_ports};
    use crate::ports::Ports;

    #[test]
    fn the_nodes_own_port_is_not_taken_for_a_services() {
        let root = tempfile::tempdir().unwrap();
        let stock = Stock {
            // It starts like the port of `bbb-html5`.
            origin: "http://bbb-01.cluster.localhost:41005".to_owned(),
            secret: "s".to_owned(),
            release: "2.7.17".to_owned(),
        };
        let ports = Ports { html5: 7, ..Ports::default() };
        install_with_ports(root.path(), &stock, &ports).unwrap();
        let read = |path| fs::read_to_string(root.path().join(path)).unwrap();
        let site = read("etc/nginx/sites-enabled/bigbluebutton");
        assert!(site.contains("listen 127.0.0.1:41005;"), "{site}");
        let upstream = read("etc/nginx/conf.d/bbb-html5-loadbalancer.conf");
        assert!(upstream.contains("server 127.0.0.1:7;"), "{upstream}");
    }
}
