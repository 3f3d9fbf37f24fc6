//! Request smuggling towards a real nginx that keeps its connections.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    process::Command,
};

use bluegate_testkit::{
    eventually,
    process::{Process, find_program},
};
use bytes::Bytes;
use http::StatusCode;

use crate::{
    front::{Front, PATIENCE, Setup, node_at},
    hostile::TWO_WAYS,
};

/// nginx as a node: it answers with what it was asked, and logs it.
struct Nginx {
    _process: Process,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Nginx {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let shown = folder.path().display();
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        let user = if is_root { "user root;\n" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {shown}/{kind};\n"))
            .collect();
        let text = format!(
            "{user}daemon off;\nworker_processes 1;\npid {shown}/pid;\nerror_log stderr;\n\
             events {{}}\nhttp {{\n{temporary}\
             log_format asked '$connection $request_method $request_uri';\n\
             access_log {shown}/asked asked;\nkeepalive_requests 100000;\n\
             server {{ listen {address}; location / {{ return 200 $request_uri; }} }}\n}}\n"
        );
        fs::write(folder.path().join("main"), text).unwrap();
        let mut command = Command::new(program());
        command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c"]);
        command.arg(folder.path().join("main"));
        let process = Process::spawn(command).unwrap();
        eventually("nginx listens", PATIENCE, || async {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await
        .unwrap();
        Self { _process: process, folder, address }
    }

    /// What it was asked: the connection's number, and the method and target.
    fn asked(&self) -> Vec<(String, String)> {
        let log = fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        let line = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
        log.lines().filter_map(line).collect()
    }
}

fn program() -> PathBuf {
    // Users that are not root often have no /usr/sbin on their path.
    let usual = PathBuf::from("/usr/sbin/nginx");
    find_program("BLUEGATE_TEST_NGINX", &["nginx"])
        .ok()
        .or_else(|| usual.is_file().then_some(usual))
        .expect("`nginx`: install the Debian package `nginx-light`, or set BLUEGATE_TEST_NGINX")
}

async fn get(front: &Front, target: &str) {
    let answer = front.get(target).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, target.as_bytes()), "{target}");
}

const LAST: &str = "/bbb-01/html5client/last.js";

/// For a POST these fields are right; see the end of the test.
const PROPER: &str = "Content-Length: 52\r\n";

#[tokio::test]
async fn nginx_hears_what_was_sent_and_no_body_becomes_a_request() {
    let nginx = Nginx::start().await;
    let front = Setup::new()
        .add(node_at("bbb-01", nginx.address, Some("2.7")))
        .add(node_at("bbb-10", nginx.address, Some("2.7")))
        .start()
        .await;
    let own = front.host();
    let mut sent = Vec::new();
    for path in ["/bbb-01/html5client/", "/bbb-01/html5client/feedback"] {
        for (number, (method, framing, body)) in TWO_WAYS.iter().enumerate() {
            for method in [*method, "POST"] {
                if (method, *framing) == ("POST", PROPER) {
                    continue;
                }
                // Answered only if the connection outlives what came before.
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: {own}\r\n{framing}\r\n{body}\
                     GET {LAST} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"
                );
                let answer = front.raw(&request).await;
                assert!(
                    answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
                    "{request:?}: {answer}"
                );
                assert!(!answer.contains("hidden"), "{request:?}: {answer}");
                if answer.contains(LAST) {
                    sent.push(format!("GET {LAST}"));
                }
                let good = format!("/bbb-01/html5client/good-{number}.js");
                get(&front, &good).await;
                sent.push(format!("GET {good}"));
            }
        }
    }
    // A body of the stated length passes, and is a body.
    let hidden = "GET /bbb-10/html5client/hidden HTTP/1.1\r\nHost: bbb-10.test\r\n\r\n";
    for number in 0..5 {
        let target = format!("/bbb-01/html5client/feedback?{number}");
        let request = front.request("POST", &target).body(Bytes::from(hidden)).unwrap();
        let answer = front.send(request).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, target.as_bytes()));
        sent.push(format!("POST {target}"));
        let good = format!("/bbb-10/html5client/after-{number}.js");
        get(&front, &good).await;
        sent.push(format!("GET {good}"));
    }
    eventually("nginx logged all", PATIENCE, || async {
        (nginx.asked().len() >= sent.len()).then_some(())
    })
    .await
    .unwrap();
    let (connections, asked): (Vec<_>, Vec<_>) = nginx.asked().into_iter().unzip();
    assert_eq!(asked, sent);
    // Else there was nothing to smuggle into.
    let kept = connections.windows(2).filter(|pair| pair.first() == pair.last()).count();
    assert!(kept > sent.len() / 2, "only {kept} requests came on a kept connection");
}
