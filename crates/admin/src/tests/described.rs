//! The API's description, and real answers held against it.

use std::collections::BTreeSet;

use bluegate_testkit::Description;
use serde_json::{Value, json};

use super::roles::{MAY, Office};
use crate::{endpoints::endpoints, fixture::TOKEN, openapi::described};

fn methods(operations: &Value) -> Vec<String> {
    let methods = operations.as_object().unwrap().keys();
    methods.map(|method| method.to_ascii_uppercase()).collect()
}

#[test]
fn the_description_for_programs() {
    let mut document = described().clone();
    document["info"]["version"] = json!("VERSION");
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn every_endpoint_is_described_and_nothing_else() {
    let there: BTreeSet<(String, String)> = endpoints()
        .iter()
        .map(|endpoint| (endpoint.rule.method.to_string(), endpoint.rule.path.to_owned()))
        .collect();
    let paths = described()["paths"].as_object().unwrap();
    let written: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            methods(operations).into_iter().map(|method| (method, path.clone()))
        })
        .collect();
    assert_eq!(written, there);
    assert_eq!(described()["openapi"].as_str().unwrap().rsplit_once('.').unwrap().0, "3.1");
    let ids: Vec<_> = paths
        .values()
        .flat_map(|operations| operations.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    references(described(), &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let target = described().pointer(reference.trim_start_matches('#'));
        assert!(target.is_some_and(Value::is_object), "{reference}");
    }
}

#[test]
fn every_part_of_a_path_is_described() {
    for (path, operations) in described()["paths"].as_object().unwrap() {
        let parts: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for operation in operations.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let described: BTreeSet<&str> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(described, parts, "{path}");
        }
    }
}

/// Holds an answer against the description.
fn hold(path: &str, method: &str, status: u16, body: &str) {
    let content_type = match (path, status) {
        ("/metrics", 200) => Some("text/plain"),
        (_, 204) => None,
        _ => Some("application/json"),
    };
    let description = Description::new(described().clone());
    let operation = format!("{method} {path}");
    let problems = description.problems_of(&operation, status, content_type, body);
    assert_eq!(problems, Vec::<String>::new(), "{operation}: {status} {body}");
}

#[tokio::test]
async fn real_answers_are_as_described() {
    let office = Office::open();
    let mut held = 0;
    for (method, path, target, body, may) in MAY {
        for (token, _) in [TOKEN, &office.viewer, &office.tenant].iter().zip(may) {
            let (status, answer) = office.ask(token, method, target, body).await;
            hold(path, method, status, &answer);
            held += usize::from(status < 300);
        }
        let (status, answer) = office.send(super::request(method, target, None)).await;
        hold(path, method, status, &answer);
    }
    // What changes routes wants a book, which the tests of routes have.
    assert!(held > MAY.len(), "{held} answers were no refusals");
    for path in ["/health", "/ready"] {
        let (status, answer) = office.send(super::request("GET", path, None)).await;
        hold(path, "GET", status, &answer);
    }
}
