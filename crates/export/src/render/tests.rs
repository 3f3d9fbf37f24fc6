use std::{net::IpAddr, path::PathBuf};

use bluegate_cluster::{Node, Origin, Routes};
use insta::assert_snapshot;

use super::*;
use crate::Certificate;

fn node(name: &str, origin: &str, address: Option<&str>, bbb: Option<&str>) -> Node {
    Node {
        name: name.parse().unwrap(),
        origin: origin.parse().unwrap(),
        address: address.map(|address| address.parse().unwrap()),
        bbb: bbb.map(|bbb| bbb.parse().unwrap()),
        proxied: true,
    }
}

fn origin() -> Origin {
    "https://bbb.example.org".parse().unwrap()
}

/// A node of each line, one that serves its own client, and one without a version.
fn cluster(first_address: Option<&str>) -> Routes {
    let mut own = node("bbb-99", "https://bbb-99.example.org", None, Some("3.0"));
    own.proxied = false;
    let nodes = [
        node("bbb-01", "https://bbb-01.example.org", first_address, Some("2.7")),
        node("bbb-02", "https://bbb-02.example.org", None, Some("3.0.28")),
        node("bbb-03", "http://bbb-03.lan:8080", None, None),
        own,
    ];
    Routes::new(origin(), nodes).unwrap()
}

fn options(software: Software) -> Options {
    let mut options = Options::debian(software, &origin());
    options.node_ca = Some("/etc/bluegate/ca.pem".into());
    let resolved: IpAddr = "192.0.2.2".parse().unwrap();
    options.addresses.insert("bbb-02".parse().unwrap(), vec![resolved]);
    options
}

#[test]
fn what_is_written_for_a_small_cluster() {
    for software in Software::ALL {
        let address = (software != Software::Apache).then_some("10.0.0.11:8443");
        let text = render(software, &cluster(address), &options(software)).unwrap();
        assert_snapshot!(software.name(), text);
        // HAProxy cuts longer ones off; nobody reads them either.
        let longest = text.lines().map(str::len).max().unwrap();
        assert!(longest < 2_000, "{software}: {longest}");
        assert!(!text.contains("bbb-99"), "{software}: a node that is not proxied");
        assert!(!text.contains("\n\n\n"), "{software}: two empty lines");
    }
}

#[test]
fn an_origin_in_the_clear_needs_no_certificate() {
    let origin: Origin = "http://bbb.example.org:8080".parse().unwrap();
    let nodes = [node("bbb-01", "http://bbb-01.example.org", None, None)];
    let routes = Routes::new(origin.clone(), nodes).unwrap();
    for software in Software::ALL {
        let text = render(software, &routes, &Options::debian(software, &origin)).unwrap();
        for word in ["ssl_certificate", " ssl crt ", "SSLEngine", "\ttls", "tls.certificates"] {
            assert!(!text.contains(word), "{software}: {word}");
        }
    }
}

#[test]
fn apache_is_refused_what_it_cannot_do() {
    let routes = cluster(Some("10.0.0.11:8443"));
    let refused = render(Software::Apache, &routes, &options(Software::Apache));
    assert_eq!(refused, Err(RenderError::AddressOfApache("bbb-01".into())));
}

#[test]
fn no_path_can_bring_directives_along() {
    let hostile = [
        "/etc/x; load_module evil.so",
        "/etc/x\nload_module evil.so;",
        "/etc/x\r",
        "/etc/{x}",
        "/etc/$x",
        "/etc/x y",
        "/etc/x#y",
        "/etc/\"x",
        "/etc/'x",
        "/etc/`x",
        "/etc/\\x",
        "/etc/%x",
        "/etc/<x>",
        "/etc/x\u{2028}y",
        "/etc/\0",
        "x",
        "",
    ];
    type Set = fn(&mut Options, PathBuf);
    let places: [Set; 8] = [
        |options, path| options.node_ca = Some(path),
        |options, path| options.system_ca = path,
        |options, path| options.cache = path,
        |options, path| options.access_log = path,
        |options, path| options.error_log = path,
        |options, path| options.combined_certificate = path,
        |options, path| options.certificate = Some(Certificate { chain: path, key: "/k".into() }),
        |options, path| options.certificate = Some(Certificate { chain: "/c".into(), key: path }),
    ];
    for path in hostile {
        for set in places {
            for software in Software::ALL {
                let mut options = options(software);
                set(&mut options, path.into());
                let refused = render(software, &cluster(None), &options);
                assert_eq!(refused, Err(RenderError::Path(path.into())), "{software}: {path:?}");
            }
        }
    }
}

#[test]
fn a_version_is_not_written_down_because_it_may_hold_anything() {
    let evil = node("bbb-01", "https://a.example.org", None, Some("3.0.0-x\nevil {"));
    let routes = Routes::new(origin(), [evil]).unwrap();
    for software in Software::ALL {
        let text = render(software, &routes, &options(software)).unwrap();
        assert!(!text.contains("evil"), "{software}");
    }
}

#[test]
fn nowhere_to_listen_is_an_error() {
    let mut options = options(Software::Nginx);
    options.listen.clear();
    let refused = render(Software::Nginx, &cluster(None), &options);
    assert_eq!(refused, Err(RenderError::NoListen));
}
