//! A frontend's own server: takes what a node tells it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    response::IntoResponse,
};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server on a port of its own.
pub(crate) struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    status: Arc<Mutex<StatusCode>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (got, status) =
            (Arc::<Mutex<Vec<Got>>>::default(), Arc::new(Mutex::new(StatusCode::OK)));
        let (kept, said) = (Arc::clone(&got), Arc::clone(&status));
        let router = Router::new().fallback(async move |request: Request<Body>| {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let target = parts.uri.path_and_query().unwrap().to_string();
            let got = Got { method: parts.method, target, headers: parts.headers, body };
            kept.lock().unwrap().push(got);
            let status = *said.lock().unwrap();
            status.into_response()
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, got, status }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}
