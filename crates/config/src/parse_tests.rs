use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// The file of the design, word for word.
const DESIGN: &str = r#"
[cluster]
origin = "https://bbb.example.org"
node_ca = "/etc/bluegate/ca.pem"     # optional: a CA to trust for nodes besides the system's

[[node]]
name = "bbb-01"                      # also its mount
origin = "https://bbb-01.example.org"
address = "10.0.0.11:443"            # optional: where we connect; TLS name and Host stay those of origin
secret_file = "/etc/bluegate/secrets/bbb-01"
bbb = "3.0"                          # optional: detected when absent
proxied = true                       # false: this node still serves its client itself

[[tenant]]
name = "default"
secret_file = "/etc/bluegate/secrets/default"     # several, one per line: the first signs, all verify

[proxy]
listen = ["0.0.0.0:443", "[::]:443"]
tls = { acme = { contact = "admin@example.org" } }     # or { cert = "...", key = "..." }

[scaler]
origin = "https://api.example.org"
listen = ["127.0.0.1:8090"]          # a string or a list, everywhere
store = "sqlite:///var/lib/bluegate/bluegate.db"        # or postgres://...

[admin]
listen = "127.0.0.1:8091"            # TLS required when not loopback
token_file = "/etc/bluegate/secrets/admin"
"#;

fn problems(text: &str) -> String {
    parse(text, Path::new("/etc/bluegate")).expect_err("the file is wrong").to_string()
}

#[test]
fn the_file_of_the_design_is_understood() {
    let config = parse(DESIGN, Path::new("/")).unwrap();
    assert_eq!(config.cluster.origin.to_string(), "https://bbb.example.org");
    assert_eq!(config.nodes[0].node.connect_to(), ("10.0.0.11", 443));
    let acme = Acme { contact: "admin@example.org".into(), directory: None, directory_ca: None };
    assert_eq!(config.proxy.unwrap().tls, Tls::Acme(acme));
    assert_eq!(config.scaler.unwrap().listen, ["127.0.0.1:8090".parse().unwrap()]);
    assert_eq!(config.admin.unwrap().listen, ["127.0.0.1:8091".parse().unwrap()]);
}

