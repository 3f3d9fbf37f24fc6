//! Whatever stands in a node's files: it is planned for, or refused with its file, and what was
//! planned needs no second plan.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static NODES: LazyLock<[Snapshot; 3]> =
    LazyLock::new(|| ["2.4-by-hand", "2.7-ansible", "3.0-by-hand"].map(fixture));

const FILES: [&str; 12] = [
    "/etc/bigbluebutton/bbb-web.properties",
    "/etc/bigbluebutton/bbb-html5.yml",
    "/etc/bigbluebutton/etherpad.json",
    "/etc/bigbluebutton/bbb-graphql-middleware.yml",
    "/etc/bigbluebutton/bbb-graphql-server.env",
    "/etc/bigbluebutton/nginx/bbb-cluster.nginx",
    "/etc/bigbluebutton/nginx/loadbalancer.nginx",
    "/etc/bigbluebutton/nginx/somebody.nginx",
    "/etc/bigbluebutton/bbb-conf/apply-config.sh",
    "/etc/default/bbb-web",
    "/etc/systemd/system/bbb-web.service.d/override.conf",
    "/usr/share/bigbluebutton/nginx/bbb-html5.nginx",
];

/// Words that our editors look for, between any others.
fn any_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => "\\PC{0,6}",
        1 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        2 => prop::sample::select(vec![
            "public:\n", "  app:\n", "    basename: /x # bluegate\n", "server:\n", "{", "}", "[", "]", ";",
            "\"", "'", "\\", "\\\n", "#", "# bluegate", ": ", "=", "defaultHTML5ClientUrl=", "apiUrl=y\n",
            "set $bbb_cors_origin 'x';\n", "set $bbb_loadbalancer_node", "location /bbb-01/html5client ",
            "location /html5client { a b; }\n", "JDK_JAVA_OPTIONS=", "-Dgrails.cors.enabled=true ",
            "[Service]\n", "Environment=\"", "\"cluster_proxies\": [\"https://x\"]",
            "# BEGIN bluegate (managed: edits between these marks are lost)\n", "# END bluegate\n",
            "#!/bin/bash\n", "exit 0\n", "rewrite ^/bbb-01/(.*)$ /$1 last;\n",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_is_planned_once_or_refused(
        which in 0..3_usize,
        path in prop::sample::select(&FILES[..]),
        text in any_text(),
    ) {
        let host = holding(&NODES[which], path, text.as_bytes());
        let cluster: Origin = CLUSTER.parse().unwrap();
        let detected = detect(&host, None).unwrap();
        match plan(&host, &detected, &cluster, &node(true), &Options::default()) {
            Ok(first) => {
                let host = host.after(&first);
                let second = plan(&host, &detected, &cluster, &node(true), &Options::default());
                let second = second.unwrap();
                prop_assert!(second.is_empty(), "{}\n{}", show(&first), show(&second));
            }
            Err(PlanError::Edit { path: named, .. }) => prop_assert_eq!(named, path),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
