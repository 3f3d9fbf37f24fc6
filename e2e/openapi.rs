//! What a running `bluegate serve` answers, held against what it says of its admin API.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use bluegate_testkit::{
    Description,
    http::{Request, Response},
};
use serde_json::Value;

use crate::{
    admin::TOKEN,
    callbacks::{call, dead_letter},
    recordings::{known, recorded},
    tenants::Served,
};

/// Asks, and holds every answer against the description.
struct Reader {
    admin: String,
    description: Description,
    /// The statuses that were seen, by operation.
    seen: RefCell<BTreeMap<String, BTreeSet<u16>>>,
}

impl Reader {
    async fn of(served: &Served) -> Self {
        let admin = format!("127.0.0.1:{}", served.admin);
        let request =
            Request::get("/v1/openapi.json").header("Authorization", &format!("Bearer {TOKEN}"));
        let document = request.send(&admin).await.unwrap();
        let description = Description::new(serde_json::from_slice(&document.body).unwrap());
        Self { admin, description, seen: RefCell::default() }
    }

    /// Asks with a token, or without when it is empty. `names` are the parts of the path.
    async fn asked(
        &self,
        token: &str,
        operation: &str,
        names: &[&str],
        more: (&str, &str),
        wanted: u16,
    ) -> Response {
        let (method, path) = operation.split_once(' ').unwrap();
        let mut names = names.iter();
        let parts = path.split('/').map(|part| match part.starts_with('{') {
            true => names.next().copied().unwrap(),
            false => part,
        });
        let (query, body) = more;
        let target = format!("{}{query}", parts.collect::<Vec<_>>().join("/"));
        let mut request = Request::new(method, &target);
        if !token.is_empty() {
            request = request.header("Authorization", &format!("Bearer {token}"));
        }
        if !body.is_empty() {
            request = request.body("application/json", body);
        }
        let answer = request.send(&self.admin).await.unwrap();
        let said = format!("{method} {target} {body}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status, wanted, "{said}");
        let problems = self.description.problems(operation, &answer);
        assert_eq!(problems, Vec::<String>::new(), "{said}");
        self.seen.borrow_mut().entry(operation.to_owned()).or_default().insert(answer.status);
        answer
    }

    /// As an operator, with a body where there is one.
    async fn ask(&self, operation: &str, names: &[&str], body: &str, wanted: u16) -> Value {
        let answer = self.asked(TOKEN, operation, names, ("", body), wanted).await;
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// As an operator, with a query.
    async fn query(&self, operation: &str, query: &str, wanted: u16) {
        self.asked(TOKEN, operation, &[], (query, ""), wanted).await;
    }
}

const NODE: &str = "{name}";

#[tokio::test]
async fn every_operation_answers_as_its_description_says() {
    let cluster = recorded(&["bg1.school-a.lecture"]).await;
    let served = Served::over(cluster, "[doctor]\n").await;
    let reader = Reader::of(&served).await;
    of_routes_and_nodes(&reader).await;
    of_meetings(&served, &reader).await;
    of_recordings(&served, &reader).await;
    of_tenants_and_tokens(&reader).await;
    of_the_process(&reader).await;
    of_who_may_not(&reader).await;

    let seen = reader.seen.borrow();
    let statuses: BTreeSet<u16> = seen.values().flatten().copied().collect();
    for status in [200, 201, 204, 400, 401, 403, 404, 409] {
        assert!(statuses.contains(&status), "nothing answered {status}");
    }
    let done = |statuses: &BTreeSet<u16>| statuses.iter().any(|status| *status < 300);
    let done: BTreeSet<String> =
        seen.iter().filter(|(_, of)| done(of)).map(|(operation, _)| operation.clone()).collect();
    let described = reader.description.operations();
    let never: Vec<_> = described.difference(&done).collect();
    assert_eq!(never, Vec::<&String>::new(), "described, and never answered well here");
}

async fn of_routes_and_nodes(reader: &Reader) {
    let route = "/v1/routes/{mount}";
    let [add, change, remove] =
        ["POST /v1/routes".to_owned(), format!("PATCH {route}"), format!("DELETE {route}")];
    reader.ask("GET /v1/routes", &[], "", 200).await;
    let body = r#"{"mount":"bbb-08","origin":"https://bbb-08.example.org","bbb":"3.0"}"#;
    reader.ask(&add, &[], body, 201).await;
    reader.ask(&add, &[], body, 409).await;
    reader.ask(&add, &[], "{}", 400).await;
    let outside = r#"{"mount":"bbb-07","origin":"https://elsewhere.test"}"#;
    reader.ask(&add, &[], outside, 403).await;
    reader.ask("GET /v1/routes", &[], "", 200).await;
    reader.ask(&change, &["bbb-08"], r#"{"bbb":null}"#, 200).await;
    reader.ask(&change, &["bbb-99"], r#"{"bbb":null}"#, 404).await;
    reader.ask(&remove, &["bbb-08"], "", 200).await;
    reader.ask(&remove, &["bbb-08"], "", 404).await;

    let one = |method: &str| format!("{method} /v1/nodes/{NODE}");
    let lose = format!("POST /v1/nodes/{NODE}/lost");
    reader.ask("GET /v1/nodes", &[], "", 200).await;
    let body = r#"{"name":"bbb-09","origin":"http://127.0.0.1:9","secrets":["s"],"proxied":false}"#;
    reader.ask("POST /v1/nodes", &[], body, 201).await;
    reader.ask("POST /v1/nodes", &[], body, 409).await;
    reader.ask("POST /v1/nodes", &[], r#"{"name":"x"}"#, 400).await;
    reader.ask(&one("GET"), &["bbb-09"], "", 200).await;
    reader.ask(&one("GET"), &["bbb-01"], "", 200).await;
    reader.ask(&one("GET"), &["bbb-99"], "", 404).await;
    reader.ask(&one("PATCH"), &["bbb-09"], r#"{"cordoned":true,"weight":0.5}"#, 200).await;
    reader.ask(&one("PATCH"), &["bbb-09"], r#"{"weight":-1}"#, 400).await;
    reader.ask(&one("PATCH"), &["bbb-99"], r#"{"cordoned":true}"#, 404).await;
    reader.ask(&lose, &["bbb-01"], "", 409).await;
    reader.ask(&lose, &["bbb-99"], "", 404).await;
    reader.ask(&lose, &["bbb-09"], "", 200).await;
    reader.ask("GET /v1/health", &[], "", 200).await;
    reader.ask(&one("DELETE"), &["bbb-09"], "", 200).await;
    reader.ask(&one("DELETE"), &["bbb-09"], "", 404).await;
    reader.ask(&one("DELETE"), &["bbb-01"], "", 409).await;
}

async fn of_meetings(served: &Served, reader: &Reader) {
    let letter = dead_letter(served).await;
    let id = letter["id"].as_str().unwrap();
    let created = call(served, "create", &[("meetingID", "m-2"), ("name", "Two")]).await;
    assert!(created.contains("SUCCESS"), "{created}");
    let one = |method: &str| format!("{method} /v1/meetings/{{tenant}}/{{meeting}}");
    let listed = reader.ask("GET /v1/meetings", &[], "", 200).await;
    assert!(listed.as_array().unwrap().iter().any(|meeting| meeting["meeting_id"] == "m-2"));
    reader.query("GET /v1/meetings", "?tenant=a%20b", 400).await;
    reader.ask(&one("GET"), &["school-a", "m-2"], "", 200).await;
    reader.ask(&one("GET"), &["school-a", "nothing"], "", 404).await;
    reader.ask(&one("DELETE"), &["school-a", "m-2"], "", 200).await;
    reader.ask(&one("DELETE"), &["school-a", "nothing"], "", 404).await;

    let (list, retry) = ("GET /v1/callbacks", "POST /v1/callbacks/{id}/retry");
    let listed = reader.ask(list, &[], "", 200).await;
    assert_eq!(listed["callbacks"][0]["id"], id, "{listed}");
    reader.query(list, "?limit=0", 400).await;
    reader.ask(retry, &[id], "", 200).await;
    reader.ask(retry, &["nothing"], "", 404).await;
    reader.ask("DELETE /v1/callbacks/{id}", &[id], "", 204).await;
    reader.ask("DELETE /v1/callbacks/{id}", &[id], "", 404).await;
}

async fn of_recordings(served: &Served, reader: &Reader) {
    let recording = known(served, 1).await.remove(0);
    let id = recording["record_id"].as_str().unwrap();
    let (list, one) = ("GET /v1/recordings", "/v1/recordings/{tenant}/{recording}");
    let [show, change, delete] = ["GET", "PATCH", "DELETE"].map(|method| format!("{method} {one}"));
    reader.ask(list, &[], "", 200).await;
    reader.query(list, "?state=nonsense", 400).await;
    reader.ask(&show, &["school-a", id], "", 200).await;
    reader.ask(&show, &["default", id], "", 404).await;
    reader.ask(&change, &["school-a", id], r#"{"published":false}"#, 200).await;
    reader.ask(&change, &["school-a", id], "{}", 400).await;
    reader.ask(&change, &["school-a", "nothing"], r#"{"published":true}"#, 404).await;
    reader.ask(&delete, &["school-a", id], "", 204).await;
    reader.ask(&delete, &["school-a", id], "", 404).await;
}

async fn of_tenants_and_tokens(reader: &Reader) {
    let one = |method: &str| format!("{method} /v1/tenants/{NODE}");
    reader.ask("GET /v1/tenants", &[], "", 200).await;
    let body = r#"{"name":"school-c","settings":{"limits":{"meetings":5}}}"#;
    reader.ask("POST /v1/tenants", &[], body, 201).await;
    reader.ask("POST /v1/tenants", &[], body, 409).await;
    reader.ask("POST /v1/tenants", &[], r#"{"name":"A B"}"#, 400).await;
    reader.ask(&one("GET"), &["school-c"], "", 200).await;
    reader.ask(&one("GET"), &["nobody"], "", 404).await;
    reader.ask(&one("PATCH"), &["school-c"], r#"{"settings":{"limits":null}}"#, 200).await;
    reader.ask(&one("PATCH"), &["school-a"], r#"{"secrets":["x"]}"#, 409).await;
    reader.ask(&one("DELETE"), &["school-c"], "", 204).await;
    reader.ask(&one("DELETE"), &["school-c"], "", 404).await;

    let revoke = format!("DELETE /v1/tokens/{NODE}");
    let body = r#"{"name":"board","role":"viewer"}"#;
    reader.ask("POST /v1/tokens", &[], body, 201).await;
    reader.ask("POST /v1/tokens", &[], body, 409).await;
    reader.ask("POST /v1/tokens", &[], r#"{"name":"x","role":"tenant"}"#, 400).await;
    reader.ask("GET /v1/tokens", &[], "", 200).await;
    reader.ask(&revoke, &["board"], "", 204).await;
    reader.ask(&revoke, &["board"], "", 404).await;
    let entries = reader.ask("GET /v1/audit", &[], "", 200).await;
    assert!(entries["entries"].as_array().unwrap().len() > 20, "{entries}");
    reader.query("GET /v1/audit", "?limit=x", 400).await;
}

async fn of_the_process(reader: &Reader) {
    for operation in ["GET /health", "GET /ready"] {
        reader.asked("", operation, &[], ("", ""), 200).await;
    }
    for operation in ["GET /metrics", "GET /v1/openapi.json", "GET /v1/doctor", "GET /v1/cache"] {
        reader.ask(operation, &[], "", 200).await;
    }
    reader.query("DELETE /v1/cache", "?mount=bbb-99", 404).await;
    reader.ask("DELETE /v1/cache", &[], "", 200).await;
}

/// Every operation without a token, with a viewer's and with a tenant's.
async fn of_who_may_not(reader: &Reader) {
    let mut tokens = Vec::new();
    for body in [
        r#"{"name":"viewer","role":"viewer"}"#,
        r#"{"name":"tenant","role":"tenant","tenant":"school-a"}"#,
    ] {
        let made = reader.ask("POST /v1/tokens", &[], body, 201).await;
        tokens.push(made["secret"].as_str().unwrap().to_owned());
    }
    for operation in reader.description.operations() {
        if ["GET /health", "GET /ready"].contains(&operation.as_str()) {
            continue;
        }
        reader.asked("", &operation, &["a", "b"], ("", ""), 401).await;
    }
    for operation in ["DELETE /v1/cache", "GET /v1/tokens", "POST /v1/nodes", "POST /v1/tenants"] {
        for token in &tokens {
            reader.asked(token, operation, &[], ("", ""), 403).await;
        }
    }
    for operation in ["GET /metrics", "GET /v1/nodes", "GET /v1/audit"] {
        reader.asked(&tokens[0], operation, &[], ("", ""), 200).await;
        reader.asked(&tokens[1], operation, &[], ("", ""), 403).await;
    }
}
