//! The API's description, and real answers held against it.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::roles::{MAY, Office};
use crate::{endpoints::endpoints, fixture::TOKEN, openapi::described};

/// The schema of this answer of an operation, which may refer to others of the
/// description; `None` when it has no body.
fn schema(path: &str, method: &str, status: u16) -> Option<Value> {
    let operation = &described()["paths"][path][method.to_ascii_lowercase()];
    let responses = &operation["responses"];
    let exact = &responses[status.to_string()];
    let of_class = &responses[format!("{}XX", status / 100)];
    let response = if exact.is_object() { exact } else { of_class };
    assert!(response.is_object(), "{method} {path}: {status} is not described");
    let mut schema = response["content"]["application/json"]["schema"].clone();
    schema.as_object_mut()?.insert("components".to_owned(), described()["components"].clone());
    Some(schema)
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap()
}

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
    let Some(schema) = schema(path, method, status) else {
        // A text, or nothing.
        assert!(status == 204 && body.is_empty() || path == "/metrics", "{method} {path}: {body}");
        return;
    };
    let answer: Value = serde_json::from_str(body).unwrap();
    let errors: Vec<String> =
        validator(&schema).iter_errors(&answer).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path}: {status} {body}\n{errors:#?}");
    let undescribed = undescribed(&schema, &schema, &answer);
    assert_eq!(undescribed, Vec::<String>::new(), "{method} {path}: {status} {body}");
}

/// Keys of an answer that no part of its schema has: a schema that says nothing of
/// them would let them pass.
fn undescribed(root: &Value, schema: &Value, answer: &Value) -> Vec<String> {
    match answer {
        Value::Object(object) => {
            let parts = parts(root, schema);
            // Said to be anything, or a map.
            if parts.iter().all(|part| !part["properties"].is_object()) {
                let values = parts.iter().find(|part| part["additionalProperties"].is_object());
                let values = values.map(|part| &part["additionalProperties"]);
                return values.map_or_else(Vec::new, |values| {
                    object.values().flat_map(|value| undescribed(root, values, value)).collect()
                });
            }
            object
                .iter()
                .flat_map(|(key, value)| {
                    let found = parts.iter().find(|part| part["properties"][key].is_object());
                    match found {
                        Some(part) => undescribed(root, &part["properties"][key], value),
                        None => vec![key.clone()],
                    }
                })
                .collect()
        }
        Value::Array(items) => {
            let parts = parts(root, schema);
            let Some(of) = parts.iter().find(|part| part["items"].is_object()) else {
                return Vec::new();
            };
            items.iter().flat_map(|item| undescribed(root, &of["items"], item)).collect()
        }
        _ => Vec::new(),
    }
}

/// A schema, with references and alternatives followed.
fn parts<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![schema];
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        found.extend(parts(root, target));
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        let alternatives = schema[key].as_array();
        found.extend(alternatives.into_iter().flatten().flat_map(|part| parts(root, part)));
    }
    found
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

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let schema = schema("/v1/callbacks", "GET", 200).unwrap();
    let good = json!({"callbacks": [], "more": false});
    assert!(validator(&schema).is_valid(&good));
    assert!(!validator(&schema).is_valid(&json!({"callbacks": [], "more": 1})));
    assert!(!validator(&schema).is_valid(&json!({"callbacks": []})));
    assert_eq!(undescribed(&schema, &schema, &good), Vec::<String>::new());
    let more = json!({"callbacks": [{"id": "x", "secret": "y"}], "more": false});
    assert_eq!(undescribed(&schema, &schema, &more), ["secret"]);
}
