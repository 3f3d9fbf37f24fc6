//! Cross-origin rules that are wrong or missing, one at a time.

use crate::{
    cluster::{Root, assert_finds, cluster},
    meddler::{altering, instead},
};

const NGINX: &str = "/etc/bigbluebutton/nginx/bbb-cluster.nginx";
const LATE_NGINX: &str = "/etc/bigbluebutton/nginx/zz-bbb-cluster.nginx";
const JAVA: &str = "/etc/systemd/system/bbb-web.service.d/cluster.conf";
const MIDDLEWARE: &str = "/etc/bigbluebutton/bbb-graphql-middleware.yml";
const HASURA: &str = "/etc/bigbluebutton/bbb-graphql-server.env";
const ETHERPAD: &str = "/etc/bigbluebutton/etherpad.json";

async fn breaks(release: &'static str, change: impl Fn(&Root) + 'static, wanted: &str) {
    let report = cluster(release).breaking(change).start().await.examine().await;
    assert_finds(&report, &[&format!("bbb-01 {wanted}")]);
}

#[tokio::test]
async fn bbb_web_lost_its_drop_in() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| root.remove(JAVA);
        breaks(release, change, &format!("web-calls {JAVA}")).await;
    }
}

#[tokio::test]
async fn bbb_web_with_a_domain_mistyped() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| {
            let origin = root.cluster.to_string();
            root.replace(JAVA, &origin, &origin.replace("bbb.", "bbb-proxy."));
        };
        breaks(release, change, &format!("web-calls {JAVA}")).await;
    }
}

#[tokio::test]
async fn bbb_web_with_its_scheme_twice() {
    let change = |root: &Root| root.replace(JAVA, "=http://", "=http://http://");
    breaks("3.0.28", change, &format!("web-calls {JAVA}")).await;
}

#[tokio::test]
async fn bbb_web_without_the_nodes_own_origin() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| root.replace(JAVA, &format!(",{}", root.node.origin), "");
        breaks(release, change, &format!("web-calls {JAVA}")).await;
    }
}

#[tokio::test]
async fn bbb_web_open_to_all_fails_with_credentials() {
    let change = |root: &Root| {
        let both = format!("{},{}", root.cluster, root.node.origin);
        root.replace(JAVA, &both, "*");
    };
    breaks("3.0.28", change, &format!("web-calls {JAVA}")).await;
}

/// The one place where operators look for it first (BBB#16542).
#[tokio::test]
async fn bbb_web_configured_in_its_properties() {
    let change = |root: &Root| {
        root.remove(JAVA);
        let settings = format!(
            "grails.cors.enabled=true\ngrails.cors.allowCredentials=true\n\
             grails.cors.allowedOrigins={},{}\naccessControl",
            root.cluster, root.node.origin
        );
        root.replace("/etc/bigbluebutton/bbb-web.properties", "accessControl", &settings);
    };
    breaks("3.0.28", change, &format!("web-calls {JAVA}")).await;
}

#[tokio::test]
async fn a_stale_value_in_etc_default_wins() {
    let change = |root: &Root| {
        root.write(
            "/etc/default/bbb-web",
            "JDK_JAVA_OPTIONS=\"-Dgrails.cors.enabled=true -Dgrails.cors.allowCredentials=true \
             -Dgrails.cors.allowedOrigins=https://old.example.org\"\n",
        );
    };
    breaks("3.0.28", change, &format!("web-calls {JAVA}")).await;
}

#[tokio::test]
async fn hasura_without_a_scheme() {
    let change = |root: &Root| {
        root.replace(HASURA, &root.cluster.to_string(), &root.cluster.authority());
    };
    breaks("3.0.28", change, &format!("rest-calls {HASURA}")).await;
}

#[tokio::test]
async fn hasura_open_to_all() {
    let change = |root: &Root| root.remove(HASURA);
    breaks("3.0.28", change, &format!("rest-calls-closed {HASURA}")).await;
}

#[tokio::test]
async fn the_middleware_with_a_scheme() {
    let change = |root: &Root| {
        root.replace(MIDDLEWARE, &root.cluster.authority(), &root.cluster.to_string());
    };
    breaks("3.0.28", change, &format!("graphql-socket {MIDDLEWARE}")).await;
}

#[tokio::test]
async fn the_middleware_without_its_file() {
    let change = |root: &Root| root.remove(MIDDLEWARE);
    breaks("3.0.28", change, &format!("graphql-socket {MIDDLEWARE}")).await;
}

