//! A fresh node's files, at their real paths, as the installer leaves them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    release::{Release, ReleaseError},
    web_origin::{WebOrigin, WebOriginError},
};

/// What the installer was told about the node.
#[derive(Debug, Clone)]
pub struct Stock {
    /// The node's own origin, e.g. `https://bbb-01.example.org`.
    pub origin: String,
    /// The API secret.
    pub secret: String,
    /// The BBB release, e.g. `3.0.28`.
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
pub(crate) const CLIENT_SETTINGS: &str = include_str!("../stock/settings.yml");

/// Writes the files of a stock node under `root`, replacing what is there.
///
/// # Errors
///
/// When the origin or release makes no sense or a file cannot be written.
pub fn install(root: &Path, stock: &Stock) -> Result<(), InstallError> {
    let origin = WebOrigin::parse(&stock.origin)?;
    let release = Release::parse(&stock.release)?;
    for (path, text) in files(&origin, &stock.secret, &release) {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| InstallError::CreateFolder { path: folder.to_owned(), source })?;
        }
        fs::write(&path, text).map_err(|source| InstallError::WriteFile { path, source })?;
    }
    Ok(())
}

fn files(origin: &WebOrigin, secret: &str, release: &Release) -> Vec<(&'static str, String)> {
    let settings = CLIENT_SETTINGS
        .replace("HTML5_CLIENT_VERSION", &release.client_build())
        .replace("WS_URL", &format!("{}/bbb-webrtc-sfu", origin.websocket()))
        .replace("PADS_URL", &format!("{origin}/pad"));
    let overrides = include_str!("../stock/bbb-web.properties")
        .replace("{origin}", &origin.to_string())
        .replace("{secret}", secret);
    let slides = if release.has_cors_origin_variable() {
        include_str!("../stock/presentation-slides.nginx")
    } else {
        include_str!("../stock/presentation-slides-open.nginx")
    };
    let notes_server = include_str!("../stock/bbb-shared-notes-server.nginx");
    let mut files = vec![
        ("etc/bigbluebutton/bigbluebutton-release", format!("BIGBLUEBUTTON_RELEASE={release}\n")),
        ("etc/bigbluebutton/bbb-web.properties", overrides),
        ("usr/share/bigbluebutton/html5-client/private/config/settings.yml", settings),
        ("usr/share/bigbluebutton/nginx/presentation-slides.nginx", slides.to_owned()),
    ];
    if release.has_cors_origin_variable() {
        let path = "usr/share/bigbluebutton/nginx/bbb-shared-notes-server.nginx";
        files.push((path, notes_server.to_owned()));
    }
    let unchanging = [
        (
            "usr/share/bbb-web/WEB-INF/classes/bigbluebutton.properties",
            include_str!("../stock/bigbluebutton.properties"),
        ),
        (
            "usr/share/bbb-web/WEB-INF/classes/application.properties",
            include_str!("../stock/application.properties"),
        ),
        ("usr/share/bigbluebutton/nginx/bbb-html5.nginx", include_str!("../stock/bbb-html5.nginx")),
        ("usr/share/bigbluebutton/nginx/web.nginx", include_str!("../stock/web.nginx")),
        ("usr/share/bigbluebutton/nginx/graphql.nginx", include_str!("../stock/graphql.nginx")),
        ("usr/share/bigbluebutton/nginx/media.nginx", include_str!("../stock/media.nginx")),
        ("usr/share/bigbluebutton/nginx/notes.nginx", include_str!("../stock/notes.nginx")),
        (
            "usr/share/bigbluebutton/nginx/plugins-assets-cors.nginx",
            include_str!("../stock/plugins-assets-cors.nginx"),
        ),
        (
            "usr/share/bigbluebutton/nginx/learning-dashboard.nginx",
            include_str!("../stock/learning-dashboard.nginx"),
        ),
        (
            "etc/bigbluebutton/nginx/include_default.nginx",
            include_str!("../stock/include_default.nginx"),
        ),
        (
            "usr/share/bbb-graphql-middleware/config.yml",
            include_str!("../stock/graphql-middleware.yml"),
        ),
        (
            "usr/lib/systemd/system/bbb-graphql-server.service",
            include_str!("../stock/bbb-graphql-server.service"),
        ),
        ("etc/default/bbb-graphql-server", include_str!("../stock/bbb-graphql-server.default")),
        ("usr/lib/systemd/system/bbb-web.service", include_str!("../stock/bbb-web.service")),
        ("etc/default/bbb-web", include_str!("../stock/bbb-web.default")),
    ];
    files.extend(unchanging.map(|(path, text)| (path, text.to_owned())));
    files
}
