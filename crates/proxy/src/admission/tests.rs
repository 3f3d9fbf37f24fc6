use bluegate_cluster::{Node, Origin, Routes};
use bluegate_net::tls;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{Config, snapshot::Snapshots, upstream::UpstreamSettings};

fn snapshot() -> Arc<Snapshot> {
    let node = Node {
        name: "bbb-01".parse().unwrap(),
        origin: "https://bbb-01.example.org".parse().unwrap(),
        address: None,
        bbb: None,
        proxied: true,
    };
    let origin: Origin = "https://bbb.example.org".parse().unwrap();
    let (_, routes) = watch::channel(Arc::new(Routes::new(origin, [node]).unwrap()));
    let config = Config::new(tls::client_config(None).unwrap());
    let settings = UpstreamSettings { config, tasks: TaskTracker::new(), fleet: None };
    Snapshots::new(routes, Arc::new(settings)).current()
}

/// The status of what is answered to a request that is not admitted.
fn refusal(request: http::request::Builder) -> Option<u16> {
    let rules = Rules { max_body: 10, api: None, leaves: true };
    let request = request.body(()).unwrap();
    admit(&request, &snapshot(), &rules).err().map(|answer| answer.status().as_u16())
}

/// What a transport hands over is judged by the rules of its version: HTTP/3's
/// are those of HTTP/2, and no transport of ours speaks it yet.
#[test]
fn an_authority_beside_a_host_agrees_in_http2_and_http3() {
    const OWN: &str = "https://bbb.example.org";
    const FOREIGN: &str = "https://evil.example";
    for version in [Version::HTTP_2, Version::HTTP_3] {
        for (origin, hosts, wanted) in [
            (OWN, &[][..], None),
            (OWN, &["bbb.example.org"], None),
            (OWN, &["BBB.example.org:443"], None),
            (OWN, &["evil.example"], Some(421)),
            (OWN, &["bbb-01.example.org"], Some(421)),
            (OWN, &[""], Some(421)),
            (OWN, &["bbb.example.org", "bbb.example.org"], Some(400)),
            (FOREIGN, &[], Some(421)),
            (FOREIGN, &["bbb.example.org"], Some(421)),
            ("http://bbb.example.org", &[], Some(421)),
            ("https://bbb.example.org:8443", &[], Some(421)),
            ("", &["bbb.example.org"], None),
            ("", &[], Some(400)),
        ] {
            let target = format!("{origin}/bbb-01/html5client/");
            let request = Request::builder().version(version).uri(target);
            let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
            assert_eq!(refusal(request), wanted, "{version:?} {origin} {hosts:?}");
        }
    }
}

#[test]
fn no_web_socket_opens_over_http2_or_http3() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let request = Request::builder()
            .version(version)
            .uri("https://bbb.example.org/bbb-01/html5client/sockjs/1/x/websocket")
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "Upgrade");
        assert_eq!(refusal(request), Some(403), "{version:?}");
    }
}
