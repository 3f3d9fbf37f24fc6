//! Settings that are wrong or missing, one at a time.

use crate::cluster::{Root, assert_finds, cluster};

const NGINX: &str = "/etc/bigbluebutton/nginx/bbb-cluster.nginx";
const HTML5: &str = "/etc/bigbluebutton/bbb-html5.yml";
const WEB: &str = "/etc/bigbluebutton/bbb-web.properties";
const FRONTEND: &str = "/etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf";
const BACKEND: &str = "/etc/systemd/system/bbb-html5-backend@.service.d/cluster.conf";

/// Breaks a node of this release and expects just this.
async fn breaks(release: &'static str, change: impl Fn(&Root) + 'static, wanted: &str) {
    let report = cluster(release).breaking(change).start().await.examine().await;
    assert_finds(&report, &[&format!("bbb-01 {wanted}")]);
}

#[tokio::test]
async fn a_stock_node_is_not_configured_and_nothing_else() {
    for release in ["2.7.17", "3.0.28"] {
        let report = cluster(release).stock().start().await.examine().await;
        assert_finds(&report, &[&format!("bbb-01 configured {NGINX}")]);
    }
}

#[tokio::test]
async fn a_missing_slash_is_mended_by_the_proxy_and_named() {
    let change = |root: &Root| root.replace(WEB, "/html5client/", "/html5client");
    breaks("3.0.28", change, &format!("client-url {WEB}")).await;
}

#[tokio::test]
async fn a_client_url_on_the_node_itself() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| {
            root.replace(WEB, &root.cluster.to_string(), &root.node.origin.to_string());
        };
        breaks(release, change, &format!("client-url {WEB}")).await;
    }
}

/// As `bbb-conf --setip` of 2.4 leaves a file with custom keys only (BBB#13892).
#[tokio::test]
async fn the_properties_are_wiped() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| {
            let text = std::fs::read_to_string(root.path(WEB)).unwrap();
            let (own, ours) = text.split_once("# BEGIN bluegate").unwrap();
            assert!(ours.contains("# END bluegate"), "{text}");
            root.write(WEB, own);
        };
        breaks(release, change, &format!("client-url {WEB}")).await;
    }
}

#[tokio::test]
async fn the_nginx_file_is_gone() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| root.remove(NGINX);
        breaks(release, change, &format!("client-on-node {NGINX}")).await;
    }
}

#[tokio::test]
async fn locales_without_listing() {
    let change = |root: &Root| root.remove_line(NGINX, "autoindex on;");
    breaks("3.0.28", change, &format!("client-texts {NGINX}")).await;
}

#[tokio::test]
async fn wasm_without_its_type() {
    for (release, types) in [
        ("2.7.17", "types {\n        application/wasm wasm;\n    }"),
        ("3.0.28", "types { application/wasm wasm; }"),
    ] {
        let change = move |root: &Root| root.replace(NGINX, types, "");
        breaks(release, change, &format!("wasm-type {NGINX}")).await;
    }
}

#[tokio::test]
async fn the_stale_path_of_the_dashboard() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| {
            root.replace(HTML5, "/learning-analytics-dashboard", "/learning-dashboard");
        };
        breaks(release, change, &format!("client-settings {HTML5}")).await;
    }
}

#[tokio::test]
async fn livekit_at_the_proxy() {
    let change = |root: &Root| {
        let (node, page) = (root.node.origin.web_socket(), root.cluster.web_socket());
        root.replace(HTML5, &format!("{node}/livekit"), &format!("{page}/livekit"));
    };
    breaks("3.0.28", change, &format!("client-settings {HTML5}")).await;
}

#[tokio::test]
async fn livekit_without_its_address() {
    let change = |root: &Root| root.remove_line(HTML5, "/livekit");
    breaks("3.0.28", change, &format!("client-settings {HTML5}")).await;
}

#[tokio::test]
async fn block_notes_at_the_proxy() {
    let change = |root: &Root| root.remove_line(HTML5, "serverHostname");
    breaks("3.0.28", change, &format!("client-settings {HTML5}")).await;
}

#[tokio::test]
async fn the_whole_client_file_gone_is_one_finding() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| root.remove(HTML5);
        breaks(release, change, &format!("client-settings {HTML5}")).await;
    }
}

#[tokio::test]
async fn graphql_addresses_of_the_wrong_kind() {
    for (from, to) in [("/graphql", "/v1/graphql"), ("/api/rest", "/api/rest/")] {
        let change = move |root: &Root| {
            let (node, socket) = (&root.node.origin, root.node.origin.web_socket());
            let base = if from == "/graphql" { socket } else { node.to_string() };
            root.replace(WEB, &format!("{base}{from}"), &format!("{base}{to}"));
        };
        breaks("3.0.28", change, &format!("api-index-urls {WEB}")).await;
    }
}

#[tokio::test]
async fn meteor_without_its_mount() {
    let change = |root: &Root| {
        for file in [FRONTEND, BACKEND] {
            root.remove_line(file, "ROOT_URL");
        }
    };
    breaks("2.7.17", change, &format!("client-on-node {FRONTEND}")).await;
}

#[tokio::test]
async fn meteor_without_the_address_of_its_socket() {
    let change = |root: &Root| {
        for file in [FRONTEND, BACKEND] {
            root.remove_line(file, "DDP_DEFAULT_CONNECTION_URL");
        }
    };
    breaks("2.7.17", change, &format!("meteor-settings {FRONTEND}")).await;
}

#[tokio::test]
async fn the_lobby_on_the_cluster() {
    let change = |root: &Root| {
        let (node, page) = (root.node.origin.to_string(), root.cluster.to_string());
        let path = format!("/{}/html5client/guestWait", root.node.name);
        root.replace(WEB, &format!("{node}{path}"), &format!("{page}{path}"));
    };
    breaks("2.7.17", change, &format!("guest-lobby {WEB}")).await;
}

#[tokio::test]
async fn the_lobby_without_its_language() {
    let change = |root: &Root| {
        root.replace(NGINX, "location = /html5client/locale {", "location = /html5client/other {");
    };
    breaks("2.7.17", change, &format!("guest-lobby-texts {NGINX}")).await;
}

#[tokio::test]
async fn sessions_that_need_no_cookie() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| {
            root.replace(WEB, "accessControl", "allowRequestsWithoutSession=true\naccessControl");
        };
        breaks(release, change, &format!("session-bound {WEB}")).await;
    }
}

#[tokio::test]
async fn checksums_that_the_scaler_does_not_make() {
    let change = |root: &Root| {
        root.replace(WEB, "accessControl", "supportedChecksumAlgorithms=sha1\naccessControl");
    };
    breaks("3.0.28", change, &format!("checksum-algorithms {WEB}")).await;
}
