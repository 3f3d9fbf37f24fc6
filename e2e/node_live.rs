//! `bluegate node` on a machine that lives: its own `/`, its users, its packages.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use bluegate_testkit::eventually;

use crate::{
    cluster::BLUEGATE,
    command_line::seen,
    fake::{Meetings, Scalelite},
    live_node::LiveNode,
};

const WITHIN: Duration = Duration::from_secs(40);

const CONFIG: &str = "/etc/bluegate/bluegate.toml";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodeconf/tests/fixtures").join(name)
}

/// A node of this fixture, with what it needs to look after itself.
fn node(name: &str, meetings: &Meetings, scalelite: Option<&Scalelite>) -> LiveNode {
    let node = LiveNode::start(&fixture(name));
    let balancer = scalelite.map_or(String::new(), |scalelite| {
        format!(
            "[balancer]\nscalelite = {{ url = \"http://127.0.0.1:{}\", secret_file = \"lb\" }}\n",
            scalelite.port
        )
    });
    let port = meetings.port;
    node.write(
        CONFIG,
        &format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost\"\n[[node]]\nname = \"bbb-01\"\n\
             origin = \"http://bbb-01.cluster.localhost:{port}\"\naddress = \"127.0.0.1:{port}\"\n\
             secret_file = \"secret\"\n{balancer}"
        ),
    );
    node.write("/etc/bluegate/secret", "node-secret\n");
    node.write("/etc/bluegate/lb", "lb-secret\n");
    node
}

fn run(node: &LiveNode, arguments: &[&str]) -> Output {
    node.run(&[&[BLUEGATE, "node"], arguments].concat())
}

/// The same, which has to end with this exit code.
fn said(node: &LiveNode, arguments: &[&str], code: i32) -> String {
    let output = run(node, arguments);
    assert_eq!(output.status.code(), Some(code), "{}", seen(&output));
    seen(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_node_is_left_alone_while_meetings_run_and_drained_when_told() {
    let meetings = Meetings::start(2);
    let url = format!("http://bbb-01.cluster.localhost:{}/bigbluebutton/api", meetings.port);
    let scalelite = Scalelite::start(&[("one", url, "enabled")]);
    let node = node("3.0-stock", &meetings, Some(&scalelite));
    let properties = node.read("/etc/bigbluebutton/bbb-web.properties");

    let refused = said(&node, &["apply", "bbb-01", "--yes"], 3);
    assert!(refused.contains("2 meetings run on `bbb-01`, and restarting"), "{refused}");
    assert_eq!(node.read("/etc/bigbluebutton/bbb-web.properties"), properties);
    assert!(node.told_systemd().is_empty());

    // A drain that is interrupted leaves the node cordoned and says so.
    let arguments = [BLUEGATE, "node", "apply", "bbb-01", "--yes", "--drain"];
    let draining =
        node.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the node is cordoned", WITHIN, || async {
        (scalelite.state_of("one") == "cordoned").then_some(())
    })
    .await
    .unwrap();
    let pid = draining.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = draining.wait_with_output().unwrap();
    let text = seen(&output);
    assert!(
        text.starts_with("exit 3") && text.contains("interrupted: `bbb-01` stays cordoned"),
        "{text}"
    );
    assert!(text.contains("waiting for 2 meetings to end"), "{text}");
    assert_eq!(scalelite.state_of("one"), "cordoned");
    assert_eq!(node.read("/etc/bigbluebutton/bbb-web.properties"), properties);

    // The same command goes on, and lets the node back.
    meetings.set(0);
    let done = said(&node, &["apply", "bbb-01", "--yes", "--drain"], 0);
    assert!(done.contains("gives it new meetings again"), "{done}");
    assert_eq!(scalelite.told(), ["cordon", "enable"], "already cordoned by us, and not twice");
    let told = node.told_systemd();
    assert!(told.contains(&"restart bbb-web.service".to_owned()), "{told:?}");
    assert!(done.contains("ran nginx -t"), "the real one: {done}");
    let owner = node.shell("stat -c '%U:%G %a' /etc/bigbluebutton/bbb-html5.yml");
    assert_eq!(owner, "root:bigbluebutton 640\n");

    meetings.set(5);
    assert!(said(&node, &["apply", "bbb-01", "--yes"], 0).contains("bbb-01: nothing to do"));
    said(&node, &["verify", "bbb-01"], 0);
    assert!(said(&node, &["rollback", "bbb-01", "--yes"], 3).contains("5 meetings run"));
    said(&node, &["rollback", "bbb-01", "--yes", "--force"], 0);
    assert_eq!(node.read("/etc/bigbluebutton/bbb-web.properties"), properties);

    // Files now, services later: the node remembers.
    let written = said(&node, &["apply", "bbb-01", "--yes", "--no-restart"], 0);
    assert!(written.contains("pending, since nothing was restarted: "), "{written}");
    let waiting = said(&node, &["verify", "bbb-01"], 1);
    assert!(waiting.contains("Waiting for a restart since "), "{waiting}");
    meetings.set(0);
    node.told_systemd();
    assert!(said(&node, &["apply", "bbb-01", "--yes"], 0).contains("restarted what waited for it"));
    assert!(node.told_systemd().contains(&"restart bbb-web.service".to_owned()));
    said(&node, &["verify", "bbb-01"], 0);
}

