//! A small Scalelite's admin API that verifies checksums by itself.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use bluegate_cluster::{Origin, Secret};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;

/// Listens until the test ends.
struct Fake {
    origin: Origin,
    state: Arc<Mutex<Servers>>,
}

struct Servers {
    secret: &'static str,
    servers: Vec<Value>,
}

fn server(id: &str, url: &str, state: &str) -> Value {
    json!({
        "id": id, "url": url, "secret": format!("secret-of-{id}"), "tag": "", "bbb_version": "3.0.28",
        "state": state, "load": 1.5, "load_multiplier": "1.0", "online": "online",
    })
}

impl Fake {
    fn start(servers: Vec<Value>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(Servers { secret: "lbsecret", servers }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), &mut shared.lock().unwrap());
            }
        });
        Self { origin: format!("http://127.0.0.1:{port}").parse().unwrap(), state }
    }

    fn client(&self, secret: &str) -> Scalelite {
        Scalelite::new(asker(), self.origin.clone(), Secret::new(secret).unwrap())
    }

    fn state_of(&self, id: &str) -> String {
        let state = self.state.lock().unwrap();
        let server = state.servers.iter().find(|server| server["id"] == id).unwrap();
        server["state"].as_str().unwrap().to_owned()
    }
}

pub(super) fn asker() -> Asker {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Asker::new(Arc::new(config))
}

/// One request as Scalelite takes it: content type, then checksum, then the call.
fn answer(stream: &TcpStream, state: &mut Servers) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "content-type" => content_type = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, body) = respond(&line, &content_type, &body, state);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

fn respond(line: &str, content_type: &str, body: &[u8], state: &mut Servers) -> (u16, String) {
    let xml = |key: &str| {
        let text = format!(
            "<response><returncode>FAILED</returncode><messageKey>{key}</messageKey></response>"
        );
        (200, text)
    };
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if method == "POST" && content_type != "application/json" {
        return xml("unsupportedContentType");
    }
    let call = path.rsplit('/').next().unwrap();
    let Some((signed, presented)) = query.rsplit_once("checksum=") else {
        return xml("checksumError");
    };
    let signed = signed.trim_end_matches('&');
    let digest = Sha256::digest(format!("{call}{signed}{}", state.secret));
    let wanted: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if presented != wanted || !path.starts_with("/scalelite/api/") {
        return xml("checksumError");
    }
    match (method, call) {
        ("GET", "getServers") if state.servers.is_empty() => {
            (404, json!({ "error": "No servers are configured" }).to_string())
        }
        ("GET", "getServers") => (200, json!(state.servers).to_string()),
        ("POST", "updateServer") => {
            let wish: Value = serde_json::from_slice(body).unwrap();
            let found = state.servers.iter_mut().find(|server| server["id"] == wish["id"]);
            let Some(server) = found else {
                return (404, json!({ "error": "Couldn't find server with id=?" }).to_string());
            };
            let state = match wish["server"]["state"].as_str().unwrap() {
                "enable" => "enabled",
                "cordon" => "cordoned",
                "disable" => "disabled",
                other => {
                    return (
                        400,
                        json!({ "error": format!("Invalid state parameter: {other}") }).to_string(),
                    );
                }
            };
            server["state"] = state.into();
            (200, server.to_string())
        }
        _ => xml("unsupportedRequest"),
    }
}

fn node() -> Node {
    target().node
}

#[test]
fn a_node_is_found_by_its_origin_cordoned_and_enabled() {
    let fake = Fake::start(vec![
        server("one", "https://bbb-010.example.org/bigbluebutton/api", "enabled"),
        server("two", "https://bbb-01.example.org/bigbluebutton/api/", "enabled"),
    ]);
    let scalelite = fake.client("lbsecret");
    let servers = scalelite.servers().unwrap();
    assert_eq!(servers[1].origin().unwrap(), node().origin);
    assert_eq!(servers[0].secret, "secret-of-one");
    assert_eq!(scalelite.cordon(&node()).unwrap(), Cordon::New);
    assert_eq!(
        (fake.state_of("one").as_str(), fake.state_of("two").as_str()),
        ("enabled", "cordoned")
    );
    assert_eq!(scalelite.cordon(&node()).unwrap(), Cordon::Already);
    // Scalelite disables a cordoned server as soon as it is empty.
    fake.state.lock().unwrap().servers[1]["state"] = "disabled".into();
    assert_eq!(scalelite.cordon(&node()).unwrap(), Cordon::Already);
    scalelite.uncordon(&node()).unwrap();
    assert_eq!(fake.state_of("two"), "enabled");
}

#[test]
fn what_scalelite_refuses_is_told() {
    let fake =
        Fake::start(vec![server("one", "https://other.example.org/bigbluebutton/api", "enabled")]);
    let name = format!("Scalelite at `{}`", fake.origin);
    let error = fake.client("wrong").servers().unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{name} refuses `getServers`: checksumError: is this its LOADBALANCER_SECRET?")
    );
    let error = fake.client("lbsecret").cordon(&node()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{name} has no server at `https://bbb-01.example.org`; it has `https://other.example.org/bigbluebutton/api`"
        )
    );
    fake.state.lock().unwrap().servers.clear();
    assert!(fake.client("lbsecret").servers().unwrap().is_empty());
    let nobody: Origin = "http://127.0.0.1:1".parse().unwrap();
    let scalelite = Scalelite::new(asker(), nobody, Secret::new("x").unwrap());
    let error = scalelite.servers().unwrap_err();
    assert!(matches!(error, BalancerError::Ask { .. }), "{error}");
}
