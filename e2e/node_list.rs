//! `bluegate node list` and `show`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use insta::assert_snapshot;

use crate::{
    command_line::{bluegate, seen},
    fake::Scalelite,
};

const CLUSTER: &str = r#"
    [cluster]
    origin = "https://bbb.example.org"
    [[node]]
    name = "bbb-01"
    origin = "https://bbb-01.example.org"
    address = "10.0.0.11:443"
    secret_file = "/etc/bluegate/secrets/bbb-01"
    [[node]]
    name = "bbb-02"
    origin = "https://bbb-02.example.org"
    bbb = "2.7"
    proxied = false
"#;

#[test]
fn the_nodes_of_the_file_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bluegate.toml");
    fs::write(&config, CLUSTER).unwrap();
    let run = |arguments: &[&str]| {
        bluegate(&[&["node"], arguments, &["-c", config.to_str().unwrap()]].concat())
    };
    assert_snapshot!(seen(&run(&["list"])), @r"
    exit 0
    --- stdout
    NAME    ORIGIN                      ADDRESS        BBB  PROXIED
    bbb-01  https://bbb-01.example.org  10.0.0.11:443  -    yes
    bbb-02  https://bbb-02.example.org  -              2.7  no
    --- stderr
    ");
    assert_snapshot!(seen(&run(&["show", "bbb-01"])), @r"
    exit 0
    --- stdout
    name         bbb-01
    origin       https://bbb-01.example.org
    connects to  10.0.0.11 port 443
    BBB          detected
    client       https://bbb.example.org/bbb-01/html5client/
    secret       /etc/bluegate/secrets/bbb-01
    --- stderr
    ");
    let json: serde_json::Value = serde_json::from_slice(&run(&["list", "--json"]).stdout).unwrap();
    assert_eq!(json[1]["client"], "https://bbb-02.example.org/html5client/");
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["show", "bbb-02", "--json"]).stdout).unwrap();
    assert_eq!((&json["proxied"], &json["bbb"]), (&false.into(), &"2.7".into()));
    assert_eq!(run(&["show", "bbb-09"]).status.code(), Some(2));
}

#[test]
fn scalelites_servers_become_sections_and_their_secrets_files() {
    let fake = Scalelite::start(&[
        ("1", "https://bbb-01.example.org/bigbluebutton/api".to_owned(), "enabled"),
        ("2", "https://bbb-01.example.net/bigbluebutton/api/".to_owned(), "cordoned"),
        ("3", "https://api.example.org/bigbluebutton/api".to_owned(), "disabled"),
        ("4", "not a url".to_owned(), "disabled"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("lb"), "lb-secret\n").unwrap();
    let origin = format!("http://127.0.0.1:{}", fake.port);
    let from = ["node", "list", "--from", "scalelite", "--scalelite", &origin];
    let secret = path("lb");
    let from = [&from[..], &["--scalelite-secret-file", &secret]].concat();

    let listed = bluegate(&[&from[..], &["--secrets", &path("secrets")]].concat());
    let text = seen(&listed).replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_snapshot!(text, @r#"
    exit 1
    --- stdout
    # 3 servers of Scalelite's. `proxied = false`: each serves its client itself until it is converted,
    # see convert.md.

    # enabled, online, load multiplier 1.0
    [[node]]
    name = "bbb-01"
    origin = "https://bbb-01.example.org"
    secret_file = "FOLDER/secrets/bbb-01"
    bbb = "3.0.28"
    proxied = false

    # cordoned, online, load multiplier 1.0
    [[node]]
    name = "bbb-01-2"
    origin = "https://bbb-01.example.net"
    secret_file = "FOLDER/secrets/bbb-01-2"
    bbb = "3.0.28"
    proxied = false

    # disabled, online, load multiplier 1.0
    [[node]]
    name = "api-2"
    origin = "https://api.example.org"
    secret_file = "FOLDER/secrets/api-2"
    bbb = "3.0.28"
    proxied = false
    --- stderr
    left out, since it is no URL of a server: `not a url`
    "#);
    // What was written is a configuration file's part, and the secrets are nobody else's.
    let cluster = "[cluster]\norigin = \"https://bbb.example.org\"\n";
    let sections = String::from_utf8(listed.stdout).unwrap();
    fs::write(path("bluegate.toml"), format!("{cluster}{sections}")).unwrap();
    let checked = bluegate(&["node", "list", "-c", &path("bluegate.toml")]);
    assert_eq!(checked.status.code(), Some(0), "{}", seen(&checked));
    assert_eq!(fs::read_to_string(path("secrets/bbb-01")).unwrap(), "secret-of-1\n");
    let mode = fs::metadata(path("secrets/bbb-01")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!sections.contains("secret-of"), "no secret on the terminal");

    // The place may stand in the file; a wrong secret is told.
    let balancer =
        format!("[balancer]\nscalelite = {{ url = \"{origin}\", secret_file = \"lb\" }}\n");
    fs::write(path("bluegate.toml"), format!("{cluster}{balancer}")).unwrap();
    let run = || {
        bluegate(&["node", "list", "--from", "scalelite", "--json", "-c", &path("bluegate.toml")])
    };
    let json: serde_json::Value = serde_json::from_slice(&run().stdout).unwrap();
    assert_eq!(json[1]["scalelite"]["state"], "cordoned");
    assert!(json[1].get("secret").is_none() && json[1].get("secret_file").is_none());
    fs::write(path("lb"), "wrong\n").unwrap();
    let refused = run();
    assert_eq!(refused.status.code(), Some(3));
    assert!(seen(&refused).contains("is this its LOADBALANCER_SECRET?"), "{}", seen(&refused));
    fs::write(path("bluegate.toml"), cluster).unwrap();
    assert_eq!(run().status.code(), Some(2));
}
