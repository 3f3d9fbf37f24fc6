//! `/v1/openapi.json`: the API's description, OpenAPI 3.1.
//!
//! Each handler describes itself; what holds for all of them is added here: the
//! bearer token, the role that is needed, and the one shape of errors. A test holds
//! the description against the table of endpoints, another one holds real answers
//! against the description.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{
    CallbackStanding, ErrorBody, RecordingState,
    access::{Access, Rule},
    audit, cache, callbacks, doctor, endpoints, health, meetings, metrics, nodes, readiness,
    recordings, routes, tenants, tokens,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bluegate admin API",
        description = "What operators, and tenants for what is theirs, see and do of a running \
                       `bluegate serve`. Times are milliseconds since 1970."
    ),
    paths(
        readiness::health,
        readiness::ready,
        metrics::show,
        routes::show,
        routes::add,
        routes::change,
        routes::remove,
        nodes::show,
        nodes::add,
        nodes::show_one,
        nodes::change,
        nodes::remove,
        health::show,
        health::lose,
        meetings::list,
        meetings::show,
        meetings::end,
        tenants::show,
        tenants::add,
        tenants::show_one,
        tenants::change,
        tenants::remove,
        callbacks::list,
        callbacks::retry,
        callbacks::remove,
        recordings::list,
        recordings::show,
        recordings::change,
        recordings::delete,
        cache::show,
        cache::purge,
        doctor::show,
        tokens::list,
        tokens::add,
        tokens::remove,
        audit::list,
        show,
    ),
    components(schemas(ErrorBody, CallbackStanding, RecordingState))
)]
struct Described;

/// The whole description.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let rules = endpoints::endpoints();
    document(rules.iter().map(|endpoint| &endpoint.rule))
});

#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "openapi",
    tag = "openapi",
    responses((status = 200, description = "This description", body = Value)),
)]
pub(crate) async fn show() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

/// The description with what holds for all endpoints.
fn document<'a>(rules: impl Iterator<Item = &'a Rule>) -> Value {
    let mut document =
        serde_json::to_value(Described::openapi()).expect("a description is plain data");
    document["components"]["securitySchemes"] =
        json!({ "token": { "type": "http", "scheme": "bearer" } });
    for rule in rules {
        let method = rule.method.as_str().to_ascii_lowercase();
        let operation = &mut document["paths"][rule.path][&method];
        if !operation.is_object() {
            // A test says so; a description with holes is better than none.
            continue;
        }
        let role = match rule.access {
            Access::Open => continue,
            Access::Operator => "operator",
            Access::Viewer => "viewer",
            Access::Tenant => "tenant",
        };
        operation["security"] = json!([{ "token": [] }]);
        operation["x-least-role"] = json!(role);
        let schema = json!({ "$ref": "#/components/schemas/ErrorBody" });
        let error = json!({
            "description": "Not done, and why",
            "content": { "application/json": { "schema": schema } }
        });
        operation["responses"]["4XX"] = error.clone();
        operation["responses"]["5XX"] = error;
    }
    document
}

#[cfg(test)]
pub(crate) fn described() -> &'static Value {
    &DOCUMENT
}
