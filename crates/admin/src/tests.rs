//! The whole API, as its clients see it.

mod changed;
mod described;
mod roles;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{
    Request, Response,
    header::{AUTHORIZATION, ETAG},
};
use http_body_util::{BodyExt as _, Limited};
use insta::assert_snapshot;

use crate::{
    Readiness, Sources, Tokens,
    access::Access,
    endpoints::{endpoints, router},
    fixture::{TOKEN, sources, tokens},
    gate::{MAX_BODY, OPEN},
};

pub(crate) async fn send(router: &Router, mut request: Request<Body>) -> Response<Body> {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4_000));
    request.extensions_mut().insert(ConnectInfo(peer));
    tower_service::Service::call(&mut router.clone(), request).await.unwrap()
}

pub(crate) fn request(method: &str, target: &str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(target);
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Body::empty()).unwrap()
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let body = Limited::new(response.into_body(), 1 << 20).collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

/// A request with the right token.
fn authorized(method: &str, target: &str) -> Request<Body> {
    request(method, target, Some(&format!("Bearer {TOKEN}")))
}

/// Status, tag and body of what is answered.
async fn answer(sources: Sources, request: Request<Body>) -> (u16, Option<String>, String) {
    let response = send(&router(tokens(), sources), request).await;
    let tag = response.headers().get(ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    (response.status().as_u16(), tag, text(response).await)
}

/// Status and body of a request with the right token.
async fn ask(sources: Sources, method: &str, target: &str) -> String {
    let (status, _, body) = answer(sources, authorized(method, target)).await;
    format!("{status} {body}")
}

#[tokio::test]
async fn every_endpoint_but_the_open_ones_needs_the_token() {
    let mut listed = Vec::new();
    for endpoint in endpoints() {
        let (method, path) = (endpoint.rule.method.as_str(), endpoint.rule.path);
        assert_eq!(endpoint.rule.access == Access::Open, OPEN.contains(&path), "{path}");
        let open = OPEN.contains(&path);
        listed.push(format!("{method} {path}{}", if open { " (open)" } else { "" }));
        let cases = [
            None,
            Some("Bearer "),
            Some("Bearer wrong"),
            Some("Bearer an-admin-toke"),
            Some(TOKEN),
            Some("Basic YW46YWRtaW4="),
            Some("Bearer"),
        ];
        for authorization in cases {
            // A fresh one for each: wrong tokens add up.
            let router = router(tokens(), sources());
            let path = path.replace(['{', '}'], "");
            let response = send(&router, request(method, &path, authorization)).await;
            let status = response.status().as_u16();
            assert_eq!(response.headers()["cache-control"], "no-store");
            if open {
                assert_eq!(status, 200, "{method} {path}");
                continue;
            }
            assert_eq!(status, 401, "{method} {path} with {authorization:?}");
            assert!(response.headers().contains_key("www-authenticate"));
            let body = text(response).await;
            assert!(body.contains("\"code\":\"unauthorized\"") && !body.contains("bbb"), "{body}");
        }
        let router = router(tokens(), sources());
        let response = send(&router, authorized(method, &path.replace(['{', '}'], ""))).await;
        // What changes routes wants more than a token, and says so.
        let wanted = match (method, path) {
            ("GET", "/v1/tokens")
            | (_, "/v1/audit" | "/v1/tokens/{name}" | "/v1/nodes/{name}/lost")
            | (_, "/v1/callbacks/{id}/retry" | "/v1/callbacks/{id}") => 404,
            ("POST", _) | ("PATCH", _) => 400,
            (_, "/v1/routes/{mount}" | "/v1/nodes/{name}" | "/v1/meetings")
            | (_, "/v1/meetings/{tenant}/{meeting}" | "/v1/tenants/{name}")
            | (_, "/v1/recordings/{tenant}/{recording}") => 404,
            _ => 200,
        };
        assert_eq!(response.status().as_u16(), wanted, "{method} {path} with the token");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    assert_snapshot!(listed.join("\n"), @r"
    GET /health (open)
    GET /ready (open)
    GET /metrics
    GET /v1/routes
    POST /v1/routes
    PATCH /v1/routes/{mount}
    DELETE /v1/routes/{mount}
    GET /v1/nodes
    POST /v1/nodes
    GET /v1/nodes/{name}
    PATCH /v1/nodes/{name}
    DELETE /v1/nodes/{name}
    GET /v1/meetings
    GET /v1/meetings/{tenant}/{meeting}
    DELETE /v1/meetings/{tenant}/{meeting}
    GET /v1/health
    POST /v1/nodes/{name}/lost
    GET /v1/tenants
    POST /v1/tenants
    GET /v1/tenants/{name}
    PATCH /v1/tenants/{name}
    DELETE /v1/tenants/{name}
    GET /v1/callbacks
    POST /v1/callbacks/{id}/retry
    DELETE /v1/callbacks/{id}
    GET /v1/recordings
    GET /v1/recordings/{tenant}/{recording}
    PATCH /v1/recordings/{tenant}/{recording}
    DELETE /v1/recordings/{tenant}/{recording}
    GET /v1/cache
    DELETE /v1/cache
    GET /v1/doctor
    GET /v1/tokens
    POST /v1/tokens
    DELETE /v1/tokens/{name}
    GET /v1/audit
    GET /v1/openapi.json
    ");
}

#[tokio::test]
async fn without_the_token_nobody_learns_which_paths_there_are() {
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1/cache"),
        ("GET", "/health/"),
        ("GET", "/health/../v1/routes"),
        ("GET", "//health"),
        ("GET", "/%68ealth"),
        ("OPTIONS", "/v1/routes"),
    ] {
        let router = router(tokens(), sources());
        let status = send(&router, request(method, path, None)).await.status().as_u16();
        assert_eq!(status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn no_token_set_opens_to_nobody() {
    for authorization in [None, Some("Bearer "), Some("Bearer x")] {
        let router = router(Tokens::new(&[]), sources());
        let response = send(&router, request("GET", "/v1/routes", authorization)).await;
        assert_eq!(response.status().as_u16(), 401);
    }
    let router = router(tokens(), sources());
    let mut twice = authorized("GET", "/v1/routes");
    twice.headers_mut().append(AUTHORIZATION, "Bearer other".parse().unwrap());
    assert_eq!(send(&router, twice).await.status().as_u16(), 401);
}

#[tokio::test]
async fn guessing_is_slowed_and_even_the_right_guess_is_not_heard() {
    let router = router(tokens(), sources());
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let guess = request("GET", "/v1/routes", Some("Bearer guess"));
        statuses.push(send(&router, guess).await.status().as_u16());
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses.last(), Some(&429));
    let right = authorized("GET", "/v1/routes");
    let response = send(&router, right).await;
    assert_eq!(response.status().as_u16(), 429);
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(text(response).await.contains("\"code\":\"too_many_failures\""));
    let open = request("GET", "/health", None);
    assert_eq!(send(&router, open).await.status().as_u16(), 200);
}

#[tokio::test]
async fn health_and_readiness_say_nothing_else() {
    assert_eq!(ask(sources(), "GET", "/health").await, r#"200 {"status":"alive"}"#);
    assert_eq!(ask(sources(), "GET", "/ready").await, r#"200 {"status":"ready"}"#);
    let stopping = || Readiness { waiting_for: vec!["stopping"], ..Readiness::default() };
    let stopping = Sources { ready: Arc::new(stopping), ..sources() };
    assert_eq!(
        ask(stopping.clone(), "GET", "/ready").await,
        r#"503 {"status":"not ready","waiting_for":["stopping"]}"#
    );
    let impaired = || Readiness { impaired: vec!["store"], ..Readiness::default() };
    let impaired = Sources { ready: Arc::new(impaired), ..sources() };
    assert_eq!(
        ask(impaired, "GET", "/ready").await,
        r#"200 {"status":"ready","impaired":["store"]}"#
    );
    assert_eq!(ask(stopping, "GET", "/health").await, r#"200 {"status":"alive"}"#);
}

#[tokio::test]
async fn routes_and_cache_in_json() {
    assert_snapshot!(ask(sources(), "GET", "/v1/routes").await, @r#"200 {"origin":"https://bbb.example.org","routes":[{"mount":"bbb-01","origin":"https://bbb-01.example.org","address":"10.0.0.11:443","bbb":"3.0.28","source":"file","state":"healthy"},{"mount":"bbb-02","origin":"https://bbb-02.example.org","address":null,"bbb":null,"source":"file"}]}"#);
    assert_snapshot!(ask(sources(), "GET", "/v1/cache").await, @r#"200 {"memory":268435456,"bytes":8192,"contents":4,"entries":6,"evicted":1,"answers":{"hit":10,"miss":2},"fetches":7,"deltas":5,"packed_away":4000,"disk":{"limit":1073741824,"bytes":16384,"files":9,"recalled":3,"dropped":1,"paused":false},"mounts":{"bbb-01":{"entries":3,"bytes":4096},"bbb-02":{"entries":3,"bytes":4096}}}"#);
    assert_snapshot!(ask(sources(), "GET", "/v1/nodes").await, @r#"200 {"panicking":false,"nodes":{"bbb-01":{"state":"healthy","state_seconds":0,"last_failure":null,"failures_in_a_row":0,"probes":3,"failed_probes":0,"ejections":0,"refused":0}}}"#);
    assert_snapshot!(ask(sources(), "GET", "/v1/doctor").await, @r#"200 {"at":1000,"report":{}}"#);
    assert_snapshot!(ask(sources(), "DELETE", "/v1/cache").await, @r#"200 {"mount":null,"removed":2}"#);
    assert_snapshot!(ask(sources(), "DELETE", "/v1/cache?mount=bbb-01").await, @r#"200 {"mount":"bbb-01","removed":1}"#);
}

#[tokio::test]
async fn errors_in_one_shape() {
    let no_cache = Sources { cache: None, doctor: None, ..sources() };
    let answers = [
        ask(sources(), "GET", "/v1/nothing").await,
        ask(sources(), "PUT", "/v1/cache").await,
        ask(sources(), "DELETE", "/v1/cache?mount=bbb-99").await,
        ask(sources(), "DELETE", "/v1/cache?mount=a/b").await,
        ask(no_cache.clone(), "GET", "/v1/doctor").await,
        ask(no_cache.clone(), "GET", "/v1/cache").await,
        ask(no_cache, "DELETE", "/v1/cache").await,
    ];
    assert_snapshot!(answers.join("\n"), @r#"
    404 {"error":{"code":"not_found","message":"there is no such path"}}
    405 {"error":{"code":"method_not_allowed","message":"this path does not take this method"}}
    404 {"error":{"code":"unknown_mount","message":"no node is mounted at `bbb-99` and nothing is cached for it"}}
    400 {"error":{"code":"bad_query","message":"the query is not understood: `a/b` is not a node name: lower-case letters, digits and inner hyphens, 1 to 63 characters"}}
    404 {"error":{"code":"no_doctor","message":"the doctor does not look by itself: `[doctor]` in the configuration file turns it on"}}
    404 {"error":{"code":"no_cache","message":"this process has no cache: it runs no proxy, or the cache is turned off"}}
    404 {"error":{"code":"no_cache","message":"this process has no cache: it runs no proxy, or the cache is turned off"}}
    "#);

    // A misspelt key purges nothing.
    let sources = sources();
    let answer = ask(sources.clone(), "DELETE", "/v1/cache?mont=bbb-01").await;
    assert!(answer.starts_with(r#"400 {"error":{"code":"bad_query""#), "{answer}");
    assert_eq!(sources.cache.unwrap().report().unwrap().mounts.len(), 2);
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let router = router(tokens(), sources());
    let mut long = authorized("DELETE", "/v1/cache");
    *long.body_mut() = Body::from(vec![b'x'; MAX_BODY + 1]);
    let response = send(&router, long).await;
    assert_eq!(response.status().as_u16(), 413);
    assert!(text(response).await.contains("body_too_long"));
}

#[tokio::test]
async fn metrics_in_prometheus_form() {
    let text = ask(sources(), "GET", "/metrics").await;
    let (ours, process): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| !line.contains("process_"));
    assert_snapshot!(ours.join("\n"), @r#"
    200 # HELP bluegate_build_info The version that runs
    # TYPE bluegate_build_info gauge
    bluegate_build_info{version="0.1.0"} 1
    # HELP bluegate_ready Whether this process takes work
    # TYPE bluegate_ready gauge
    bluegate_ready 1
    # HELP bluegate_routes Mounts relayed on the cluster's origin
    # TYPE bluegate_routes gauge
    bluegate_routes 2
    # HELP bluegate_cache_memory_bytes The cache's bound on its bytes
    # TYPE bluegate_cache_memory_bytes gauge
    bluegate_cache_memory_bytes 268435456
    # HELP bluegate_cache_bytes Bytes the cache holds, variants included
    # TYPE bluegate_cache_bytes gauge
    bluegate_cache_bytes 8192
    # HELP bluegate_cache_contents Distinct contents held
    # TYPE bluegate_cache_contents gauge
    bluegate_cache_contents 4
    # HELP bluegate_cache_evicted_total Contents that made room for others
    # TYPE bluegate_cache_evicted_total counter
    bluegate_cache_evicted_total 1
    # HELP bluegate_cache_fetches_total Requests that the cache itself sent to nodes
    # TYPE bluegate_cache_fetches_total counter
    bluegate_cache_fetches_total 7
    # HELP bluegate_cache_deltas_total Answers sent as a delta against what the browser had
    # TYPE bluegate_cache_deltas_total counter
    bluegate_cache_deltas_total 5
    # HELP bluegate_cache_disk_limit_bytes The bound on the bytes of the cache's folder
    # TYPE bluegate_cache_disk_limit_bytes gauge
    bluegate_cache_disk_limit_bytes 1073741824
    # HELP bluegate_cache_disk_bytes Bytes in the cache's folder
    # TYPE bluegate_cache_disk_bytes gauge
    bluegate_cache_disk_bytes 16384
    # HELP bluegate_cache_disk_recalled_total Contents read back from the cache's folder
    # TYPE bluegate_cache_disk_recalled_total counter
    bluegate_cache_disk_recalled_total 3
    # HELP bluegate_cache_disk_dropped_total Files not kept in the cache's folder because it was too slow or failed
    # TYPE bluegate_cache_disk_dropped_total counter
    bluegate_cache_disk_dropped_total 1
    # HELP bluegate_compression_saved_bytes_total Bytes not sent because files went out packed or as deltas
    # TYPE bluegate_compression_saved_bytes_total counter
    bluegate_compression_saved_bytes_total 4000
    # HELP bluegate_cache_answers_total Answers by what the cache could do for them
    # TYPE bluegate_cache_answers_total counter
    bluegate_cache_answers_total{result="hit"} 10
    bluegate_cache_answers_total{result="miss"} 2
    # HELP bluegate_cache_mount_entries Addresses with an answer in the cache, by mount
    # TYPE bluegate_cache_mount_entries gauge
    bluegate_cache_mount_entries{mount="bbb-01"} 3
    bluegate_cache_mount_entries{mount="bbb-02"} 3
    # HELP bluegate_test_total From a role
    # TYPE bluegate_test_total counter
    bluegate_test_total 42
    "#);
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
        let sample = process.iter().find_map(|line| line.strip_prefix(&format!("{name} ")));
        assert!(sample.unwrap().parse::<u64>().unwrap() > 0, "{name}");
    }
    assert!(process.contains(&"process_start_time_seconds 1000"));
}
