//! A node's files as a whole: stock, with a cluster's files on top, and broken.

use std::{fs, path::Path};

use super::ReadError;
use crate::{
    cors::GrailsCors,
    install::{Stock, install},
    service::Services,
};

fn stock(release: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    install(
        root.path(),
        &Stock {
            origin: "https://bbb-01.example.org".into(),
            secret: "very-secret".into(),
            release: release.into(),
        },
    )
    .unwrap();
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_stock_node_points_at_itself() {
    let root = stock("3.0.28");
    let node = Services::start(root.path().to_owned()).unwrap();
    assert_eq!(node.release.to_string(), "3.0.28");
    assert_eq!(node.web().secret, "very-secret");
    assert_eq!(
        node.web().property("defaultHTML5ClientUrl"),
        "https://bbb-01.example.org/html5client"
    );
    assert_eq!(node.web().graphql_websocket_url(), "wss://bbb-01.example.org/graphql");
    assert_eq!(node.web().property("graphqlApiUrl"), "https://bbb-01.example.org/api/rest");
    assert_eq!(node.web().logout_url(), "https://bbb-01.example.org");
    assert_eq!(node.nginx().cluster_origin, "*");
    assert_eq!(node.middleware().authorized_cross_origin, "");
    assert_eq!(node.web().cors, GrailsCors::default());
    assert_eq!(
        node.akka().public_settings.pointer("/kurento/wsUrl").unwrap(),
        "wss://bbb-01.example.org/bbb-webrtc-sfu"
    );
    assert!(node.nginx().locations.find("/html5client/").is_some());
    assert!(node.nginx().locations.find("/bbb-01/html5client/").is_none());
}

#[test]
fn a_clusters_files_win_over_the_package() {
    let root = stock("3.0.28");
    let at = root.path();
    write(
        at,
        "etc/bigbluebutton/bbb-web.properties",
        concat!(
            "bigbluebutton.web.serverURL=https://bbb-01.example.org\nsecuritySalt=old\nsecuritySalt=new\n",
            "defaultHTML5ClientUrl=https://bbb.example.org/bbb-01/html5client/\n",
        ),
    );
    write(
        at,
        "etc/bigbluebutton/bbb-html5.yml",
        "public:\n  app:\n    basename: '/bbb-01/html5client'\n  presentation:\n    uploadValidMimeTypes: []\n",
    );
    write(
        at,
        "etc/bigbluebutton/etherpad.json",
        r#"{"cluster_proxies":["https://bbb.example.org"]}"#,
    );
    write(
        at,
        "etc/bigbluebutton/bbb-graphql-middleware.yml",
        "server:\n  authorized_cross_origin: 'bbb.example.org'\n",
    );
    write(
        at,
        "etc/bigbluebutton/bbb-graphql-server.env",
        "HASURA_GRAPHQL_CORS_DOMAIN=\"https://bbb.example.org\"\n",
    );
    write(
        at,
        "etc/systemd/system/bbb-web.service.d/cluster.conf",
        concat!(
            "[Service]\nEnvironment=\"JDK_JAVA_OPTIONS=-Dgrails.cors.enabled=true ",
            "-Dgrails.cors.allowCredentials=true -Dgrails.cors.allowedOrigins=https://bbb.example.org,https://bbb-01.example.org\"\n",
        ),
    );
    write(
        at,
        "etc/bigbluebutton/nginx/bbb-cluster.nginx",
        concat!(
            "set $bbb_cors_origin 'https://bbb.example.org';\n",
            "location ^~ /bbb-01/html5client/ { alias /usr/share/bigbluebutton/html5-client/; }\n",
        ),
    );
    let node = Services::start(at.to_owned()).unwrap();
    assert_eq!(node.web().secret, "new");
    assert_eq!(
        node.akka().public_settings.pointer("/app/basename").unwrap(),
        "/bbb-01/html5client"
    );
    assert_eq!(node.akka().public_settings.pointer("/app/bbbWebBase").unwrap(), "/bigbluebutton");
    assert_eq!(
        node.akka().public_settings.pointer("/presentation/uploadValidMimeTypes").unwrap(),
        &serde_json::json!([])
    );
    assert_eq!(node.pads().cluster_proxies, ["https://bbb.example.org"]);
    assert_eq!(node.middleware().authorized_cross_origin, "bbb.example.org");
    assert_eq!(node.engine().cors, crate::cors::HasuraCors::parse("https://bbb.example.org"));
    assert!(node.web().cors.enabled && node.web().cors.allow_credentials);
    assert_eq!(node.web().cors.allowed_origins.len(), 2);
    assert_eq!(node.nginx().cluster_origin, "https://bbb.example.org");
    assert!(node.nginx().locations.find("/bbb-01/html5client/").is_some());
    assert!(node.nginx().locations.find("/html5client/").is_some());

    // A stale line in the package's environment file beats the drop-in.
    write(at, "etc/default/bbb-web", "JDK_JAVA_OPTIONS=\"-Dgrails.cors.enabled=false\"\n");
    assert!(!Services::start(at.to_owned()).unwrap().web().cors.enabled);
}

#[test]
fn a_unit_without_the_line_ignores_the_env_file() {
    let root = stock("3.0.28");
    write(
        root.path(),
        "etc/bigbluebutton/bbb-graphql-server.env",
        "HASURA_GRAPHQL_CORS_DOMAIN=https://a.example\n",
    );
    write(
        root.path(),
        "usr/lib/systemd/system/bbb-graphql-server.service",
        "[Service]\nEnvironmentFile=/etc/default/bbb-graphql-server\n",
    );
    let node = Services::start(root.path().to_owned()).unwrap();
    assert_eq!(node.engine().cors, crate::cors::HasuraCors::parse("*"));
}

#[test]
fn broken_files_keep_the_node_from_starting() {
    let broken = |path: &str, text: &str| {
        let root = stock("3.0.28");
        write(root.path(), path, text);
        Services::start(root.path().to_owned()).unwrap_err()
    };
    let nginx = "etc/bigbluebutton/nginx/bbb-cluster.nginx";
    assert!(matches!(broken(nginx, "set $bbb_cors_origin 'x'"), ReadError::ParseNginx { .. }));
    assert!(matches!(
        broken(nginx, "set $bbb_cors_origin 'x'\nlocation /a { return 404; }"),
        ReadError::NginxArguments { .. }
    ));
    assert!(matches!(
        broken(nginx, "location /html5client { alias /x/; }"),
        ReadError::Locations(_)
    ));
    assert!(matches!(
        broken("etc/bigbluebutton/bbb-html5.yml", "public: ["),
        ReadError::ParseYaml { .. }
    ));
    assert!(matches!(broken("etc/bigbluebutton/etherpad.json", "{"), ReadError::ParseJson { .. }));
    let properties = "etc/bigbluebutton/bbb-web.properties";
    assert!(matches!(
        broken(properties, "bigbluebutton.web.serverURL=https://a.example/\nsecuritySalt=s"),
        ReadError::ServerUrl(_)
    ));
    assert!(matches!(
        broken(properties, "bigbluebutton.web.serverURL=https://a.example\n"),
        ReadError::MissingProperty { key: "securitySalt" }
    ));
    assert!(matches!(
        broken("etc/bigbluebutton/bigbluebutton-release", "BIGBLUEBUTTON_RELEASE=2.3.1\n"),
        ReadError::Release(_)
    ));
}