#[tokio::test]
async fn the_middleware_open_to_all() {
    let change = |root: &Root| root.replace(MIDDLEWARE, &root.cluster.authority(), "*");
    breaks("3.0.28", change, &format!("graphql-socket-closed {MIDDLEWARE}")).await;
}

#[tokio::test]
async fn slides_without_the_variable() {
    let change = |root: &Root| root.remove_line(NGINX, "set $bbb_cors_origin");
    breaks("3.0.28", change, &format!("slides {NGINX}")).await;
    let change = |root: &Root| root.remove(LATE_NGINX);
    breaks("2.7.17", change, &format!("slides {LATE_NGINX}")).await;
}

/// Files of one slide, and calls of one engine, have locations of their own in nginx.
#[tokio::test]
async fn one_location_without_its_headers() {
    let slide = "/bigbluebutton/presentation/aaaa/aaaa/bbbb";
    for (path, status, wanted) in [
        (format!("{slide}/thumbnail/"), "401 Unauthorized", format!("slides {NGINX}")),
        (format!("{slide}/textfiles/"), "401 Unauthorized", format!("slides {NGINX}")),
        ("/api/rest/userMetadata".to_owned(), "204 No Content", format!("rest-calls {HASURA}")),
    ] {
        let rule = instead(&path, status, "", "");
        let report = cluster("3.0.28").at_node(rule).start().await.examine().await;
        assert_finds(&report, &[&format!("bbb-01 {wanted}")]);
    }
}

/// The package's file is the only place for it before 2.6, and one variable serves slides and
/// bbb-web: an upgrade that brings the file back as it was is one cause.
#[tokio::test]
async fn the_package_file_of_the_variable_as_it_was() {
    for (release, file) in [
        ("2.4.9", "/etc/bigbluebutton/nginx/loadbalancer.nginx"),
        ("2.5.18", "/usr/share/bigbluebutton/nginx/loadbalancer.nginx"),
    ] {
        let change = move |root: &Root| root.replace(file, &root.cluster.to_string(), "");
        breaks(release, change, &format!("web-calls {file}")).await;
    }
}

#[tokio::test]
async fn slides_with_a_slash_too_many() {
    for (release, file) in [("3.0.28", NGINX), ("2.7.17", LATE_NGINX)] {
        let change = move |root: &Root| {
            root.replace(file, &format!("'{}'", root.cluster), &format!("'{}/'", root.cluster));
        };
        breaks(release, change, &format!("slides {file}")).await;
    }
}

#[tokio::test]
async fn the_release_that_cannot_work() {
    for plan in [cluster("3.0.27"), cluster("3.0.27").untold()] {
        let report = plan.start().await.examine().await;
        assert_finds(&report, &["bbb-01 release the node's packages"]);
    }
}

/// The simulated node plays none of them: only what it says of itself is theirs.
#[tokio::test]
async fn alphas_of_3_0_cannot_work() {
    for (version, works) in
        [("3.0.0-alpha.7", false), ("3.0.0-beta.1", false), ("3.0.0-beta.2", true)]
    {
        let told = format!(r#""bbbVersion": "{version}""#);
        let rule = altering("/bigbluebutton/api HTTP", r#""bbbVersion": """#, &told);
        let report = cluster("3.0.18").untold().at_node(rule).start().await.examine().await;
        assert_eq!(report.nodes[0].bbb.as_deref(), Some(version));
        assert_finds(&report, if works { &[] } else { &["bbb-01 release the node's packages"] });
    }
}

#[tokio::test]
async fn slides_before_that_release_are_open() {
    for plan in [cluster("3.0.18"), cluster("3.0.18").untold()] {
        assert_finds(&plan.start().await.examine().await, &[]);
    }
}

#[tokio::test]
async fn etherpad_without_its_file() {
    for release in ["2.7.17", "3.0.28"] {
        let change = |root: &Root| root.remove(ETHERPAD);
        breaks(release, change, &format!("pad-export {ETHERPAD}")).await;
    }
}

/// There is no setting to name before 2.6.
#[tokio::test]
async fn an_etherpad_that_no_setting_cures() {
    let report = cluster("2.5.18").start().await.examine().await;
    assert_finds(&report, &["bbb-01 pad-export "]);
    assert_eq!((report.summary.warnings, report.summary.notes), (0, 1), "{report}");
    // The client of 2.4 has nothing to export notes for.
    assert_finds(&cluster("2.4.9").start().await.examine().await, &[]);
}
