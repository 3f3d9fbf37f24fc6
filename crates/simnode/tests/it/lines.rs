//! What differs from line to line, and that every line can be played.

use crate::node::{Node, PROXY, Setup};

const RELEASES: [&str; 12] = [
    "2.4.3", "2.4.9", "2.5.9", "2.6.9", "2.6.18", "2.7.17", "3.0.0", "3.0.18", "3.0.26", "3.0.27",
    "3.0.28", "4.0.0",
];

fn is_2_x(release: &str) -> bool {
    release.starts_with('2')
}

#[tokio::test]
async fn a_stock_node_of_every_release_takes_a_user_to_its_own_client() {
    for release in RELEASES {
        let node = Setup::stock().release(release).start().await;
        let browser = node.browser("room", "MODERATOR").await;
        let place = if is_2_x(release) { "/html5client/join?" } else { "/html5client?" };
        assert!(
            browser.location.starts_with(&format!("{}{place}", node.origin)),
            "{release}: {}",
            browser.location
        );
        let path = if is_2_x(release) { "/html5client/join" } else { "/html5client/" };
        let page = node.get(path).await;
        assert_eq!(page.status, 200, "{release}");
        assert!(page.text().contains("id=\"app\""), "{release}");
        let config = page.text().contains("__meteor_runtime_config__");
        assert_eq!(config, is_2_x(release), "{release}");
    }
}

#[tokio::test]
async fn the_dashboard_and_the_engine_are_where_the_release_has_them() {
    for release in RELEASES {
        let node = Setup::stock().release(release).start().await;
        let old = node.get("/learning-dashboard/").await.status;
        let new = node.get("/learning-analytics-dashboard/").await.status;
        let expected = if release == "2.4.3" { (200, 404) } else { (404, 200) };
        assert_eq!((old, new), expected, "{release}");
        let settings = node.get("/api/rest/clientSettings").await.status;
        let expected = if release.starts_with("3.0") { 401 } else { 404 };
        assert_eq!(settings, expected, "{release}");
    }
}

/// The API's `Access-Control-Allow-Origin` with each place an operator may have
/// named the cluster in.
#[tokio::test]
async fn the_api_is_opened_to_the_cluster_in_one_place_per_line() {
    let java = format!(
        "-Dgrails.cors.enabled=true -Dgrails.cors.allowCredentials=true -Dgrails.cors.allowedOrigins={PROXY},{{origin}}"
    );
    let loadbalancer = format!("set $bbb_loadbalancer_node '{PROXY}';\n");
    for (release, by_nginx, by_java) in [
        ("2.4.9", true, false),
        ("2.5.9", true, false),
        ("2.6.9", false, true),
        ("2.7.17", false, true),
    ] {
        let allowed = async |setup: Setup| {
            let node = setup.release(release).start().await;
            let answer = node.get_with("/bigbluebutton/api", &[("Origin", PROXY)]).await;
            answer.header("access-control-allow-origin") == Some(PROXY)
        };
        let nginx = Setup::stock().file("etc/bigbluebutton/nginx/zz.nginx", loadbalancer.as_str());
        assert_eq!(allowed(nginx).await, by_nginx, "{release}");
        let unit = Setup::stock().file(
            "etc/systemd/system/bbb-web.service.d/cluster.conf",
            format!("[Service]\nEnvironment=\"JDK_JAVA_OPTIONS={java}\"\n"),
        );
        assert_eq!(allowed(unit).await, by_java, "{release}");
        let properties = Setup::stock().properties(&format!(
            "grails.cors.enabled=true\ngrails.cors.allowCredentials=true\ngrails.cors.allowedOrigins={PROXY}"
        ));
        assert!(!allowed(properties).await, "{release}: properties are not read (BBB#16542)");
    }
}

#[tokio::test]
async fn the_servers_time_is_exposed_since_3_0_18() {
    for (release, exposed) in [("3.0.17", false), ("3.0.18", true)] {
        let node = Setup::stock().release(release).start().await;
        let answer = node.get_with("/bigbluebutton/rtt-check", &[("Origin", PROXY)]).await;
        let header = answer.header("access-control-expose-headers");
        assert_eq!(header.is_some(), exposed, "{release}");
    }
}

#[tokio::test]
async fn the_export_link_is_the_nodes_own_on_a_few_releases() {
    for release in ["2.6.9", "2.6.10"] {
        let node = Setup::stock()
            .release(release)
            .file(
                "etc/bigbluebutton/bbb-export-annotations.json",
                "{\"bbbWebPublicAPI\": \"{origin}/bigbluebutton/\"}",
            )
            .start()
            .await;
        let link = crate::meteor::download_url(&node).await;
        let own = format!("{}/bigbluebutton/presentation/download/", node.origin);
        let given = link.as_str().is_some_and(|link| link.starts_with(&own));
        assert_eq!(given, release == "2.6.9", "{release}: {link}");
    }
}

/// `basename` of the settings that a new meeting on this node gets.
async fn basename(node: &Node, meeting: &str) -> String {
    let browser = node.browser(meeting, "MODERATOR").await;
    let answer = node
        .get_with(
            "/api/rest/meetingStaticData",
            &[("x-session-token", &browser.token), ("Cookie", &browser.cookie)],
        )
        .await;
    let path = "/meeting/0/clientSettings/clientSettingsJson/public/app/basename";
    answer.json().pointer(path).unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_reads_its_files_when_it_starts_and_not_before() {
    let node = Setup::stock().start().await;
    node.write("etc/bigbluebutton/bbb-html5.yml", "public: {app: {basename: /m/html5client}}\n");
    assert_eq!(basename(&node, "one").await, "/html5client");
    let restart = async |unit: &str| {
        let order = format!("{{\"unit\":\"{unit}\"}}");
        node.send("POST", "/_simnode/restart", &[], order.as_bytes()).await.status
    };
    assert_eq!(restart("bbb-web").await, 204);
    assert_eq!(basename(&node, "two").await, "/html5client");
    assert_eq!(restart("bbb-apps-akka.service").await, 204);
    assert!(node.sim.meetings().is_empty(), "akka takes the meetings with it");
    assert_eq!(basename(&node, "three").await, "/m/html5client");
    assert_eq!(restart("sshd").await, 404);
}

#[tokio::test]
async fn a_service_that_cannot_start_is_down_and_nginx_goes_on() {
    let node = Setup::stock().start().await;
    node.write("etc/bigbluebutton/bbb-graphql-middleware.yml", "server: [");
    assert_eq!(node.get("/graphql").await.status, 426);
    let restart = |unit| node.sim.restart(unit);
    assert!(restart(bluegate_simnode::Unit::GraphqlMiddleware).is_err());
    assert_eq!(node.get("/graphql").await.status, 502);
    assert_eq!(node.get("/bigbluebutton/api").await.status, 200);
    node.write("etc/bigbluebutton/bbb-graphql-middleware.yml", "server: {}");
    assert!(restart(bluegate_simnode::Unit::GraphqlMiddleware).is_ok());
    assert_eq!(node.get("/graphql").await.status, 426);

    node.write("etc/bigbluebutton/nginx/own.nginx", "location /html5client { return 404; }");
    assert!(restart(bluegate_simnode::Unit::Nginx).is_err());
    assert_eq!(node.get("/html5client/").await.status, 200);
}
