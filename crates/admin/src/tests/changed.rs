//! What changes through the API, and what is refused.

use std::sync::Arc;

use axum::body::Body;
use bluegate_cluster::AllowedHosts;
use insta::assert_snapshot;

use super::{answer, ask, authorized};
use crate::{
    Given, RouteBook, Sources,
    fixture::{FakeTenants, sources},
};

/// Sends JSON with the right token; status, tag and body.
async fn send_json(
    sources: &Sources,
    method: &str,
    target: &str,
    if_match: Option<&str>,
    json: &str,
) -> (u16, Option<String>, String) {
    let mut request = authorized(method, target);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    if let Some(tag) = if_match {
        request.headers_mut().insert("if-match", tag.parse().unwrap());
    }
    *request.body_mut() = Body::from(json.to_owned());
    answer(sources.clone(), request).await
}

#[tokio::test]
async fn routes_are_added_changed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let given = Given {
        origin: "https://bbb.example.org".parse().unwrap(),
        nodes: Vec::new(),
        allow: AllowedHosts::new(vec!["*.example.org".parse().unwrap()]),
    };
    let book = RouteBook::open(given, Some(folder.path().join("routes.json"))).unwrap();
    let sources = Sources { book: Some(book), ..sources() };
    let add = r#"{"mount":"bbb-03","origin":"https://bbb-03.example.org"}"#;

    let (status, tag, body) = send_json(&sources, "POST", "/v1/routes", None, add).await;
    assert_eq!(status, 201);
    assert_snapshot!(body, @r#"{"mount":"bbb-03","origin":"https://bbb-03.example.org","address":null,"bbb":null,"source":"api"}"#);
    let (_, shown, body) = send_json(&sources, "GET", "/v1/routes", None, "").await;
    assert_eq!(shown, tag);
    assert!(body.contains("\"source\":\"api\""), "{body}");

    let change = r#"{"bbb":"3.0"}"#;
    let target = "/v1/routes/bbb-03";
    let (status, newer, _) = send_json(&sources, "PATCH", target, tag.as_deref(), change).await;
    assert_eq!(status, 200);
    let late = send_json(&sources, "DELETE", target, tag.as_deref(), "").await;
    let removed = send_json(&sources, "DELETE", target, newer.as_deref(), "").await;
    assert_eq!(removed.0, 200);

    let off = add.replace("bbb-03.example.org", "bbb-03.example.net");
    let answers = [
        late,
        send_json(&sources, "DELETE", target, None, "").await,
        send_json(&sources, "DELETE", "/v1/routes/NO", None, "").await,
        send_json(&sources, "PATCH", "/v1/routes/api", None, "{}").await,
        send_json(&sources, "POST", "/v1/routes", None, &off).await,
        send_json(&sources, "POST", "/v1/routes", None, &add.replace("bbb-03\"", "t\"")).await,
        send_json(&sources, "POST", "/v1/routes", None, &add.replace("mount", "name")).await,
        send_json(&sources, "POST", "/v1/routes", None, "").await,
    ];
    let answers: Vec<String> = answers.map(|(status, _, body)| format!("{status} {body}")).into();
    assert_snapshot!(answers.join("\n"), @r#"
    412 {"error":{"code":"changed","message":"the routes have changed since: look at them again"}}
    404 {"error":{"code":"unknown_route","message":"no node is mounted at `bbb-03`"}}
    404 {"error":{"code":"not_found","message":"there is no such path"}}
    404 {"error":{"code":"not_found","message":"there is no such path"}}
    403 {"error":{"code":"not_allowed","message":"`bbb-03.example.net` is not among `[proxy] allow_nodes`, which bounds what may be added"}}
    400 {"error":{"code":"bad_body","message":"the request's body is not understood: `mount`: `t` is reserved: that path has a meaning of its own on an origin"}}
    400 {"error":{"code":"bad_body","message":"the request's body is not understood: Failed to deserialize the JSON body into the target type: name: unknown field `name`, expected one of `mount`, `origin`, `address`, `bbb` at line 1 column 7"}}
    400 {"error":{"code":"bad_body","message":"the request's body is not understood: Failed to parse the request body as JSON: EOF while parsing a value at line 1 column 0"}}
    "#);
}

#[tokio::test]
async fn a_node_is_given_up_unless_it_answers() {
    for (name, status, wanted) in [
        ("bbb-01", 409, r#""code":"node_answers""#),
        ("bbb-02", 200, r#""health":"lost""#),
        ("bbb-03", 500, r#""code":"internal""#),
        ("bbb-04", 404, r#""code":"unknown_node""#),
    ] {
        let answer = ask(sources(), "POST", &format!("/v1/nodes/{name}/lost")).await;
        let (seen, text) = answer.split_once(' ').unwrap();
        assert!(seen == status.to_string() && text.contains(wanted), "{name}: {answer}");
    }
}

#[tokio::test]
async fn tenants_are_shown_added_changed_and_removed() {
    let fake = Arc::new(FakeTenants::default());
    let sources = Sources { tenants: Some(Arc::clone(&fake) as _), ..sources() };
    let send = async |method: &str, target: &str, body: &str| {
        let (status, _, body) = send_json(&sources, method, target, None, body).await;
        (status, body)
    };
    let (status, shown) = send("GET", "/v1/tenants", "").await;
    assert_eq!(status, 200);
    assert_snapshot!(shown, @r#"{"tenants":[{"name":"school-a","source":"api","secrets":2,"meetings":3,"users":40,"refused":{"meetings":1},"settings":{"enabled":true,"hosts":["a.example.org"],"limits":{"meetings":5},"create":{"record":{"set":"false"}}}}]}"#);
    assert_eq!(send("GET", "/v1/tenants/school-a", "").await.0, 200);
    assert_eq!(send("GET", "/v1/tenants/school-b", "").await.0, 404);

    let (status, added) = send("POST", "/v1/tenants", r#"{"name":"school-a"}"#).await;
    assert_eq!(status, 201);
    assert!(added.contains(r#""secret":"made-for-it""#), "{added}");
    let given = r#"{"name":"school-a","secrets":["s3cret"]}"#;
    let (_, added) = send("POST", "/v1/tenants", given).await;
    assert!(!added.contains("s3cret") && !added.contains(r#""secret""#), "{added}");
    let patch = r#"{"secrets":["s3cret-1","s3cret-2"],"settings":{"enabled":false,"hosts":null,
        "create":{"duration":{"at_most":60}}}}"#;
    assert_eq!(send("PATCH", "/v1/tenants/school-a", patch).await.0, 200);
    assert_eq!(send("DELETE", "/v1/tenants/school-a?insist=true", "").await.0, 204);
    assert_eq!(send("DELETE", "/v1/tenants/school-b", "").await.0, 404);
    let edits = fake.0.lock().unwrap().clone();
    assert_eq!(edits.len(), 5);
    let changed = &edits[2];
    for part in ["enabled: false", "hosts: []", "name: \"record\"", "AtMost(60)"] {
        assert!(changed.contains(part), "{part}: {changed}");
    }
    assert!(edits.iter().all(|edit| !edit.contains("s3cret")), "{edits:?}");
    assert!(edits[3].contains("insist: true"), "{}", edits[3]);

    for (method, target, body, wanted) in [
        ("POST", "/v1/tenants", r#"{"name":"School A"}"#, "is not a tenant name"),
        ("POST", "/v1/tenants", r#"{"name":"b","secrets":[""]}"#, "the secret is empty"),
        ("POST", "/v1/tenants", r#"{"name":"b","secrets":["a\nb"]}"#, "control characters"),
        ("POST", "/v1/tenants", r#"{"name":"b","settings":{"limit":1}}"#, "unknown field `limit`"),
        (
            "POST",
            "/v1/tenants",
            r#"{"name":"b","settings":{"limits":{"meetings":0},"logo":"x"}}"#,
            "`limits.meetings`: a limit is at least 1; `enabled = false` keeps a tenant from new \
             meetings; `logo`: `x` is not an address",
        ),
        ("PATCH", "/v1/tenants/school-a", r#"{"secrets":[]}"#, "nobody would get in"),
        ("PATCH", "/v1/tenants/school-a", r#"{"settings":{"x":1}}"#, "unknown field `x`"),
    ] {
        let (status, answer) = send(method, target, body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains(wanted), "{body}: {answer}");
    }
    assert_eq!(fake.0.lock().unwrap().len(), 5, "nothing of that was asked for");
}

#[tokio::test]
async fn callbacks_are_listed_retried_and_dropped() {
    assert_snapshot!(ask(sources(), "GET", "/v1/callbacks").await, @r#"200 {"callbacks":[{"id":"dead-of-school-a","tenant":"school-a","meeting_id":"m-1","kind":"meeting-ended","state":"dead","target":"https://school-a.example.org","attempts":3,"created_at":1000,"next_at":2000,"error":"the receiver answered 500"},{"id":"queued-of-school-b","tenant":"school-b","meeting_id":"m-1","kind":"meeting-ended","state":"queued","target":"https://school-b.example.org","attempts":3,"created_at":1000,"next_at":2000,"error":"the receiver answered 500"}],"more":false}"#);
    for (target, wanted) in [
        ("/v1/callbacks?state=dead", "dead-of-school-a"),
        ("/v1/callbacks?tenant=school-b", "queued-of-school-b"),
        ("/v1/callbacks?state=delivered", r#"{"callbacks":[],"more":false}"#),
        ("/v1/callbacks?state=lost", "unknown variant `lost`"),
        ("/v1/callbacks?limit=0", "`limit` is 1 to 1000, not 0"),
        ("/v1/callbacks?limit=1001", "bad_query"),
        ("/v1/callbacks?tenants=a", "unknown field `tenants`"),
        ("/v1/callbacks?tenant=A", "is not a tenant name"),
    ] {
        let answer = ask(sources(), "GET", target).await;
        assert!(answer.contains(wanted), "{target}: {answer}");
    }
    let none = Sources { callbacks: None, ..sources() };
    for (method, target, wanted) in [
        ("POST", "/v1/callbacks/dead-of-school-a/retry", r#"200 {"id":"dead-of-school-a"}"#),
        ("DELETE", "/v1/callbacks/dead-of-school-a", "204 "),
    ] {
        assert_eq!(ask(sources(), method, target).await, wanted);
        let unknown = ask(sources(), method, &target.replace("dead", "none")).await;
        assert!(unknown.starts_with(r#"404 {"error":{"code":"unknown_callback""#), "{unknown}");
        let nowhere = ask(none.clone(), method, target).await;
        assert!(nowhere.starts_with(r#"404 {"error":{"code":"no_callbacks""#), "{nowhere}");
    }
}
