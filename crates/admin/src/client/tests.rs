use std::{net::SocketAddr, sync::Arc, time::Duration};

use bluegate_cluster::{Scheme, Secret};
use bluegate_net::{Limits, RouterService, bind, serve, tls};
use bluegate_testkit::certificates::Authority;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::{
    Purged,
    fixture::{TOKEN, sources, tokens},
};

/// A listener with the fixture behind it, until the guard is dropped.
fn listen(tls: Option<Arc<rustls::ServerConfig>>) -> (SocketAddr, DropGuard) {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr();
    let shutdown = CancellationToken::new();
    let service = Arc::new(RouterService::new(crate::router(tokens(), sources())));
    let token = shutdown.clone();
    tokio::spawn(async move {
        serve(listener, tls, service, Limits::default(), token, Duration::ZERO).await
    });
    (address, shutdown.drop_guard())
}

fn client(scheme: Scheme, port: u16, token: &str, tls: Option<Arc<ClientConfig>>) -> Client {
    let origin = Origin::new(scheme, "127.0.0.1", Some(port)).unwrap();
    Client::new(origin, &Secret::new(token).unwrap(), tls).unwrap()
}

#[tokio::test]
async fn everything_there_is_can_be_asked() {
    let (address, _guard) = listen(None);
    let client = client(Scheme::Http, address.port(), TOKEN, None);
    let routes = client.routes().await.unwrap();
    assert_eq!((routes.routes.len(), routes.routes[0].mount.as_str()), (2, "bbb-01"));
    assert_eq!(client.cache().await.unwrap().mounts.len(), 2);
    let purged = client.purge(Some(&"bbb-02".parse().unwrap())).await.unwrap();
    assert_eq!(purged, Purged { mount: Some("bbb-02".into()), removed: 1 });
    assert_eq!(client.purge(None).await.unwrap(), Purged { mount: None, removed: 1 });

    let unknown = client.purge(Some(&"bbb-99".parse().unwrap())).await.unwrap_err();
    let ClientError::Refused { status, detail } = unknown else { panic!("{unknown}") };
    assert_eq!((status.as_u16(), detail.code.as_str()), (404, "unknown_mount"));
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let (address, _guard) = listen(None);
    let refused = client(Scheme::Http, address.port(), "wrong", None).routes().await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. }));

    let nobody = bind(([127, 0, 0, 1], 0).into()).unwrap().local_addr().port();
    let silence = client(Scheme::Http, nobody, TOKEN, None).routes().await.unwrap_err();
    assert!(matches!(silence, ClientError::Connect { .. }), "{silence}");
}

#[tokio::test]
async fn over_tls_only_the_certificate_of_the_file_is_trusted() {
    let authority = Authority::new().unwrap();
    let [own, other] = ["admin.example.org"; 2].map(|name| authority.issue(&[name]).unwrap());
    let server =
        tls::server_config_from_pem(own.certificate.as_bytes(), own.key.as_bytes()).unwrap();
    let (address, _guard) = listen(Some(server));
    let trusting = |pem: &str| {
        client(Scheme::Https, address.port(), TOKEN, Some(pinned(pem.as_bytes()).unwrap()))
    };
    assert_eq!(trusting(&own.certificate).routes().await.unwrap().routes.len(), 2);
    let error = trusting(&other.certificate).routes().await.unwrap_err();
    assert!(matches!(error, ClientError::Handshake { .. }), "{error}");
    assert!(pinned(b"no certificate").is_err());
}
