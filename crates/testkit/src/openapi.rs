//! Answers held against an OpenAPI 3.1 document.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::http::Response;

/// A description of an API.
pub struct Description(Value);

impl Description {
    /// The description that this document is.
    #[must_use]
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// Method and path of everything that can be asked, such as `GET /v1/nodes/{name}`.
    #[must_use]
    pub fn operations(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, operations)| {
            let methods = operations.as_object().into_iter().flat_map(|of| of.keys());
            methods.map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
        });
        operations.collect()
    }

    /// What is not as described of an answer to this operation.
    #[must_use]
    pub fn problems(&self, operation: &str, answer: &Response) -> Vec<String> {
        let content_type = answer.header("content-type");
        self.problems_of(operation, answer.status, content_type, &answer.text())
    }

    /// The same, of an answer in its parts.
    #[must_use]
    pub fn problems_of(
        &self,
        operation: &str,
        status: u16,
        content_type: Option<&str>,
        body: &str,
    ) -> Vec<String> {
        let described = match self.response(operation, status) {
            Some(response) => &response["content"],
            None => return vec![format!("status {status} is not described")],
        };
        let Some(content) = described.as_object() else {
            return if body.is_empty() { Vec::new() } else { vec!["a body is not".to_owned()] };
        };
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let Some(content) = content.get(media_type.trim()) else {
            return vec![format!("content type {content_type:?} is not described")];
        };
        if media_type != "application/json" {
            return Vec::new();
        }
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            return vec!["the body is no JSON".to_owned()];
        };
        let mut schema = content["schema"].clone();
        // References lead there.
        schema["components"] = self.0["components"].clone();
        let validator = match jsonschema::draft202012::new(&schema) {
            Ok(validator) => validator,
            Err(error) => return vec![format!("the schema is none: {error}")],
        };
        let errors = validator.iter_errors(&body).map(|error| error.to_string());
        let undescribed = undescribed(&schema, &schema, &body);
        errors
            .chain(undescribed.into_iter().map(|key| format!("`{key}` is not described")))
            .collect()
    }

    fn response(&self, operation: &str, status: u16) -> Option<&Value> {
        let (method, path) = operation.split_once(' ')?;
        let responses = &self.0["paths"][path][method.to_ascii_lowercase()]["responses"];
        let (exact, of_class) = (status.to_string(), format!("{}XX", status / 100));
        responses.get(exact).or_else(|| responses.get(of_class))
    }
}

/// Keys of an answer that no part of its schema has: a schema that says nothing of them would let
/// them pass.
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
            let of_key = |(key, value): (&String, &Value)| {
                let found = parts.iter().find(|part| part["properties"][key].is_object());
                match found {
                    Some(part) => undescribed(root, &part["properties"][key], value),
                    None => vec![key.clone()],
                }
            };
            object.iter().flat_map(of_key).collect()
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
    if let Some(target) =
        schema["$ref"].as_str().and_then(|to| root.pointer(to.trim_start_matches('#')))
    {
        found.extend(parts(root, target));
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        let alternatives = schema[key].as_array();
        found.extend(alternatives.into_iter().flatten().flat_map(|part| parts(root, part)));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described() -> Description {
        let list = json!({
            "type": "object",
            "required": ["items", "more"],
            "properties": {
                "items": { "type": "array", "items": { "$ref": "#/components/schemas/Item" } },
                "more": { "type": "boolean" }
            }
        });
        let item = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
        let content = json!({ "application/json": { "schema": list } });
        let responses = json!({ "200": { "content": content }, "4XX": {} });
        Description::new(json!({
            "paths": { "/items/{of}": { "get": { "responses": responses } } },
            "components": { "schemas": { "Item": item } }
        }))
    }

    #[test]
    fn an_answer_that_is_not_as_described_is_noticed() {
        let described = described();
        assert_eq!(described.operations(), ["GET /items/{of}".to_owned()].into());
        let json = Some("application/json; charset=utf-8");
        for (status, content_type, body, wanted) in [
            (200, json, r#"{"items":[{"id":"a"}],"more":false}"#, ""),
            (404, None, "", ""),
            (200, json, r#"{"items":[],"more":1}"#, "boolean"),
            (200, json, r#"{"items":[]}"#, "required"),
            (200, json, r#"{"items":[{"id":1}],"more":false}"#, "string"),
            (200, json, r#"{"items":[{"secret":""}],"more":false}"#, "`secret` is not described"),
            (200, json, "{", "no JSON"),
            (200, Some("text/html"), "{}", "content type"),
            (404, json, "{}", "a body is not"),
            (201, json, "{}", "status 201 is not described"),
        ] {
            let problems = described.problems_of("GET /items/{of}", status, content_type, body);
            assert_eq!(problems.is_empty(), wanted.is_empty(), "{body}: {problems:?}");
            assert!(problems.join("; ").contains(wanted), "{body}: {problems:?}");
        }
        assert!(!described.problems_of("POST /items/{of}", 200, json, "{}").is_empty());
    }
}
