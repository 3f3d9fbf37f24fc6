//! A double of an ACME authority that says when to renew (RFC 9773), which
//! Debian's pebble does not. It takes everyone's word for the names, and checks
//! no signature: that is pebble's part.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::IntoResponse,
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bluegate_net::{Limits, RouterService, bind, serve, tls};
use rcgen::{CertificateSigningRequestParams, Issuer, KeyPair};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::site::{authority, authority_for_localhost};

/// What the double was asked and what it says; the test changes it meanwhile.
pub(crate) struct Record {
    pub(crate) accounts: u32,
    /// Of each order, the certificate it says it replaces.
    pub(crate) replaced: Vec<Option<String>>,
    pub(crate) questions: u32,
    /// Days from now until the start of the window; it is a day long. `None`:
    /// renewal information is not offered at all.
    pub(crate) renew_in_days: Option<i64>,
    /// Days since the next certificate began, of the 90 it is good for.
    pub(crate) age_in_days: i64,
    chains: Vec<String>,
}

pub(crate) struct Authority {
    pub(crate) directory: String,
    pub(crate) ca: PathBuf,
    record: Arc<Mutex<Record>>,
    _folder: tempfile::TempDir,
    _shutdown: DropGuard,
}

struct Shared {
    base: String,
    record: Arc<Mutex<Record>>,
    authority: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn start(renew_in_days: Option<i64>) -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().port());
        let (ca, certificate, key) = authority_for_localhost();
        let folder = tempfile::tempdir().unwrap();
        let ca_path = folder.path().join("ca.pem");
        std::fs::write(&ca_path, ca).unwrap();
        let record = Arc::new(Mutex::new(Record {
            accounts: 0,
            replaced: Vec::new(),
            questions: 0,
            renew_in_days,
            age_in_days: 0,
            chains: Vec::new(),
        }));
        let (authority, issuer) = authority();
        let shared = Shared { base: base.clone(), record: Arc::clone(&record), authority, issuer };
        let router = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", get(async || nonce()))
            .route("/account", post(account))
            .route("/account/1", post(async || answer(json!({ "status": "valid" }))))
            .route("/order", post(place))
            .route("/order/{number}", post(order))
            .route("/finalize/{number}", post(finalize))
            .route("/certificate/{number}", post(certificate_of))
            .route("/renewal/{id}", get(renewal))
            .with_state(Arc::new(shared));
        let tls = tls::server_config_from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(
            listener,
            Some(tls),
            Arc::new(RouterService::new(router)),
            Limits::default(),
            shutdown.clone(),
            Duration::ZERO,
        ));
        let directory = format!("{base}/directory");
        let shutdown = shutdown.drop_guard();
        Self { directory, ca: ca_path, record, _folder: folder, _shutdown: shutdown }
    }

    /// Reads or changes what the double knows.
    pub(crate) fn record<T>(&self, look: impl FnOnce(&mut Record) -> T) -> T {
        look(&mut self.record.lock().unwrap())
    }
}

fn nonce() -> [(&'static str, &'static str); 1] {
    [("replay-nonce", "bm9uY2U")]
}

fn answer(body: Value) -> impl IntoResponse {
    (nonce(), axum::Json(body))
}

async fn directory(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let base = &shared.base;
    let mut directory = json!({
        "newNonce": format!("{base}/nonce"),
        "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"),
        "revokeCert": format!("{base}/revoke"),
        "keyChange": format!("{base}/key"),
    });
    if shared.record.lock().unwrap().renew_in_days.is_some() {
        directory["renewalInfo"] = format!("{base}/renewal").into();
    }
    axum::Json(directory)
}

async fn account(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.record.lock().unwrap().accounts += 1;
    let location = [("location", format!("{}/account/1", shared.base))];
    (location, answer(json!({ "status": "valid" })))
}

/// The signed part of a request.
fn payload(body: &Bytes) -> Value {
    let signed: Value = serde_json::from_slice(body).unwrap();
    let payload = signed["payload"].as_str().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn order_of(shared: &Shared, number: usize) -> Value {
    let record = shared.record.lock().unwrap();
    let base = &shared.base;
    let mut order = json!({
        "status": "ready",
        "authorizations": [],
        "finalize": format!("{base}/finalize/{number}"),
    });
    if let Some(replaced) = &record.replaced[number] {
        order["replaces"] = replaced.clone().into();
    }
    if record.chains.len() > number {
        order["status"] = "valid".into();
        order["certificate"] = format!("{base}/certificate/{number}").into();
    }
    order
}

async fn place(State(shared): State<Arc<Shared>>, body: Bytes) -> impl IntoResponse {
    let number = {
        let mut record = shared.record.lock().unwrap();
        record.replaced.push(payload(&body)["replaces"].as_str().map(str::to_owned));
        record.replaced.len() - 1
    };
    let location = [("location", format!("{}/order/{number}", shared.base))];
    (location, answer(order_of(&shared, number)))
}

async fn order(State(shared): State<Arc<Shared>>, Path(number): Path<usize>) -> impl IntoResponse {
    answer(order_of(&shared, number))
}

async fn finalize(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<usize>,
    body: Bytes,
) -> impl IntoResponse {
    let request = payload(&body)["csr"].as_str().map(str::to_owned).unwrap();
    let request = BASE64_URL_SAFE_NO_PAD.decode(request).unwrap();
    let mut request = CertificateSigningRequestParams::from_der(&request.into()).unwrap();
    {
        let mut record = shared.record.lock().unwrap();
        let begun = OffsetDateTime::now_utc() - time::Duration::days(record.age_in_days);
        request.params.not_before = begun;
        request.params.not_after = begun + time::Duration::days(90);
        request.params.use_authority_key_identifier_extension = true;
        request.params.serial_number = Some(u64::try_from(number + 1).unwrap().into());
        let chain = request.signed_by(&shared.issuer).unwrap().pem() + &shared.authority;
        record.chains.push(chain);
    }
    answer(order_of(&shared, number))
}

async fn certificate_of(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<usize>,
) -> impl IntoResponse {
    (nonce(), shared.record.lock().unwrap().chains[number].clone())
}

async fn renewal(
    State(shared): State<Arc<Shared>>,
    Path(_): Path<String>,
    headers: HeaderMap,
) -> impl IntoResponse {
    assert!(headers.contains_key("user-agent"));
    let mut record = shared.record.lock().unwrap();
    record.questions += 1;
    let start = OffsetDateTime::from(SystemTime::now())
        + time::Duration::days(record.renew_in_days.unwrap());
    let end = start + time::Duration::days(1);
    let text = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();
    let window = json!({ "suggestedWindow": { "start": text(start), "end": text(end) } });
    ([("retry-after", "0")], axum::Json(window))
}
