//! A frontend's receiver: takes requests, and answers as it is told.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{CertifiedKey, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

#[derive(Clone)]
enum Manner {
    Answer(String),
    Hang,
    Cut,
}

struct State {
    manner: Mutex<Manner>,
    requests: Mutex<Vec<(String, String)>>,
    connections: AtomicUsize,
    tls: Option<TlsAcceptor>,
}

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(super) async fn start_with(made: Option<&CertifiedKey<KeyPair>>) -> Self {
        let tls = made.map(|made| {
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key);
            TlsAcceptor::from(Arc::new(config.unwrap()))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(State {
                manner: Mutex::new(Manner::Answer("204 No Content\r\n".to_owned())),
                requests: Mutex::default(),
                connections: AtomicUsize::new(0),
                tls,
            }),
            serving: Mutex::new(None),
        };
        receiver.serve(listener);
        receiver
    }

    fn serve(&self, listener: TcpListener) {
        let state = Arc::clone(&self.state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                state.connections.fetch_add(1, Ordering::SeqCst);
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    match &state.tls {
                        None => speak(&state, stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                speak(&state, stream).await;
                            }
                        }
                    }
                });
            }
        });
        *self.serving.lock().unwrap() = Some(task);
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port refuses connections.
    pub(super) async fn unplug(&self) {
        let serving = self.serving.lock().unwrap().take().unwrap();
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
    }

    pub(super) async fn plug_in(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    pub(super) fn answer(&self, status: u16) {
        *self.state.manner.lock().unwrap() = Manner::Answer(format!("{status} Told\r\n"));
    }

    pub(super) fn redirect(&self, location: &str) {
        let answer = format!("302 Found\r\nLocation: {location}\r\n");
        *self.state.manner.lock().unwrap() = Manner::Answer(answer);
    }

    pub(super) fn hang(&self) {
        *self.state.manner.lock().unwrap() = Manner::Hang;
    }

    /// Connections end before an answer.
    pub(super) fn cut(&self) {
        *self.state.manner.lock().unwrap() = Manner::Cut;
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(super) fn count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    pub(super) fn bodies(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

async fn speak(state: &State, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = format!("{head}\r\n");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                break (head, body.to_owned());
            }
        }
    };
    let manner = state.manner.lock().unwrap().clone();
    match manner {
        Manner::Hang => std::future::pending().await,
        Manner::Cut => {}
        Manner::Answer(answer) => {
            state.requests.lock().unwrap().push((head, body));
            let answer = format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
            // A client that is gone learns nothing.
            drop(stream.write_all(answer.as_bytes()).await);
        }
    }
}
