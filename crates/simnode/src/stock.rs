//! Which stock files a release has, and where they lie. Data.

use crate::release::Release;

/// One file of a package: its path, its text with open places, and the releases
/// that have it.
type File = (&'static str, &'static str, fn(&Release) -> bool);

macro_rules! stock {
    ($name:literal) => {
        include_str!(concat!("../stock/", $name))
    };
}

/// What stands for the package's nginx folder in [`FILES`].
const NGINX: &str = "NGINX/";

const CLASSES: &str = "usr/share/bbb-web/WEB-INF/classes/";

const FILES: &[File] = &[
    // bbb-web.
    ("etc/bigbluebutton/bbb-web.properties", stock!("all/bbb-web.properties"), every),
    ("usr/lib/systemd/system/bbb-web.service", stock!("all/bbb-web.service"), every),
    ("etc/default/bbb-web", stock!("all/bbb-web.default"), every),
    ("CLASSES/bigbluebutton.properties", stock!("2.x/bigbluebutton.properties"), meteor),
    ("CLASSES/bigbluebutton.properties", stock!("3.x/bigbluebutton.properties"), no_meteor),
    ("CLASSES/application.yml", stock!("all/application.yml"), |release| {
        !release.has_application_properties()
    }),
    (
        "CLASSES/application.properties",
        stock!("3.x/application.properties"),
        Release::has_application_properties,
    ),
    // The client.
    (
        "usr/share/meteor/bundle/programs/server/assets/app/config/settings.yml",
        stock!("2.x/settings.yml"),
        meteor,
    ),
    (
        "usr/share/bigbluebutton/html5-client/private/config/settings.yml",
        stock!("3.x/settings.yml"),
        no_meteor,
    ),
    (
        "usr/lib/systemd/system/bbb-html5-frontend@.service",
        stock!("2.x/bbb-html5-frontend.service"),
        meteor,
    ),
    (
        "usr/lib/systemd/system/bbb-html5-backend@.service",
        stock!("2.x/bbb-html5-backend.service"),
        meteor,
    ),
    (
        "usr/share/meteor/bundle/bbb-html5-with-roles.conf",
        stock!("2.x/bbb-html5-with-roles.conf"),
        meteor,
    ),
    // GraphQL.
    (
        "usr/share/bbb-graphql-middleware/config.yml",
        stock!("3.x/graphql-middleware.yml"),
        no_meteor,
    ),
    (
        "usr/lib/systemd/system/bbb-graphql-server.service",
        stock!("3.x/bbb-graphql-server.service"),
        Release::has_graphql_server_override,
    ),
    (
        "usr/lib/systemd/system/bbb-graphql-server.service",
        stock!("3.x/bbb-graphql-server-3.0.service"),
        |release| !release.has_meteor() && !release.has_graphql_server_override(),
    ),
    ("etc/default/bbb-graphql-server", stock!("3.x/bbb-graphql-server.default"), no_meteor),
    // nginx itself.
    ("etc/nginx/nginx.conf", stock!("nginx/nginx.conf"), every),
    ("etc/nginx/mime.types", stock!("nginx/mime.types"), every),
    ("etc/nginx/sites-available/bigbluebutton", stock!("nginx/site"), every),
    (
        "etc/nginx/conf.d/bbb-html5-conn-limit.conf",
        stock!("nginx/bbb-html5-conn-limit.conf"),
        meteor,
    ),
    (
        "etc/nginx/conf.d/bbb-html5-loadbalancer.conf",
        stock!("nginx/bbb-html5-loadbalancer.conf"),
        meteor,
    ),
    (
        "etc/nginx/conf.d/bbb-graphql-client-settings-cache.conf",
        stock!("nginx/bbb-graphql-client-settings-cache.conf"),
        no_meteor,
    ),
    // The locations of the packages.
    (
        "etc/bigbluebutton/nginx/include_default.nginx",
        stock!("nginx/include_default.nginx"),
        |release| !release.keeps_package_nginx_in_etc(),
    ),
    (
        "NGINX/loadbalancer.nginx",
        stock!("nginx/loadbalancer.nginx"),
        Release::has_loadbalancer_variable,
    ),
    ("NGINX/bbb-html5.nginx", stock!("nginx/bbb-html5-2.x.nginx"), meteor),
    ("NGINX/bbb-html5.nginx.static", stock!("nginx/bbb-html5-3.x.nginx"), no_meteor),
    ("NGINX/web.nginx", stock!("nginx/web-2.4.nginx"), Release::has_api_cors_in_nginx),
    ("NGINX/web.nginx", stock!("nginx/web-2.6.nginx"), |release| {
        release.has_meteor() && !release.has_api_cors_in_nginx()
    }),
    ("NGINX/web.nginx", stock!("nginx/web-3.0.nginx"), |release| {
        !release.has_meteor() && !release.exposes_server_time()
    }),
    ("NGINX/web.nginx", stock!("nginx/web-3.0.18.nginx"), |release| {
        release.exposes_server_time() && !release.slides_need_session()
    }),
    ("NGINX/web.nginx", stock!("nginx/web-3.0.27.nginx"), Release::slides_need_session),
    (
        "NGINX/presentation-slides.nginx",
        stock!("nginx/presentation-slides-2.4.nginx"),
        Release::has_loadbalancer_variable,
    ),
    ("NGINX/presentation-slides.nginx", stock!("nginx/presentation-slides-3.0.nginx"), |release| {
        !release.has_loadbalancer_variable() && !release.slides_need_session()
    }),
    (
        "NGINX/presentation-slides.nginx",
        stock!("nginx/presentation-slides-3.0.27.nginx"),
        |release| release.slides_need_session() && !release.has_cors_origin_variable(),
    ),
    (
        "NGINX/presentation-slides.nginx",
        stock!("nginx/presentation-slides-3.0.28.nginx"),
        Release::has_cors_origin_variable,
    ),
    ("NGINX/graphql.nginx", stock!("nginx/graphql-3.0.nginx"), Release::has_old_client_settings),
    ("NGINX/graphql.nginx", stock!("nginx/graphql-4.0.nginx"), |release| {
        !release.has_meteor() && !release.has_old_client_settings()
    }),
    ("NGINX/webrtc-sfu.nginx", stock!("nginx/webrtc-sfu.nginx"), every),
    ("NGINX/sip.nginx", stock!("nginx/sip.nginx"), every),
    ("NGINX/livekit.nginx", stock!("nginx/livekit.nginx"), no_meteor),
    ("NGINX/notes.nginx", stock!("nginx/notes-2.4.nginx"), |release| !release.has_pad_sessions()),
    ("NGINX/notes.nginx", stock!("nginx/notes-2.5.nginx"), Release::has_pad_sessions),
    (
        "NGINX/bbb-shared-notes-server.nginx",
        stock!("nginx/bbb-shared-notes-server-3.0.nginx"),
        |release| release.has_shared_notes_server() && !release.has_cors_origin_variable(),
    ),
    (
        "NGINX/bbb-shared-notes-server.nginx",
        stock!("nginx/bbb-shared-notes-server-3.0.28.nginx"),
        Release::has_cors_origin_variable,
    ),
    (
        "NGINX/plugins-assets-cors.nginx",
        stock!("nginx/plugins-assets-cors.nginx"),
        Release::has_plugins_location,
    ),
    (
        "NGINX/learning-dashboard.nginx",
        stock!("nginx/learning-dashboard.nginx"),
        Release::has_old_dashboard_path,
    ),
    (
        "NGINX/learning-dashboard.nginx",
        stock!("nginx/learning-analytics-dashboard.nginx"),
        |release| !release.has_old_dashboard_path(),
    ),
];

