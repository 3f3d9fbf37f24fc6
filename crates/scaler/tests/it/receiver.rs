//! A frontend's own server, and a node's hand that calls back.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::Request, response::IntoResponse};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use sha2::{Sha256, Sha512};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinHandle,
};

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Answers wait until so many requests came.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    came: usize,
    wanted: usize,
    /// Came and not answered, now and at most so far.
    open: usize,
    most_open: usize,
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    status: Arc<Mutex<StatusCode>>,
    location: Arc<Mutex<Option<String>>>,
    gate: watch::Sender<Gate>,
    serving: Mutex<Option<JoinHandle<()>>>,
    unplugged: Mutex<Option<TcpSocket>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            status: Arc::new(Mutex::new(StatusCode::OK)),
            location: Arc::default(),
            gate: watch::Sender::new(Gate::default()),
            serving: Mutex::default(),
            unplugged: Mutex::default(),
        };
        receiver.serve(listener);
        receiver
    }

    fn serve(&self, listener: TcpListener) {
        let (got, status) = (Arc::clone(&self.got), Arc::clone(&self.status));
        let (location, gate) = (Arc::clone(&self.location), self.gate.clone());
        let router = Router::new().fallback(async move |request: Request| {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let status = *status.lock().unwrap();
            got.lock().unwrap().push(Got {
                method: parts.method,
                target: parts.uri.path_and_query().unwrap().to_string(),
                headers: parts.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
            gate.send_modify(|gate| {
                gate.came += 1;
                gate.open += 1;
                gate.most_open = gate.most_open.max(gate.open);
            });
            let mut opened = gate.subscribe();
            drop(opened.wait_for(|gate| gate.came >= gate.wanted).await);
            gate.send_modify(|gate| gate.open -= 1);
            let mut response = status.into_response();
            if let Some(location) = location.lock().unwrap().as_deref() {
                response.headers_mut().insert("location", location.parse().unwrap());
            }
            response
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *self.serving.lock().unwrap() = Some(task);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    /// Sends everybody on to another URL.
    pub(crate) fn redirect(&self, to: &str) {
        *self.location.lock().unwrap() = Some(to.to_owned());
        self.answer(302);
    }

    /// Answers nobody before so many more have asked.
    pub(crate) fn hold_until(&self, more: usize) {
        self.gate.send_modify(|gate| gate.wanted = gate.came + more);
    }

    /// How many requests waited for their answer at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.gate.borrow().most_open
    }

    pub(crate) fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// Refuses connections from now on. Its port stays its own: another server
    /// there would answer in its place.
    pub(crate) async fn unplug(&self) {
        let task = self.serving.lock().unwrap().take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        *self.unplugged.lock().unwrap() = Some(socket);
    }

    pub(crate) fn plug_in(&self) {
        let socket = self.unplugged.lock().unwrap().take().unwrap();
        self.serve(socket.listen(1024).unwrap());
    }
}

/// Sends one request, as a node does, and says what status came back.
pub(crate) async fn call(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> StatusCode {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    client.request(request).await.unwrap().status()
}

/// A token as a node makes it; no code shared with what reads it.
pub(crate) fn token(algorithm: &str, claims: &Value, secret: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = encode(&format!(r#"{{"alg":"{algorithm}"}}"#));
    let signed = format!("{head}.{}", encode(&claims.to_string()));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac(algorithm, &signed, secret)))
}

/// The claims of a token, which must be signed with `secret`.
pub(crate) fn claims(token: &str, secret: &str) -> Value {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let read = |text: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let head = read(head);
    let wanted = mac(head["alg"].as_str().unwrap(), signed, secret);
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), wanted, "signed with another secret");
    read(claims)
}

fn mac(algorithm: &str, text: &str, secret: &str) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(text: &str, secret: &str) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        "HS256" => of::<Hmac<Sha256>>(text, secret),
        "HS512" => of::<Hmac<Sha512>>(text, secret),
        other => unreachable!("{other}"),
    }
}
