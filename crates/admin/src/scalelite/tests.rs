use std::{collections::BTreeMap, sync::Mutex};

use bluegate_cluster::{Mount, TenantName};
use serde_json::json;

use super::*;
use crate::{
    Answering, DrainStatus, MeetingEntry, MeetingLife, NodeChange, NodeRemoved, NodeSpec,
    ScalerNode, ScalerRefusal, ScalerSource, fixture,
};

mod recorded;

const SECRET: &str = "lbsecret";

/// Nodes that are changed as they are told; `bbb-03` is silent.
struct FakeScaler {
    nodes: Mutex<BTreeMap<String, ScalerNode>>,
    did: Mutex<Vec<String>>,
}

impl FakeScaler {
    fn new() -> Self {
        let node = |host: &str, health: &str| ScalerNode {
            origin: format!("https://{host}.example.org"),
            bbb: Some("3.0.28".to_owned()),
            health: health.to_owned(),
            weight: 0.1,
            weight_configured: 0.5,
            load: 12.5,
            ..ScalerNode::default()
        };
        let mut cordoned = node("bbb-02", "healthy");
        cordoned.cordoned_at = Some(1);
        cordoned.tags = vec!["gpu".to_owned(), "big".to_owned()];
        cordoned.meetings = 1;
        let nodes = [
            ("bbb-01", node("bbb-01", "healthy")),
            ("bbb-02", cordoned),
            ("bbb-03", node("bbb-03", "suspect")),
        ];
        let nodes = nodes.map(|(name, node)| (name.to_owned(), node));
        Self { nodes: Mutex::new(nodes.into()), did: Mutex::default() }
    }

    fn did(&self, what: String) {
        self.did.lock().unwrap().push(what);
    }
}

fn refusal(message: &str) -> ScalerRefusal {
    let (status, code) = (StatusCode::CONFLICT, "refused");
    ScalerRefusal { status, code, message: message.to_owned() }
}

impl ScalerSource for FakeScaler {
    fn nodes(&self) -> BTreeMap<String, ScalerNode> {
        self.nodes.lock().unwrap().clone()
    }

    fn add_node(&self, spec: NodeSpec) -> Answering<'_, ()> {
        self.did(format!("add {} {:?} {:?}", spec.name, spec.secrets, spec.tags));
        let node = ScalerNode {
            origin: spec.origin,
            health: "healthy".to_owned(),
            weight_configured: spec.weight,
            tags: spec.tags,
            ..ScalerNode::default()
        };
        self.nodes.lock().unwrap().insert(spec.name, node);
        Box::pin(async { Ok(()) })
    }

    fn change_node(&self, name: Mount, change: NodeChange) -> Answering<'_, ()> {
        self.did(format!("change {name} {change:?}"));
        let mut nodes = self.nodes.lock().unwrap();
        if let Some(node) = nodes.get_mut(name.as_str()) {
            if let Some(cordoned) = change.cordoned {
                node.cordoned_at = cordoned.then_some(1);
            }
            if let Some(weight) = change.weight {
                node.weight_set = weight;
            }
        }
        Box::pin(async { Ok(()) })
    }

    fn remove_node(&self, name: Mount, insist: bool) -> Answering<'_, NodeRemoved> {
        self.did(format!("remove {name} {insist}"));
        Box::pin(async move {
            if name.as_str() == "bbb-02" {
                return Err(refusal("1 meetings run on node `bbb-02`"));
            }
            Ok(NodeRemoved { name: name.to_string(), meetings_left: 0 })
        })
    }

    fn drain(&self, _: Mount) -> Answering<'_, DrainStatus> {
        Box::pin(async { Ok(DrainStatus::default()) })
    }

    fn meetings(&self) -> Vec<MeetingEntry> {
        let meeting = |id: &str, node: &str| MeetingEntry {
            tenant: "default".to_owned(),
            meeting_id: id.to_owned(),
            node: node.to_owned(),
            ..MeetingEntry::default()
        };
        vec![meeting("m-1", "bbb-01"), meeting("m-2", "bbb-02"), meeting("m-3", "bbb-03")]
    }

    fn meeting(&self, _: TenantName, _: String) -> Answering<'_, Vec<MeetingLife>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn end_meeting(&self, _: TenantName, id: String) -> Answering<'_, ()> {
        self.did(format!("end {id}"));
        Box::pin(async move {
            if ["m-1", "m-3"].contains(&id.as_str()) { Err(refusal("no answer")) } else { Ok(()) }
        })
    }
}

/// `bbb-03` may be given up, `bbb-01` answers.
struct FakeHealth;

impl crate::HealthSource for FakeHealth {
    fn report(&self) -> crate::ClusterHealth {
        crate::ClusterHealth::default()
    }