/// A package with one file, of this version.
fn package(node: &LiveNode, version: u32) -> String {
    node.shell(&format!(
        "rm -rf /tmp/p; mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/bigbluebutton/nginx
         printf 'Package: bbb-config-test\\nVersion: {version}\\nArchitecture: all\\n' >/tmp/p/DEBIAN/control
         printf 'Maintainer: A <a@example.org>\\nDescription: a test\\n' >>/tmp/p/DEBIAN/control
         printf '# version {version}\\nset $bbb_loadbalancer_node '\\'''\\'';\\n' \\
             >/tmp/p/usr/share/bigbluebutton/nginx/loadbalancer.nginx
         dpkg-deb --root-owner-group --build /tmp/p /tmp/p-{version}.deb >/dev/null"
    ));
    format!("/tmp/p-{version}.deb")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_package_undoes_is_done_again_by_the_hook() {
    let file = "/usr/share/bigbluebutton/nginx/loadbalancer.nginx";
    let ours = "set $bbb_loadbalancer_node 'http://bbb.cluster.localhost';";
    let meetings = Meetings::start(0);
    let node = node("2.5-stock", &meetings, None);
    node.shell(&format!("dpkg -i {}", package(&node, 1)));
    said(&node, &["apply", "bbb-01", "--yes"], 0);
    assert!(node.read(file).contains(ours));

    // Without the hook it is lost.
    node.shell(&format!("dpkg -i {}", package(&node, 2)));
    assert!(!node.read(file).contains(ours), "{}", node.read(file));

    said(&node, &["install-hook", "bbb-01", "--program", BLUEGATE], 0);
    let told = node.told_systemd();
    assert!(told.ends_with(&["daemon-reload".to_owned(), "start bluegate-node.timer".to_owned()]));
    meetings.set(3);
    for (version, command) in [(3, "dpkg -i"), (4, "apt-get install -qq")] {
        let said = node.shell(&format!("{command} {} 2>&1", package(&node, version)));
        let report = "bbb-01: these were changed since, and are again as they were applied";
        assert_eq!(
            said.matches(report).count(),
            1,
            "{command}: once, and seen by whoever ran it: {said}"
        );
        let text = node.read(file);
        assert!(
            text.starts_with(&format!("# version {version}\n")) && text.contains(ours),
            "{text}"
        );
        let told = node.told_systemd();
        assert!(told.contains(&"reload nginx.service".to_owned()), "{command}: {told:?}");
        assert_eq!(told.last().unwrap(), "start --no-block bluegate-node.service", "{command}");
        assert!(told.iter().all(|told| !told.starts_with("restart")), "meetings run: {told:?}");
    }
    // A package run of something else finds all as it should be.
    let said = node.shell("dpkg --configure -a 2>&1");
    assert!(!said.contains("changed since"), "{said}");

    // After a rollback nothing is done behind the operator's back.
    self::said(&node, &["rollback", "bbb-01", "--yes", "--no-restart"], 0);
    let said = node.shell(&format!("dpkg -i {} 2>&1", package(&node, 5)));
    assert!(said.contains("was rolled back: left alone until the next one"), "{said}");
    assert!(!node.read(file).contains(ours));

    self::said(&node, &["remove-hook", "bbb-01"], 0);
    let said = node.shell(&format!("dpkg -i {} 2>&1", package(&node, 6)));
    assert!(!said.contains("bbb-01"), "{said}");
    assert_eq!(node.shell("find /etc -name '*bluegate-node*'"), "");
}
