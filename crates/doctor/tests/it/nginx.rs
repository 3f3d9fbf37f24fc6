//! A real nginx that does not take the files any more.

use bluegate_simnode::{NginxError, PowerOnError, Unit};

use crate::cluster::{assert_finds, cluster};

const NGINX: &str = "/etc/bigbluebutton/nginx/bbb-cluster.nginx";

/// The same location in a second file, as when an operator keeps what was there before;
/// and the semicolon that an old page of BBB's documentation forgot.
#[tokio::test]
async fn an_nginx_that_refuses_its_files() {
    let twice = "location ^~ /bbb-01/html5client/ { return 204; }\n";
    for (file, text, says) in [
        ("/etc/bigbluebutton/nginx/old-cluster.nginx", twice, "duplicate location"),
        (NGINX, "set $bbb_cors_origin 'https://bbb.example.org'\n", "old semicolon"),
    ] {
        let cluster = cluster("3.0.28").with_nginx().start().await;
        assert_finds(&cluster.examine().await, &[]);
        let root = cluster.root(0);
        let before = std::fs::read_to_string(root.path(file)).unwrap_or_default();
        root.write(file, &(before + text));

        let node = &cluster.nodes[0];
        let Err(NginxError::Refused { output }) = node.test_nginx() else { panic!("{says}") };
        // Reloaded, it goes on as before: nothing is to be seen, and nobody is hurt yet.
        node.restart(Unit::Nginx).unwrap_err();
        assert_finds(&cluster.examine().await, &[]);
        // Started anew, it is gone, and `nginx -t` names the file that the finding speaks of.
        node.power_off();
        let refused = node.power_on().unwrap_err();
        assert!(matches!(refused, PowerOnError::Nginx(NginxError::Refused { .. })), "{refused}");
        let report = cluster.examine().await;
        assert_finds(&report, &["bbb-01 node-answers the file that `nginx -t` names on the node"]);
        assert!(output.contains("/etc/bigbluebutton/nginx/"), "{says}: {output}");
    }
}
