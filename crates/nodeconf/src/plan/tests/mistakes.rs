//! Every mistake that operators copy from documentation, with the words it is reported in.

use super::*;

/// What is reported of `text` in the file at `path` of a fixture: key, what is wrong, what is done.
fn reported(fixture_name: &str, path: &str, text: &str) -> Vec<(String, String, String)> {
    let plan =
        planned(&holding(&fixture(fixture_name), path, text.as_bytes()), CLUSTER, &node(true));
    let found = plan.findings.into_iter().filter(|finding| finding.path == path);
    found.map(|finding| (finding.key, finding.mistake, finding.fix)).collect()
}

const WEB: &str = "/etc/bigbluebutton/bbb-web.properties";
const HTML5: &str = "/etc/bigbluebutton/bbb-html5.yml";

#[test]
fn every_known_mistake_is_reported_with_its_fix() {
    let twice = "the scheme stands twice, as one revision of the documentation prints it";
    let bare = "a scheme stands where a bare host belongs";
    let ending = "differs from ours in its ending only, as in an example of the documentation";
    for (fixture, path, text, key, mistake, fix) in [
        (
            "3.0-stock",
            WEB,
            "presentationBaseURL=https://https://bbb-01.example.org/bigbluebutton/presentation\n",
            "presentationBaseURL",
            twice,
            "becomes `https://bbb-01.example.org/bigbluebutton/presentation`",
        ),
        (
            "3.0-stock",
            WEB,
            "accessControlAllowOrigin=https://bbb.example.com\n",
            "accessControlAllowOrigin",
            &format!("`bbb.example.com` {ending}"),
            "becomes `https://bbb.example.org`",
        ),
        (
            "2.7-stock",
            HTML5,
            "public:\n  app:\n    learningDashboardBase: https://bbb-01.example.org/learning-dashboard\n",
            "public.app.learningDashboardBase",
            "the dashboard's path has been `learning-analytics-dashboard` since 2.4.4 (BBB#21523)",
            "becomes `https://bbb-01.example.org/learning-analytics-dashboard`",
        ),
        (
            "3.0-stock",
            WEB,
            "graphqlWebsocketUrl=wss://bbb-01.example.org/v1/graphql\n",
            "graphqlWebsocketUrl",
            "the socket is at `/graphql`, never at `/v1/graphql` (BBB#20797)",
            "becomes `wss://bbb-01.example.org/graphql`",
        ),
        (
            "3.0-stock",
            WEB,
            "defaultHTML5ClientUrl=https://bbb.example.org/bbb-01/html5client\n",
            "defaultHTML5ClientUrl",
            "the slash at the end is missing: the client's files would be looked for in the wrong folder (BBB#21130, BBB#24346)",
            "becomes `https://bbb.example.org/bbb-01/html5client/`",
        ),
        (
            "3.0-stock",
            HTML5,
            "public:\n  media:\n    sip_ws_host: https://bbb-01.example.org\n",
            "public.media.sip_ws_host",
            bare,
            "becomes `bbb-01.example.org`",
        ),
        (
            "3.0-stock",
            "/etc/bigbluebutton/bbb-graphql-middleware.yml",
            "server:\n  authorized_cross_origin: https://bbb.example.org\n",
            "server.authorized_cross_origin",
            bare,
            "becomes `bbb.example.org`",
        ),
        (
            "3.0-stock",
            "/etc/bigbluebutton/bbb-graphql-server.env",
            "HASURA_GRAPHQL_CORS_DOMAIN=bbb.example.org\n",
            "HASURA_GRAPHQL_CORS_DOMAIN",
            "the scheme is missing: browsers compare whole origins",
            "becomes `https://bbb.example.org`",
        ),
        (
            "3.0-stock",
            "/etc/bigbluebutton/nginx/bbb-cluster.nginx",
            "set $bbb_cors_origin 'https://bbb.example.org/';\n",
            "set $bbb_cors_origin",
            "an origin has no slash at its end: it never equals what browsers send (BBB#25108)",
            "becomes `'https://bbb.example.org'`",
        ),
        (
            "2.4-stock",
            "/etc/bigbluebutton/nginx/loadbalancer.nginx",
            "set $bbb_loadbalancer_node https://bbb.example.org\nset $other 1;\n",
            "set $bbb_loadbalancer_node",
            "the `;` is missing, as in the documentation of 2.4: nginx takes the next line for a part of this one and does not load",
            "becomes `'https://bbb.example.org'`",
        ),
        (
            "2.7-stock",
            WEB,
            "defaultGuestWaitURL=https://bbb.example.org/bbb-01/html5client/guestWait\n",
            "defaultGuestWaitURL",
            "the lobby belongs on the node's own origin: it asks for its language and its turn there (BBB#14462)",
            "becomes `https://bbb-01.example.org/bbb-01/html5client/guestWait`",
        ),
        (
            "3.0-stock",
            WEB,
            "apiUrl=https://bbb-01.example.org/bigbluebutton/api\n",
            "apiUrl",
            "there is no such property; one revision of the documentation prints it",
            "removed",
        ),
        (
            "3.0-stock",
            WEB,
            "grails.cors.enabled=true\n",
            "grails.cors.enabled",
            "bbb-web does not read this from its properties (BBB#16542)",
            "removed",
        ),
        (
            "3.0-stock",
            "/etc/systemd/system/bbb-web.service.d/override.conf",
            "[Service]\nEnvironment=\"JDK_JAVA_OPTIONS=-Dgrails.cors.enabled=true\"\n",
            "Service.Environment.JDK_JAVA_OPTIONS",
            "bbb-install rewrites files of this name, and the setting is lost (BBB#23819)",
            "removed",
        ),
        (
            "3.0-stock",
            "/etc/default/bbb-web",
            "JDK_JAVA_OPTIONS=\"-Dgrails.cors.enabled=true\"\n",
            "JDK_JAVA_OPTIONS",
            "this file wins over every drop-in, and belongs to a package (BBB#23819)",
            "removed",
        ),
    ] {
        let wanted = (key.to_owned(), mistake.to_owned(), fix.to_owned());
        assert_eq!(reported(fixture, path, text), [wanted], "{text}");
    }
}

#[test]
fn what_is_right_is_not_reported() {
    for name in fixtures().into_iter().filter(|name| name.ends_with("-stock")) {
        let host = fixture(&name);
        let configured = host.clone().after(&planned(&host, CLUSTER, &node(true)));
        for (host, state) in [(&host, "stock"), (&configured, "configured")] {
            let findings = planned(host, CLUSTER, &node(true)).findings;
            assert!(findings.is_empty(), "{name}, {state}: {findings:?}");
        }
    }
}