fn every(_: &Release) -> bool {
    true
}

fn meteor(release: &Release) -> bool {
    release.has_meteor()
}

fn no_meteor(release: &Release) -> bool {
    !release.has_meteor()
}

/// The package's nginx folder of a release.
fn nginx_folder(release: &Release) -> &'static str {
    if release.keeps_package_nginx_in_etc() {
        "etc/bigbluebutton/nginx/"
    } else {
        "usr/share/bigbluebutton/nginx/"
    }
}

/// The files of a release, with their open places.
pub(crate) fn stock_files(release: &Release) -> Vec<(String, &'static str)> {
    let mut files: Vec<(String, &'static str)> = FILES
        .iter()
        .filter(|(_, _, belongs)| belongs(release))
        .map(|(path, text, _)| {
            let path = path.replace(NGINX, nginx_folder(release)).replace("CLASSES/", CLASSES);
            (path, *text)
        })
        .collect();
    files.push((
        "etc/bigbluebutton/bigbluebutton-release".to_owned(),
        "BIGBLUEBUTTON_RELEASE=BBB_VERSION\n",
    ));
    files
}

/// The links of a release and what they lead to.
pub(crate) fn stock_links(release: &Release) -> Vec<(String, &'static str)> {
    let mut links = vec![(
        "etc/nginx/sites-enabled/bigbluebutton".to_owned(),
        "../sites-available/bigbluebutton",
    )];
    if !release.has_meteor() {
        let link = format!("{}bbb-html5.nginx", nginx_folder(release));
        links.push((link, "bbb-html5.nginx.static"));
    }
    links
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{stock_files, stock_links};
    use crate::release::Release;

    #[test]
    fn no_release_has_two_files_at_one_place() {
        for release in [
            "2.4.3", "2.4.9", "2.5.9", "2.6.9", "2.6.18", "2.7.17", "3.0.0", "3.0.18", "3.0.26",
            "3.0.27", "3.0.28", "4.0.0",
        ] {
            let release = Release::parse(release).unwrap();
            let files = stock_files(&release);
            let links = stock_links(&release);
            let places: BTreeSet<&str> = files
                .iter()
                .map(|(path, _)| path.as_str())
                .chain(links.iter().map(|(path, _)| path.as_str()))
                .collect();
            assert_eq!(places.len(), files.len() + links.len(), "{release}");
            for name in ["web.nginx", "presentation-slides.nginx", "notes.nginx", "bbb-html5.nginx"]
            {
                let found = places.iter().any(|path| path.ends_with(&format!("/{name}")));
                assert!(found, "{release} lacks {name}");
            }
        }
    }
}