    fn lose<'a>(&'a self, node: &'a Mount) -> crate::Losing<'a> {
        let silent = node.as_str() == "bbb-03";
        Box::pin(async move { if silent { Ok(()) } else { Err(crate::NotLost::Answers) } })
    }
}

struct Api {
    router: Router,
    scaler: Arc<FakeScaler>,
    tenants: Arc<fixture::FakeTenants>,
}

impl Api {
    fn new() -> Self {
        let scaler = Arc::new(FakeScaler::new());
        let tenants = Arc::new(fixture::FakeTenants::default());
        let sources = Sources {
            scaler: Some(Arc::clone(&scaler) as _),
            tenants: Some(Arc::clone(&tenants) as _),
            health: Some(Arc::new(FakeHealth)),
            ..fixture::sources()
        };
        let secrets = ["other", SECRET].map(|text| Secret::new(text).unwrap());
        Self { router: scalelite_router(secrets.into(), sources), scaler, tenants }
    }

    /// Status and body of a request.
    async fn send(&self, method: &str, target: &str, content_type: &str, body: &str) -> String {
        let mut request = Request::builder().method(method).uri(target);
        if !content_type.is_empty() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let peer = SocketAddr::from(([192, 0, 2, 1], 4_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let sent = tower_service::Service::call(&mut self.router.clone(), request).await.unwrap();
        let status = sent.status().as_u16();
        let body = Limited::new(sent.into_body(), 1 << 20).collect().await.unwrap().to_bytes();
        format!("{status} {}", String::from_utf8(body.to_vec()).unwrap())
    }

    /// A signed call: a GET, or a POST of JSON.
    async fn call(&self, call: &str, query: &str, body: &Value) -> String {
        let target = format!("/scalelite/api/{call}?{}", signed(call, query, SECRET));
        if body.is_null() {
            self.send("GET", &target, "", "").await
        } else {
            self.send("POST", &target, "application/json", &body.to_string()).await
        }
    }
}

fn signed(call: &str, query: &str, secret: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(format!("{call}{query}{secret}"));
    let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if query.is_empty() {
        format!("checksum={checksum}")
    } else {
        format!("{query}&checksum={checksum}")
    }
}

#[tokio::test]
async fn servers_are_shown_as_scalelite_shows_them_but_for_their_secrets() {
    let api = Api::new();
    let mut answers = Vec::new();
    for (call, query) in
        [("getServers", ""), ("getServerInfo", "id=bbb-02"), ("getServerInfo", "id=nobody")]
    {
        answers.push(format!("{call} {query}: {}", api.call(call, query, &Value::Null).await));
    }
    let none = Api::new();
    none.scaler.nodes.lock().unwrap().clear();
    answers.push(format!("none: {}", none.call("getServers", "", &Value::Null).await));
    insta::assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn servers_are_changed_as_scalelite_changes_them() {
    for (call, body, answer, did) in [
        (
            "addServer",
            json!({"server": {"url": "https://bbb-04.example.org/bigbluebutton/api/", "secret": "s",
                "load_multiplier": "2.0", "tag": "gpu"}}),
            r#"201 {"bbb_version":"","id":"bbb-04","load":"unavailable","load_multiplier":"2.0","online":"online","secret":"","state":"disabled","tag":"gpu","url":"https://bbb-04.example.org/bigbluebutton/api/"}"#,
            r#"add bbb-04 ["s"] ["gpu"]; change bbb-04 NodeChange { cordoned: Some(true), weight: None }"#,
        ),
        (
            "addServer",
            json!({"url": "https://bbb-01.example.com/bigbluebutton/api", "secret": "s"}),
            r#"201 {"bbb_version":"","id":"bbb-01-2","#,
            r#"add bbb-01-2 ["s"] []; change bbb-01-2"#,
        ),
        (
            "addServer",
            json!({"server": {"url": "https://bbb-04.example.org/bigbluebutton/api"}}),
            r#"400 {"error":"Server needs a URL and a secret"}"#,
            "",
        ),
        (
            "addServer",
            json!({"server": {"url": "not a url", "secret": "s"}}),
            r#"400 {"error":"`not a url` is not `https://HOST/bigbluebutton/api`"}"#,
            "",
        ),
        (
            "updateServer",
            json!({"id": "bbb-02", "server": {"state": "enable"}}),
            r#"200 {"bbb_version":"3.0.28","id":"bbb-02","load":12.5,"load_multiplier":"2.0","online":"online","secret":"","state":"enabled","#,
            "change bbb-02 NodeChange { cordoned: Some(false), weight: None }",
        ),
        (
            "updateServer",
            json!({"id": "bbb-01", "server": {"state": "disable", "load_multiplier": 2.5}}),
            r#"200 {"bbb_version":"3.0.28","id":"bbb-01","load":"unavailable","load_multiplier":"2.5","online":"online","secret":"","state":"disabled","#,
            "change bbb-01 NodeChange { cordoned: Some(true), weight: Some(Some(0.4)) }",
        ),
        (
            "updateServer",
            json!({"id": "bbb-01", "server": {"state": "cordon"}}),
            r#"200 {"#,
            "change bbb-01 NodeChange { cordoned: Some(true), weight: None }",
        ),
        (
            "updateServer",
            json!({"id": "bbb-01", "server": {"state": "x"}}),
            r#"400 {"error":"Invalid state parameter: x"}"#,
            "",
        ),
        (
            "updateServer",
            json!({"id": "bbb-01", "server": {"load_multiplier": "0"}}),
            r#"400 {"error":"Load-multiplier must be a non-zero number"}"#,
            "",
        ),
        (
            "updateServer",
            json!({"id": "bbb-02", "server": {"tag": "gpu", "state": "cordon"}}),
            r#"200 {"#,
            "change bbb-02 NodeChange { cordoned: Some(true), weight: None }",
        ),
        (
            "updateServer",
            json!({"id": "bbb-02", "server": {"tag": "other"}}),
            r#"400 {"error":"a node's tags are changed by adding it anew"}"#,
            "",
        ),
        (
            "updateServer",
            json!({"id": "nobody", "server": {"state": "enable"}}),
            r#"404 {"error":"Couldn't find server with id=nobody"}"#,
            "",
        ),
        (
            "updateServer",
            json!({"id": "bbb-01"}),
            "200 <?xml version=\"1.0\"?>\n<response>\n  <returncode>FAILED</returncode>\n  <messageKey>internalError</messageKey>\n  <message>param is missing or the value is empty: server</message>\n</response>\n",
            "",
        ),
        (
            "deleteServer",
            json!({"id": "bbb-01"}),
            r#"200 {"success":"Server id=bbb-01 was destroyed"}"#,
            "remove bbb-01 false",
        ),
        (
            "deleteServer",
            json!({"id": "bbb-02"}),
            r#"400 {"error":"Couldn't destroy server id=bbb-02: 1 meetings run on node `bbb-02`"}"#,
            "remove bbb-02 false",
        ),
        (
            "panicServer",
            json!({"id": "bbb-02"}),
            r#"200 {"success":"Server id=bbb-02 has been disabled and the meetings have been destroyed"}"#,
            "change bbb-02 NodeChange { cordoned: Some(true), weight: None }; end m-2",
        ),
        (
            "panicServer",
            json!({"id": "bbb-02", "keep_state": false}),
            r#"200 {"success":"#,
            "end m-2",
        ),
        // Silent, so it is given up.
        (
            "panicServer",
            json!({"id": "bbb-03", "keep_state": "true"}),
            r#"200 {"success":"#,
            "end m-3",
        ),
        // It answers and its meeting goes on.
        (
            "panicServer",
            json!({"id": "bbb-01", "keep_state": "true"}),
            r#"400 {"error":"Couldn't disable server id=bbb-01: 1 meetings did not end"#,
            "end m-1",
        ),
        (
            "panicServer",
            json!({"id": "nobody"}),
            r#"404 {"error":"Couldn't find server with id=nobody"}"#,
            "",
        ),
    ] {
        let api = Api::new();
        let answered = api.call(call, "", &body).await;
        assert!(answered.starts_with(answer), "{call} {body}: {answered}");
        let done = api.scaler.did.lock().unwrap().join("; ");
        assert!(
            done.starts_with(did) && done.is_empty() == did.is_empty(),
            "{call} {body}: {done}"
        );
    }
}

#[tokio::test]
async fn tenants_are_shown_and_changed_as_scalelite_does_but_for_their_secrets() {
    for (call, query, body, answer, did) in [
        (
            "getTenants",
            "",
            Value::Null,
            r#"200 [{"id":"school-a","name":"school-a","secrets":""}]"#,
            "",
        ),
        (
            "getTenantInfo",
            "id=school-a",
            Value::Null,
            r#"200 {"destroyed":false,"id":"school-a","name":"school-a","new_record":false,"secrets":""}"#,
            "",
        ),
        (
            "getTenantInfo",
            "id=x",
            Value::Null,
            r#"404 {"error":"Couldn't find Tenant with id=x"}"#,
            "",
        ),
        (
            "addTenant",
            "",
            json!({"tenant": {"name": "bn", "secrets": "one:two"}}),
            r#"201 {"tenant":{"id":"bn","name":"bn","secrets":""}}"#,
            r#"Add { name: TenantName("bn"), secrets: [***, ***]"#,
        ),
        (
            "addTenant",
            "",
            json!({"tenant": {"name": "bn"}}),
            r#"400 {"message":"Error: both name and secrets are required to create a Tenant"}"#,
            "",
        ),
        (
            "addTenant",
            "",
            json!({"tenant": {"name": "B N", "secrets": "s"}}),
            r#"400 {"message":"Error: `B N` is not"#,
            "",
        ),
        (
            "updateTenant",
            "",
            json!({"id": "school-a", "tenant": {"secrets": "new"}}),
            r#"200 {"tenant":{"id":"school-a","#,
            r#"Change { name: TenantName("school-a"), secrets: Some([***]), settings: None }"#,
        ),
        (
            "updateTenant",
            "",
            json!({"id": "school-a", "tenant": {"name": "other"}}),
            r#"422 {"error":"a tenant's name is for good"#,
            "",
        ),
        (
            "updateTenant",
            "",
            json!({"id": "x", "tenant": {"secrets": "new"}}),
            r#"404 {"error":"Couldn't find Tenant with id=x"}"#,
            "",
        ),
        (
            "deleteTenant",
            "",
            json!({"id": "school-a"}),
            r#"200 {"success":"Tenant id=school-a was destroyed"}"#,
            r#"Remove { name: TenantName("school-a"), insist: false }"#,
        ),
    ] {
        let api = Api::new();
        let answered = api.call(call, query, &body).await;
        assert!(answered.starts_with(answer), "{call} {body}: {answered}");
        let done = api.tenants.0.lock().unwrap().join("; ");
        assert!(
            done.starts_with(did) && done.is_empty() == did.is_empty(),
            "{call} {body}: {done}"
        );
    }
}

#[tokio::test]
async fn who_may_call_is_told_as_scalelite_tells_it() {
    let body = r#"{"id":"bbb-01","server":{"state":"enable"}}"#;
    let good = |call: &str| format!("/scalelite/api/{call}?{}", signed(call, "", SECRET));
    let wrong = format!("/scalelite/api/getServers?{}", signed("getServers", "", "wrong"));
    let other = format!("/scalelite/api/getServers?{}", signed("getServers", "", "other"));
    let json = "application/json";
    // SHA-1 of `getServerslbsecret`.
    let sha1 = {
        use bluegate_bbb_api::checksum::{Algorithm, sign};
        let secret = Secret::new(SECRET).unwrap();
        format!(
            "/scalelite/api/getServers?checksum={}",
            sign("getServers", "", &secret, Algorithm::Sha1)
        )
    };
    for (method, target, content_type, body, wanted) in [
        ("GET", good("getServers").as_str(), "", "", "200 ["),
        ("GET", &other, "", "", "200 ["),
        ("GET", &sha1, "", "", "200 ["),
        ("GET", &wrong, "", "", "checksumError"),
        ("GET", "/scalelite/api/getServers", "", "", "checksumError"),
        ("GET", "/scalelite/api/getServers?checksum=", "", "", "checksumError"),
        ("GET", &good("getNothing"), "", "", "unsupportedRequest"),
        ("POST", &good("getServers"), json, body, "unsupportedRequest"),
        ("GET", &good("updateServer"), "", "", "unsupportedRequest"),
        ("POST", &good("updateServer"), json, body, r#"200 {"bbb_version""#),
        ("POST", &good("updateServer"), "application/json; charset=utf-8", body, r#"200 {"bbb"#),
        (
            "POST",
            &good("updateServer"),
            "application/x-www-form-urlencoded",
            body,
            "unsupportedContentType",
        ),
        // A wrong content type masks a wrong checksum.
        ("POST", "/scalelite/api/updateServer", "text/plain", body, "unsupportedContentType"),
        ("POST", "/scalelite/api/updateServer", json, body, "checksumError"),
        ("POST", &good("updateServer"), json, "{", "400 "),
        ("POST", &good("updateServer"), json, "[]", "400 "),
    ] {
        let answered = Api::new().send(method, target, content_type, body).await;
        assert!(answered.contains(wanted), "{method} {target} {content_type}: {answered}");
        assert!(!answered.contains(SECRET), "{answered}");
    }
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(MAX_BODY));
    let answered = Api::new().send("POST", &good("updateServer"), json, &long).await;
    assert!(answered.starts_with("413 "), "{answered}");

    let api = Api::new();
    for _ in 0..10 {
        api.send("GET", &wrong, "", "").await;
    }
    assert_eq!(api.send("GET", &good("getServers"), "", "").await, "429 ", "guesses are slowed");
}
