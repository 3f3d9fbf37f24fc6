//! Who may do what: every endpoint by every role, tokens that come and go, and
//! what the audit log keeps of it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use axum::{Router, body::Body};
use http::{Request, header::CONTENT_TYPE};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{request, send, text};
use crate::{
    Role, Sources,
    endpoints::{endpoints, router},
    fixture::{FakeScaler, FakeStore, TOKEN, sources, tokens},
};

const YES: bool = true;
const NO: bool = false;

const RECORDING: &str = "/v1/recordings/{tenant}/{recording}";
const HIDE: &str = r#"{"published":false}"#;

/// What an operator, a viewer and a tenant may do: method, path, a request of it
/// (body, where one is needed).
pub(super) const MAY: &[(&str, &str, &str, &str, [bool; 3])] = &[
    ("GET", "/metrics", "/metrics", "", [YES, YES, NO]),
    ("GET", "/v1/routes", "/v1/routes", "", [YES, YES, NO]),
    ("POST", "/v1/routes", "/v1/routes", "{}", [YES, NO, NO]),
    ("PATCH", "/v1/routes/{mount}", "/v1/routes/bbb-01", "{}", [YES, NO, NO]),
    ("DELETE", "/v1/routes/{mount}", "/v1/routes/bbb-01", "", [YES, NO, NO]),
    ("GET", "/v1/nodes", "/v1/nodes", "", [YES, YES, NO]),
    ("POST", "/v1/nodes", "/v1/nodes", "{}", [YES, NO, NO]),
    ("GET", "/v1/nodes/{name}", "/v1/nodes/bbb-01", "", [YES, YES, NO]),
    ("PATCH", "/v1/nodes/{name}", "/v1/nodes/bbb-01", r#"{"cordoned":true}"#, [YES, NO, NO]),
    ("DELETE", "/v1/nodes/{name}", "/v1/nodes/bbb-01", "", [YES, NO, NO]),
    ("POST", "/v1/nodes/{name}/lost", "/v1/nodes/bbb-02/lost", "", [YES, NO, NO]),
    ("GET", "/v1/health", "/v1/health", "", [YES, YES, NO]),
    ("GET", "/v1/meetings", "/v1/meetings", "", [YES, YES, YES]),
    ("GET", "/v1/meetings/{tenant}/{meeting}", "/v1/meetings/school-a/m-1", "", [YES, YES, YES]),
    ("DELETE", "/v1/meetings/{tenant}/{meeting}", "/v1/meetings/school-a/m-1", "", [YES, NO, YES]),
    ("GET", "/v1/tenants", "/v1/tenants", "", [YES, YES, YES]),
    ("POST", "/v1/tenants", "/v1/tenants", r#"{"name":"school-c"}"#, [YES, NO, NO]),
    ("GET", "/v1/tenants/{name}", "/v1/tenants/school-a", "", [YES, YES, YES]),
    ("PATCH", "/v1/tenants/{name}", "/v1/tenants/school-a", "{}", [YES, NO, NO]),
    ("DELETE", "/v1/tenants/{name}", "/v1/tenants/school-c", "", [YES, NO, NO]),
    ("GET", "/v1/callbacks", "/v1/callbacks", "", [YES, YES, YES]),
    (
        "POST",
        "/v1/callbacks/{id}/retry",
        "/v1/callbacks/dead-of-school-a/retry",
        "",
        [YES, NO, YES],
    ),
    ("DELETE", "/v1/callbacks/{id}", "/v1/callbacks/dead-of-school-a", "", [YES, NO, YES]),
    ("GET", "/v1/recordings", "/v1/recordings", "", [YES, YES, YES]),
    ("GET", RECORDING, "/v1/recordings/school-a/r-of-school-a", "", [YES, YES, YES]),
    ("PATCH", RECORDING, "/v1/recordings/school-a/r-of-school-a", HIDE, [YES, NO, YES]),
    ("DELETE", RECORDING, "/v1/recordings/school-a/r-of-school-a", "", [YES, NO, YES]),
    ("GET", "/v1/cache", "/v1/cache", "", [YES, YES, NO]),
    ("DELETE", "/v1/cache", "/v1/cache", "", [YES, NO, NO]),
    ("GET", "/v1/doctor", "/v1/doctor", "", [YES, YES, NO]),
    ("GET", "/v1/tokens", "/v1/tokens", "", [YES, NO, NO]),
    ("POST", "/v1/tokens", "/v1/tokens", r#"{"name":"new","role":"viewer"}"#, [YES, NO, NO]),
    ("DELETE", "/v1/tokens/{name}", "/v1/tokens/nobody", "", [YES, NO, NO]),
    ("GET", "/v1/audit", "/v1/audit", "", [YES, YES, NO]),
    ("GET", "/v1/openapi.json", "/v1/openapi.json", "", [YES, YES, YES]),
];

/// A listener with a store, and one token of each role.
pub(super) struct Office {
    store: Arc<FakeStore>,
    router: Router,
    operator: String,
    pub(super) viewer: String,
    pub(super) tenant: String,
}

impl Office {
    pub(super) fn open() -> Self {
        let store = Arc::new(FakeStore::default());
        let operator = store.issue("deputy", Role::Operator);
        let viewer = store.issue("board", Role::Viewer);
        let tenant = store.issue("head-of-a", Role::Tenant("school-a".parse().unwrap()));
        let sources = Sources {
            tokens: Some(Arc::clone(&store) as _),
            audit: Some(Arc::clone(&store) as _),
            scaler: Some(Arc::new(FakeScaler)),
            ..sources()
        };
        Self { router: router(tokens(), sources), store, operator, viewer, tenant }
    }

    pub(super) async fn ask(
        &self,
        token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> (u16, String) {
        let mut request = request(method, target, Some(&format!("Bearer {token}")));
        if !body.is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
            *request.body_mut() = Body::from(body.to_owned());
        }
        self.send(request).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = send(&self.router, request).await;
        (response.status().as_u16(), text(response).await)
    }

    async fn json(&self, token: &str, target: &str) -> Value {
        let (status, body) = self.ask(token, "GET", target, "").await;
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn every_endpoint_says_who_may_use_it() {
    let listed: BTreeSet<_> = MAY.iter().map(|(method, path, ..)| (*method, *path)).collect();
    assert_eq!(listed.len(), MAY.len(), "an endpoint is listed twice");
    let endpoints = endpoints();
    let closed =
        endpoints.iter().filter(|endpoint| !["/health", "/ready"].contains(&endpoint.rule.path));
    let there: BTreeSet<_> =
        closed.map(|endpoint| (endpoint.rule.method.as_str(), endpoint.rule.path)).collect();
    assert_eq!(listed, there, "an endpoint is new or gone: state who may use it");
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let office = Office::open();
    for (method, path, target, body, may) in MAY {
        for (token, may) in [&office.operator, &office.viewer, &office.tenant].iter().zip(may) {
            let (status, answer) = office.ask(token, method, target, body).await;
            let refused = status == 403 && answer.contains(r#""code":"forbidden""#);
            assert_eq!(!refused, *may, "{method} {path}: {status} {answer}");
            assert!(status != 401 && status < 500, "{method} {path}: {status} {answer}");
            if refused {
                assert!(!answer.contains("bbb") && !answer.contains("school"), "{answer}");
            }
        }
        let (status, _) = office.send(request(method, target, None)).await;
        assert_eq!(status, 401, "{method} {path} without a token");
    }
    // Which paths there are is no secret for who has a token.
    assert_eq!(office.ask(&office.tenant, "GET", "/v1/nothing", "").await.0, 404);
    assert_eq!(office.ask(&office.tenant, "PUT", "/v1/cache", "").await.0, 405);
}

#[tokio::test]
async fn a_tenant_sees_and_does_only_what_is_its_own() {
    let office = Office::open();
    let (all, own) = (&office.operator, &office.tenant);
    assert_eq!(office.json(all, "/v1/meetings").await.as_array().unwrap().len(), 2);
    let meetings = office.json(own, "/v1/meetings").await;
    assert_eq!(meetings.as_array().unwrap().len(), 1);
    assert_eq!(meetings[0]["tenant"], "school-a");
    assert_eq!(office.json(own, "/v1/callbacks").await["callbacks"][0]["tenant"], "school-a");
    assert_eq!(office.json(own, "/v1/callbacks?state=queued").await["callbacks"], json!([]));
    let recordings = office.json(own, "/v1/recordings").await;
    assert_eq!(recordings["recordings"].as_array().unwrap().len(), 1);
    assert_eq!(recordings["recordings"][0]["tenant"], "school-a");
    // Why a meeting is where it is tells of nodes, and of others' load there.
    let life = "/v1/meetings/school-a/m-1";
    assert_eq!(office.json(all, life).await[0]["decision"], json!({"node": "bbb-01"}));
    assert_eq!(office.json(own, life).await[0]["decision"], Value::Null);

    for (method, target, code) in [
        ("GET", "/v1/meetings?tenant=school-b", "unknown_tenant"),
        ("GET", "/v1/meetings/school-b/m-1", "unknown_meeting"),
        ("DELETE", "/v1/meetings/school-b/m-1", "unknown_meeting"),
        ("GET", "/v1/callbacks?tenant=school-b", "unknown_tenant"),
        ("POST", "/v1/callbacks/queued-of-school-b/retry", "unknown_callback"),
        ("DELETE", "/v1/callbacks/queued-of-school-b", "unknown_callback"),
        ("GET", "/v1/recordings?tenant=school-b", "unknown_tenant"),
        ("GET", "/v1/recordings/school-b/r-of-school-b", "unknown_recording"),
        ("DELETE", "/v1/recordings/school-b/r-of-school-b", "unknown_recording"),
        // Nor one of its own by the ID of a stranger's.
        ("DELETE", "/v1/recordings/school-a/r-of-school-b", "unknown_recording"),
        ("GET", "/v1/tenants/school-b", "unknown_tenant"),
    ] {
        let (status, others) = office.ask(own, method, target, "").await;
        assert_eq!(status, 404, "{target}: {others}");
        assert!(others.contains(&format!("\"code\":\"{code}\"")), "{target}: {others}");
        // Nor does the answer tell whether it is there at all.
        let nobodys = target.replace("school-b", "school-x");
        let (_, nothing) = office.ask(own, method, &nobodys, "").await;
        assert_eq!(others.replace("school-b", "school-x"), nothing, "{target}");
    }
    let other = office.store.issue("head-of-b", Role::Tenant("school-b".parse().unwrap()));
    assert_eq!(office.json(&other, "/v1/tenants").await["tenants"], json!([]));
    assert_eq!(office.json(own, "/v1/tenants").await["tenants"][0]["name"], "school-a");
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked_with_the_next_request() {
    let office = Office::open();
    let body = r#"{"name":"grafana","role":"viewer"}"#;
    let (status, made) = office.ask(TOKEN, "POST", "/v1/tokens", body).await;
    assert_eq!(status, 201);
    let made: Value = serde_json::from_str(&made).unwrap();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(made["token"]["created_by"], "token_file");
    office.json(secret, "/v1/nodes").await;

    let (_, listed) = office.ask(TOKEN, "GET", "/v1/tokens", "").await;
    assert!(listed.contains("grafana") && !listed.contains(secret), "{listed}");
    let kept = format!("{:?}", office.store.tokens.lock().unwrap());
    let tail = secret.rsplit('_').next().unwrap();
    assert!(!kept.contains(tail) && kept.contains("$argon2id$"), "{kept}");

    for (body, status, code) in [
        (body, 409, "name_taken"),
        (r#"{"name":"Grafana","role":"viewer"}"#, 400, "is not a token name"),
        (r#"{"name":"token_file","role":"viewer"}"#, 400, "is not a token name"),
        (r#"{"name":"x","role":"admin"}"#, 400, "unknown variant `admin`"),
        (r#"{"name":"x","role":"tenant"}"#, 400, "is for one tenant"),
        (r#"{"name":"x","role":"viewer","tenant":"school-a"}"#, 400, "only a token of the role"),
        (r#"{"name":"x","role":"tenant","tenant":"school-x"}"#, 404, "unknown_tenant"),
    ] {
        let (seen, answer) = office.ask(TOKEN, "POST", "/v1/tokens", body).await;
        assert_eq!(seen, status, "{body}: {answer}");
        assert!(answer.contains(code), "{body}: {answer}");
    }
    assert_eq!(office.ask(TOKEN, "DELETE", "/v1/tokens/grafana", "").await.0, 204);
    assert_eq!(office.ask(secret, "GET", "/v1/nodes", "").await.0, 401);
    assert_eq!(office.ask(TOKEN, "DELETE", "/v1/tokens/grafana", "").await.0, 404);

    // With a tenant its tokens go.
    assert_eq!(office.ask(TOKEN, "DELETE", "/v1/tenants/school-a", "").await.0, 204);
    assert_eq!(office.ask(&office.tenant, "GET", "/v1/meetings", "").await.0, 401);
}

#[tokio::test]
async fn what_a_token_may_is_read_for_each_request() {
    let office = Office::open();
    office.json(&office.viewer, "/v1/nodes").await;
    let mut kept = office.store.tokens.lock().unwrap()[1].clone();
    assert_eq!(kept.name, "board");
    kept.role = Role::Operator;
    office.store.tokens.lock().unwrap()[1] = kept.clone();
    office.json(&office.viewer, "/v1/tokens").await;
    kept.hash = "$argon2id$other".to_owned();
    office.store.tokens.lock().unwrap()[1] = kept;
    assert_eq!(office.ask(&office.viewer, "GET", "/v1/nodes", "").await.0, 401);

    office.store.down.store(true, Ordering::SeqCst);
    let (status, answer) = office.ask(&office.operator, "GET", "/v1/nodes", "").await;
    assert_eq!(status, 503, "{answer}");
    // The token file opens without the store.
    office.json(TOKEN, "/v1/nodes").await;
}

#[tokio::test]
async fn what_was_changed_is_recorded_and_no_secret_with_it() {
    let office = Office::open();
    let node = r#"{"name":"bbb-03","origin":"https://bbb-03.example.org","secrets":["hush-1"]}"#;
    office.ask(&office.operator, "POST", "/v1/nodes", node).await;
    let change = r#"{"cordoned":true,"weight":0.5}"#;
    office.ask(&office.operator, "PATCH", "/v1/nodes/bbb-03", change).await;
    office.ask(TOKEN, "POST", "/v1/tenants", r#"{"name":"school-a","secrets":["hush-2"]}"#).await;
    office.ask(TOKEN, "PATCH", "/v1/tenants/school-a", r#"{"secrets":["hush-3"]}"#).await;
    office.ask(&office.viewer, "DELETE", "/v1/cache", "").await;
    office.ask(TOKEN, "DELETE", "/v1/nodes/bbb-01/x", "").await;
    office.ask(TOKEN, "POST", "/v1/nodes/bbb-01/lost", "").await;
    office.ask("wrong", "DELETE", "/v1/cache", "").await;
    office.ask(TOKEN, "POST", "/v1/tokens", r#"{"name":"b","role":"viewer"}"#).await;
    office.ask(TOKEN, "DELETE", "/v1/meetings/school-b/m-1%0Ax", "").await;
    office.json(&office.viewer, "/v1/nodes").await;

    let report = office.json(&office.viewer, "/v1/audit").await;
    let entries = report["entries"].as_array().unwrap();
    let line = |entry: &Value| {
        let part = |name: &str| entry[name].as_str().unwrap().to_owned();
        let head = format!("{} {} {}", entry["position"], part("actor"), part("role"));
        let tail = format!("{} {}", entry["status"], part("outcome"));
        format!("{head} | {} | {} | {} | {tail}", part("action"), part("subject"), part("detail"))
    };
    let lines: Vec<String> = entries.iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r"
    8 token_file operator | DELETE /v1/meetings/{tenant}/{meeting} | school-b/m-1 x |  | 200 done
    7 token_file operator | POST /v1/tokens | b | role viewer | 201 done
    6 token_file operator | POST /v1/nodes/{name}/lost | bbb-01 |  | 409 node_answers
    5 board viewer | DELETE /v1/cache |  |  | 403 forbidden
    4 token_file operator | PATCH /v1/tenants/{name} | school-a | secrets | 200 done
    3 token_file operator | POST /v1/tenants | school-a |  | 201 done
    2 deputy operator | PATCH /v1/nodes/{name} | bbb-03 | cordoned true, weight 0.5 | 200 done
    1 deputy operator | POST /v1/nodes | bbb-03 |  | 201 done
    ");
    assert!(entries.iter().all(|entry| entry["at"].as_i64().unwrap() > 1_700_000_000_000));
    let all = format!("{:?}", office.store.audit.lock().unwrap());
    assert!(!all.contains("hush"), "{all}");

    let some = office.json(&office.viewer, "/v1/audit?limit=2&before=4&actor=token_file").await;
    assert_eq!(some["entries"].as_array().unwrap().len(), 1);
    assert_eq!(some["more"], false);
    let some = office.json(&office.viewer, "/v1/audit?limit=2").await;
    assert_eq!((some["entries"].as_array().unwrap().len(), &some["more"]), (2, &json!(true)));
}