#[test]
fn every_problem_is_named_at_once_with_its_line() {
    assert_snapshot!(problems(
        r#"[cluster]
origin = "https://https://bbb.example.org"

[[node]]
nme = "bbb-01"
origin = "https://bbb-01.example.org/"
proxied = "yes"

[[node]]
name = "html5client"
origin = "https://bbb-02.example.org"
bbb = "three"

[scaller]

[proxy]
listen = ["443", "0.0.0.0:443"]
tls = { cert = "chain.pem" }
connect_timeout = 3
node_requests = 0
"#
    ), @r#"
    line 2: `cluster.origin`: `https://https://bbb.example.org` has its scheme twice
    line 4: `node[1]`: `name` is missing
    line 5: `node[1].nme`: unknown key
      hint: did you mean `name`?
    line 6: `node[1].origin`: `https://bbb-01.example.org/` has a path or a trailing slash; an origin is scheme, host and port only
    line 7: `node[1].proxied`: expected `true` or `false`, found string
    line 10: `node[2].name`: `html5client` is reserved: that path has a meaning of its own on an origin
    line 12: `node[2].bbb`: `three` is not a BBB version such as `2.7`, `3.0.28` or `3.0.0-beta.1`
    line 14: `scaller`: unknown key
      hint: did you mean `scaler`?
    line 17: `proxy.listen`: expected an IP address and port such as `0.0.0.0:443` or `[::]:443`
    line 18: `proxy.tls`: give `cert` and `key`, or `acme`
    line 19: `proxy.connect_timeout`: expected a text in quotes, found integer
    line 20: `proxy.node_requests`: expected a whole number of at least 1, found integer
    "#);
}

#[test]
fn parts_that_contradict_each_other_are_named() {
    assert_snapshot!(problems(
        r#"[cluster]
origin = "https://bbb.example.org"
[[node]]
name = "bbb-01"
origin = "https://bbb-01.example.org"
[[node]]
name = "bbb-01"
origin = "https://bbb-01.example.org:443"
[[node]]
name = "bbb-03"
origin = "https://bbb.example.org"
secret_file = ""
[scaler]
origin = "https://api.example.org"
listen = "127.0.0.1:8090"
store = "mysql://localhost/bluegate"
[admin]
listen = "0.0.0.0:8091"
token_file = "t"
"#
    ), @r#"
    line 3: `node[1]`: `secret_file` is missing, which the scaler needs
      hint: put the output of `bbb-conf --secret` there
    line 6: `node[2]`: `secret_file` is missing, which the scaler needs
      hint: put the output of `bbb-conf --secret` there
    line 7: `node[2].name`: `bbb-01` is already the name of node[1]
    line 8: `node[2].origin`: `https://bbb-01.example.org` is already the origin of node[1]
    line 9: `node[3]`: `secret_file` is missing, which the scaler needs
      hint: put the output of `bbb-conf --secret` there
    line 11: `node[3].origin`: this is the cluster's origin
      hint: a node needs an origin of its own: API, sockets and media go there directly
    line 12: `node[3].secret_file`: the path is empty
    line 13: `scaler`: the scaler has no tenant, so nobody could call it
      hint: add `[[tenant]]` with `name = "default"` and a `secret_file`
    line 16: `scaler.store`: this is the address of no store
      hint: write `sqlite:///var/lib/bluegate/bluegate.db` or `postgres://USER@HOST/DATABASE`
    line 18: `admin.listen`: `0.0.0.0:8091` is not loopback, so `tls` is required
      hint: listen on 127.0.0.1, or give `tls`
    "#);
}

#[test]
fn a_table_inside_a_section_is_read_like_one() {
    let file =
        "[cluster]\norigin = \"https://bbb.example.org\"\n\n[proxy]\nlisten = \"127.0.0.1:1\"\n";
    let config = parse(file, Path::new("/")).unwrap().proxy.unwrap();
    assert!(config.cache.enabled && config.share_builds);
    assert_eq!(config.cache.memory, 256 << 20);

    let given =
        format!("{file}share_builds = false\n[proxy.cache]\nmemory = \"0B\"\nwarm = false\n");
    let config = parse(&given, Path::new("/")).unwrap().proxy.unwrap();
    assert_eq!((config.cache.memory, config.cache.warm, config.share_builds), (0, false, false));

    let wrong =
        problems(&format!("{file}[proxy.cache]\nmemry = \"1MiB\"\nmax_object = \"much\"\n"));
    assert!(
        wrong.contains("did you mean `memory`?") && wrong.contains("proxy.cache.max_object"),
        "{wrong}"
    );
}

#[test]
fn a_node_is_not_given_up_after_a_few_polls() {
    let with = |keys: &str| {
        DESIGN.replace(
            "listen = [\"127.0.0.1:8090\"]",
            &format!("listen = [\"127.0.0.1:8090\"]\n{keys}"),
        )
    };
    let lost_after =
        |keys: &str| parse(&with(keys), Path::new("/")).unwrap().scaler.unwrap().lost_after;
    assert_eq!(lost_after(""), Duration::from_secs(90));
    assert_eq!(lost_after("lost_after = \"5m\""), Duration::from_secs(300));
    assert_eq!(
        lost_after("poll_interval = \"200ms\"\nlost_after = \"1s\""),
        Duration::from_secs(1)
    );
    assert_snapshot!(problems(&with("lost_after = \"9s\"")), @"
    line 25: `scaler.lost_after`: a node would be given up after a few polls that failed
      hint: write at least `10s`
    ");
    assert_snapshot!(problems(&with("poll_interval = \"20s\"")), @"
    line 22: `scaler.lost_after`: a node would be given up after a few polls that failed
      hint: write at least `100s`
    ");
}

#[test]
fn a_gate_needs_its_doctor() {
    let with = |keys: &str| {
        let listen = "listen = [\"127.0.0.1:8090\"]";
        DESIGN.replace(listen, &format!("{listen}\ngate = \"{keys}\""))
    };
    let doctor = format!("{}\n[doctor]\n", with("doctor"));
    assert_eq!(parse(&doctor, Path::new("/")).unwrap().scaler.unwrap().gate, Gate::Doctor);
    assert_snapshot!(problems(&with("doctor")), @"
    line 1: `gate` of `scaler` waits for a doctor that does not look by itself
      hint: add a `[doctor]` section
    ");
    assert!(problems(&with("nurse")).contains("`nurse` is not `none` or `doctor`"));
}

#[test]
fn a_shared_address_needs_one_tls() {
    let text = DESIGN
        .replace("listen = [\"127.0.0.1:8090\"]", "listen = [\"127.0.0.1:8090\", \"0.0.0.0:443\"]");
    assert_snapshot!(problems(&text), @"
    line 1: `proxy` and `scaler` share 0.0.0.0:443 but have different `tls` or `acme_folder`
      hint: give both sections the same, or other addresses
    ");
}

#[test]
fn the_admin_listener_is_nobody_elses_and_has_files_of_its_own() {
    let text = DESIGN
        .replace("listen = \"127.0.0.1:8091\"", "listen = [\"127.0.0.1:8090\", \"0.0.0.0:443\"]\ntls = { acme = { contact = \"admin@example.org\" } }");
    assert_snapshot!(problems(&text), @"
    line 28: `admin.listen`: 127.0.0.1:8090 is another section's too
      hint: give `[admin]` an address of its own
    line 29: `admin.tls`: the admin listener has no name to fetch a certificate for
      hint: give `cert` and `key`; a certificate of your own authority will do
    ");
}

#[test]
fn what_stands_before_the_proxy_is_checked() {
    assert_snapshot!(problems(
        r#"[cluster]
origin = "http://bbb.example.org"
[proxy]
listen = ["0.0.0.0:80", "0.0.0.0:81"]
redirect_listen = "0.0.0.0:80"
hsts = "180d"
trusted_proxies = ["10.0.0.0/33"]
tls = { acme = { contact = "admin@example.org", directory = "http://ca.example.org/" } }
client_rate = 0
"#
    ), @r"
    line 5: `proxy.redirect_listen`: the cluster's origin is not https
    line 5: `proxy.redirect_listen`: 0.0.0.0:80 is in `listen` too
    line 6: `proxy.hsts`: the cluster's origin is not https
    line 7: `proxy.trusted_proxies`: expected a network such as `10.0.0.0/8` or `2001:db8::/32`
    line 8: `proxy.tls.acme.directory`: expected an https URL
    line 9: `proxy.client_rate`: expected a whole number of at least 1, found integer
    ");
}

#[test]
fn what_stands_before_the_proxy_is_shown_as_read() {
    let text = r#"[cluster]
origin = "https://bbb.example.org"
[proxy]
listen = "0.0.0.0:443"
tls = { acme = { contact = "admin@example.org", directory = "https://ca.example.org/", directory_ca = "ca.pem" } }
acme_folder = "acme"
redirect_listen = "0.0.0.0:80"
hsts = "180d"
trusted_proxies = ["10.0.0.0/8", "2001:db8::/32"]
proxy_protocol = true
"#;
    let config = parse(text, Path::new("/etc/bluegate")).unwrap();
    let proxy = config.proxy.clone().unwrap();
    assert_eq!(proxy.acme_folder, Path::new("/etc/bluegate/acme"));
    assert_eq!(proxy.front.trusted_proxies.len(), 2);
    assert_eq!(proxy.front.hsts.unwrap().as_secs(), 15_552_000);
    let shown = crate::effective(&config);
    assert_eq!(parse(&shown, Path::new("/elsewhere")).unwrap(), config, "{shown}");
}

#[test]
fn the_api_passes_elsewhere_or_not_at_all() {
    let base = "[cluster]\norigin = \"https://bbb.example.org\"\n\
                [[tenant]]\nname = \"default\"\nsecret_file = \"s\"\n";
    let proxy = "[proxy]\nlisten = \"127.0.0.1:80\"\napi = \"https://api.example.org\"\n\
                 allow_nodes = [\"*.Example.org\", \"10.0.0.7\"]\n";
    let scaler = |port| {
        format!("[scaler]\norigin = \"https://a.example.org\"\nlisten = \"127.0.0.1:{port}\"\n")
    };
    let config = parse(&format!("{base}{proxy}{}", scaler(81)), Path::new("/")).unwrap();
    let shown = crate::effective(&config);
    assert!(shown.contains("allow_nodes = [\"*.example.org\", \"10.0.0.7/32\"]"), "{shown}");
    assert_eq!(parse(&shown, Path::new("/elsewhere")).unwrap(), config, "{shown}");
    assert_snapshot!(problems(&format!("{base}{proxy}{}", scaler(80))), @"
    line 1: `proxy` passes the API on 127.0.0.1:80, where `scaler` answers it
      hint: leave `api` out of `[proxy]`
    ");
    let to_itself = proxy.replace("api.example", "bbb.example").replace("10.0.0.7", "10.*");
    assert_snapshot!(problems(&format!("{base}{to_itself}")), @"
    line 8: `proxy.api`: this is the cluster's origin: it would pass to itself
    line 9: `proxy.allow_nodes`: expected a host name, `*.` and a domain, or a network such as `10.0.0.0/8`
    ");
}

#[test]
fn broken_toml_and_an_empty_file_are_explained() {
    assert_snapshot!(problems("[cluster\norigin = \"a\"\n"), @"line 1: unclosed table, expected `]`");
    assert_snapshot!(problems(""), @r#"
    line 1: the section `[cluster]` is missing
      hint: start with `[cluster]` and `origin = "https://bbb.example.org"`
    "#);
}

#[test]
fn relative_paths_start_at_the_files_folder() {
    let text = "[cluster]\norigin = \"https://bbb.example.org\"\nnode_ca = \"ca.pem\"\n";
    let config = parse(text, Path::new("/etc/bluegate")).unwrap();
    assert_eq!(config.cluster.node_ca.as_deref(), Some(Path::new("/etc/bluegate/ca.pem")));
}

#[test]
fn what_is_odd_but_allowed_is_said() {
    let text = "[cluster]\norigin = \"https://bbb.example.org\"\n\
                [[node]]\nname = \"n\"\norigin = \"http://n.example.org\"\n\
                [proxy]\nlisten = \"127.0.0.1:80\"\n";
    let warnings = parse(text, Path::new("/")).unwrap().warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("no `tls`") && warnings[1].contains("mixed content"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\PC|\n|\\[|\\]|=|\"){0,200}") {
        let _outcome = parse(&text, Path::new("/"));
    }

    #[test]
    fn no_cut_or_altered_file_panics(at in 0..DESIGN.len(), with in "\\PC{0,3}") {
        let mut text = DESIGN.to_owned();
        if text.is_char_boundary(at) {
            text.insert_str(at, &with);
        }
        let _outcome = parse(&text, Path::new("/"));
    }
}

#[test]
fn a_balancer_is_told_by_scalelite_or_by_commands() {
    let cluster = "[cluster]\norigin = \"https://bbb.example.org\"\n[balancer]\n";
    let read = |text: &str| parse(&format!("{cluster}{text}"), Path::new("/etc/bluegate"));
    let nobody = read("").unwrap().balancer.unwrap();
    assert_eq!((nobody.scalelite, nobody.commands), (None, None));
    assert_eq!(nobody.drain_timeout, Duration::from_secs(4 * 3_600));
    let text = "scalelite = { url = \"https://s.example.org\", secret_file = \"s\" }\ndrain_timeout = \"30m\"";
    let balancer = read(text).unwrap().balancer.unwrap();
    let scalelite = balancer.scalelite.unwrap();
    assert_eq!(scalelite.origin.to_string(), "https://s.example.org");
    assert_eq!(scalelite.secret_file, Path::new("/etc/bluegate/s"));
    let text = "cordon_command = \"a\"\nuncordon_command = \"b\"";
    let commands = read(text).unwrap().balancer.unwrap().commands.unwrap();
    assert_eq!((commands.cordon.as_str(), commands.uncordon.as_str()), ("a", "b"));
    assert_snapshot!(problems(&format!(
        "{cluster}scalelite = {{ url = \"s.example.org\", secret = \"x\" }}\ncordon_command = \"a\"\n"
    )), @r"
    line 4: `balancer.scalelite`: `secret_file` is missing
    line 4: `balancer.scalelite.secret`: unknown key
    line 4: `balancer.scalelite.url`: `s.example.org` does not start with `http://` or `https://`
    line 5: `balancer.cordon_command`: `uncordon_command` belongs to it
    ");
}

#[test]
fn what_is_wrong_with_tenants_is_named_at_its_place() {
    assert_snapshot!(problems(
        r#"[cluster]
origin = "https://bbb.example.org"
[[tenant]]
name = "a"
secret_file = "s"
hosts = ["a.example.org", "bbb.example.org"]
[tenant.create]
record = { sett = "false" }
duration = { at_most = "120" }
[[tenant]]
name = "b"
secret_file = "s"
hosts = ["a.example.org"]
limits = { meetings = 0, users = { soft = 3, hard = 2 } }
[tenant.create]
record = { set = "false", remove = true }
meetingID = { set = "x" }
[[tenant]]
name = "c"
secret_file = "s"
hosts = ["a.example.org", "api.example.org"]
limits = 5
tags = { wanted = "gpu" }
[[tenant]]
name = "d"
secret_file = "s"
hosts = ["d.example.org"]
[[tenant]]
name = "e"
secret_file = "s"
hosts = ["D.example.org", "api.example.org", "bbb.example.org"]
[scaler]
origin = "https://api.example.org"
listen = "127.0.0.1:8090"
"#
    ));
}

#[test]
fn a_delegate_for_recordings_has_a_secret_and_a_scaler() {
    let file = |section: &str| format!("{DESIGN}\n[recordings]\n{section}");
    let config = parse(
        &file("delegate = \"https://old.example.org\"\ndelegate_secret_file = \"old\""),
        Path::new("/etc/bluegate"),
    );
    let recordings = config.unwrap().recordings;
    assert_eq!(recordings.interval.as_secs(), 600);
    let delegate = recordings.delegate.unwrap();
    assert_eq!(delegate.origin.to_string(), "https://old.example.org");
    assert_eq!(delegate.secret_file, Path::new("/etc/bluegate/old"));
    assert_eq!(parse(DESIGN, Path::new("/")).unwrap().recordings, crate::Recordings::default());
    for (section, wanted) in [
        ("delegate = \"https://old.example.org\"", "`delegate_secret_file` belongs to it"),
        ("delegate_secret_file = \"old\"", "`delegate` belongs to it"),
        ("delegate = \"old\"\ndelegate_secret_file = \"old\"", "recordings.delegate"),
        ("interval = \"1s\"", "write at least `10s`"),
    ] {
        let found = problems(&file(section));
        assert!(found.contains(wanted), "{section}: {found}");
    }
    let alone = "[cluster]\norigin = \"https://bbb.example.org\"\n[recordings]\n";
    assert!(problems(alone).contains("recordings are listed by the scaler"));
}
