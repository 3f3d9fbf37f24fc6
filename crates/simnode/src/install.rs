//! A fresh node's files, at their real paths, as the installer leaves them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    release::{Line, Release, ReleaseError},
    web_origin::{WebOrigin, WebOriginError},
};

/// What the installer was told about the node.
#[derive(Debug, Clone)]
pub struct Stock {
    /// The node's own origin, e.g. `https://bbb-01.example.org`.
    pub origin: String,
    /// The API secret.
    pub secret: String,
    /// The BBB release, of the lines 2.7 and 3.0, e.g. `3.0.28`.
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
    let overrides = include_str!("../stock/bbb-web.properties")
        .replace("{origin}", &origin.to_string())
        .replace("{secret}", secret);
    let mut files = vec![
        ("etc/bigbluebutton/bigbluebutton-release", format!("BIGBLUEBUTTON_RELEASE={release}\n")),
        ("etc/bigbluebutton/bbb-web.properties", overrides),
    ];
    let own = match release.line() {
        Line::V2_7 => {
            let settings = include_str!("../stock/2.7/settings.yml");
            let path = "usr/share/meteor/bundle/programs/server/assets/app/config/settings.yml";
            files.push((path, filled(settings, origin, release)));
            FILES_2_7.as_slice()
        }
        Line::V3_0 => {
            let path = "usr/share/bigbluebutton/html5-client/private/config/settings.yml";
            files.push((path, filled(CLIENT_SETTINGS, origin, release)));
            let slides = if release.has_cors_origin_variable() {
                let path = "usr/share/bigbluebutton/nginx/bbb-shared-notes-server.nginx";
                let text = include_str!("../stock/bbb-shared-notes-server.nginx");
                files.push((path, text.to_owned()));
                include_str!("../stock/presentation-slides.nginx")
            } else {
                include_str!("../stock/presentation-slides-open.nginx")
            };
            let path = "usr/share/bigbluebutton/nginx/presentation-slides.nginx";
            files.push((path, slides.to_owned()));
            FILES_3_0.as_slice()
        }
    };
    files.extend(FILES.iter().chain(own).map(|(path, text)| (*path, (*text).to_owned())));
    files
}

/// The client's settings with what depends on the node filled in.
fn filled(settings: &str, origin: &WebOrigin, release: &Release) -> String {
    settings
        .replace("HTML5_CLIENT_VERSION", &release.client_build())
        .replace("BBB_VERSION", &release.to_string())
        .replace("WS_URL", &format!("{}/bbb-webrtc-sfu", origin.websocket()))
        .replace("PADS_URL", &format!("{origin}/pad"))
}

/// What no line changes.
const FILES: [(&str, &str); 6] = [
    ("usr/share/bigbluebutton/nginx/media.nginx", include_str!("../stock/media.nginx")),
    ("usr/share/bigbluebutton/nginx/notes.nginx", include_str!("../stock/notes.nginx")),
    (
        "usr/share/bigbluebutton/nginx/learning-dashboard.nginx",
        include_str!("../stock/learning-dashboard.nginx"),
    ),
    (
        "etc/bigbluebutton/nginx/include_default.nginx",
        include_str!("../stock/include_default.nginx"),
    ),
    ("usr/lib/systemd/system/bbb-web.service", include_str!("../stock/bbb-web.service")),
    ("etc/default/bbb-web", include_str!("../stock/bbb-web.default")),
];

const FILES_2_7: [(&str, &str); 9] = [
    (
        "usr/share/bbb-web/WEB-INF/classes/bigbluebutton.properties",
        include_str!("../stock/2.7/bigbluebutton.properties"),
    ),
    (
        "usr/share/bbb-web/WEB-INF/classes/application.yml",
        include_str!("../stock/2.7/application.yml"),
    ),
    ("usr/share/bigbluebutton/nginx/bbb-html5.nginx", include_str!("../stock/2.7/bbb-html5.nginx")),
    (
        "usr/share/bigbluebutton/nginx/loadbalancer.nginx",
        include_str!("../stock/2.7/loadbalancer.nginx"),
    ),
    (
        "usr/share/bigbluebutton/nginx/presentation-slides.nginx",
        include_str!("../stock/2.7/presentation-slides.nginx"),
    ),
    ("usr/share/bigbluebutton/nginx/web.nginx", include_str!("../stock/2.7/web.nginx")),
    (
        "usr/lib/systemd/system/bbb-html5-frontend@.service",
        include_str!("../stock/2.7/bbb-html5-frontend.service"),
    ),
    (
        "usr/lib/systemd/system/bbb-html5-backend@.service",
        include_str!("../stock/2.7/bbb-html5-backend.service"),
    ),
    (
        "usr/share/meteor/bundle/bbb-html5-with-roles.conf",
        include_str!("../stock/2.7/bbb-html5-with-roles.conf"),
    ),
];

const FILES_3_0: [(&str, &str); 9] = [
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
    (
        "usr/share/bigbluebutton/nginx/plugins-assets-cors.nginx",
        include_str!("../stock/plugins-assets-cors.nginx"),
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
];
