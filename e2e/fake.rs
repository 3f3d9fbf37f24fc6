//! Small HTTP servers of tests: what a balancer or a node answers, and nothing else.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A request as a fake sees it.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Whether the query is signed with `secret`, the call being the last part of the path.
    fn is_signed_with(&self, secret: &str) -> bool {
        let call = self.path.rsplit('/').next().unwrap();
        let Some((signed, presented)) = self.query.rsplit_once("checksum=") else { return false };
        let signed = signed.trim_end_matches('&');
        let digest = Sha256::digest(format!("{call}{signed}{secret}"));
        presented == digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    }
}

/// Answers on a port of loopback until the test ends.
fn answer(respond: impl Fn(&Asked) -> (u16, String) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // Who hangs up is none of ours.
            drop(exchange(&stream.unwrap(), &respond));
        }
    });
    port
}

fn exchange(
    mut stream: &TcpStream,
    respond: &impl Fn(&Asked) -> (u16, String),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked = Asked { method, path: path.to_owned(), query: query.to_owned(), body };
    let (status, text) = respond(&asked);
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// A node's API that knows how many meetings run, and its secret: `node-secret`.
pub(crate) struct Meetings {
    pub(crate) port: u16,
    count: Arc<Mutex<usize>>,
}

impl Meetings {
    pub(crate) fn start(count: usize) -> Self {
        let count = Arc::new(Mutex::new(count));
        let shared = Arc::clone(&count);
        let port = answer(move |asked| {
            if !asked.path.ends_with("/api/getMeetings") || !asked.is_signed_with("node-secret") {
                return (404, String::new());
            }
            let meeting = |n| format!("<meeting><meetingID>m{n}</meetingID></meeting>");
            let meetings: String = (0..*shared.lock().unwrap()).map(meeting).collect();
            let text = format!(
                "<response><returncode>SUCCESS</returncode><meetings>{meetings}</meetings></response>"
            );
            (200, text)
        });
        Self { port, count }
    }

    pub(crate) fn set(&self, count: usize) {
        *self.count.lock().unwrap() = count;
    }
}

/// Scalelite's admin API, whose secret is `lb-secret`.
pub(crate) struct Scalelite {
    pub(crate) port: u16,
    servers: Arc<Mutex<Vec<Value>>>,
    /// The states it was told to set.
    told: Arc<Mutex<Vec<String>>>,
}

impl Scalelite {
    /// With these servers, by id, URL and state.
    pub(crate) fn start(servers: &[(&str, String, &str)]) -> Self {
        let servers = servers.iter().map(|(id, url, state)| {
            json!({
                "id": id, "url": url, "secret": format!("secret-of-{id}"), "tag": "",
                "bbb_version": "3.0.28", "state": state, "load": "unavailable",
                "load_multiplier": "1.0", "online": "online",
            })
        });
        let servers = Arc::new(Mutex::new(servers.collect::<Vec<_>>()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (shared, noted) = (Arc::clone(&servers), Arc::clone(&told));
        let port = answer(move |asked| {
            if !asked.is_signed_with("lb-secret") {
                let text = "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>";
                return (200, text.to_owned());
            }
            let mut servers = shared.lock().unwrap();
            match (asked.method.as_str(), asked.path.as_str()) {
                ("GET", "/scalelite/api/getServers") => (200, json!(*servers).to_string()),
                ("POST", "/scalelite/api/updateServer") => {
                    let wish: Value = serde_json::from_slice(&asked.body).unwrap();
                    let server = servers.iter_mut().find(|server| server["id"] == wish["id"]);
                    let word = wish["server"]["state"].as_str().unwrap().to_owned();
                    let server = server.unwrap();
                    server["state"] = match word.as_str() {
                        "enable" => "enabled",
                        "cordon" => "cordoned",
                        other => panic!("`{other}` is no state of these tests"),
                    }
                    .into();
                    noted.lock().unwrap().push(word);
                    (200, server.to_string())
                }
                _ => (404, json!({ "error": "unknown" }).to_string()),
            }
        });
        Self { port, servers, told }
    }

    pub(crate) fn state_of(&self, id: &str) -> String {
        let servers = self.servers.lock().unwrap();
        let server = servers.iter().find(|server| server["id"] == id).unwrap();
        server["state"].as_str().unwrap().to_owned()
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}
