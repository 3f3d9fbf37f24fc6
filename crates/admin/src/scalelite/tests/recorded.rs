//! What the audit log keeps of Scalelite's admin API.

use super::*;
use crate::{Role, fixture::FakeStore};

/// As `Api`, with an audit log and tokens.
fn kept() -> (Api, Arc<FakeStore>) {
    let mut api = Api::new();
    let store = Arc::new(FakeStore::default());
    let sources = Sources {
        scaler: Some(Arc::clone(&api.scaler) as _),
        tenants: Some(Arc::clone(&api.tenants) as _),
        health: Some(Arc::new(FakeHealth)),
        tokens: Some(Arc::clone(&store) as _),
        audit: Some(Arc::clone(&store) as _),
        ..fixture::sources()
    };
    let secrets = ["other", SECRET].map(|text| Secret::new(text).unwrap());
    api.router = scalelite_router(secrets.into(), sources);
    (api, store)
}

#[tokio::test]
async fn every_change_is_recorded_with_whose_secret_signed_it_and_no_secret() {
    let (api, store) = kept();
    let hush = "hush-hush";
    let server = json!({"url": "https://bbb-04.example.org/bigbluebutton/api/", "secret": hush});
    let tenant = json!({"name": "bn", "secrets": hush});
    let change = json!({"state": "cordon", "load_multiplier": 2.5});
    for (call, body) in [
        ("addServer", json!({ "server": server })),
        ("updateServer", json!({"id": "bbb-01", "server": change})),
        ("updateServer", json!({"id": "bbb-01"})),
        ("deleteServer", json!({"id": "bbb-02"})),
        ("panicServer", json!({"id": "bbb-03"})),
        ("addTenant", json!({ "tenant": tenant })),
        ("updateTenant", json!({"id": "school-a", "tenant": {"secrets": hush}})),
        ("deleteTenant", json!({"id": "school-a"})),
    ] {
        api.call(call, "", &body).await;
    }
    let json = "application/json";
    let other = format!("/scalelite/api/deleteServer?{}", signed("deleteServer", "", "other"));
    api.send("POST", &other, json, "{").await;
    // Who only looks, and who has no secret, leaves nothing.
    api.call("getServers", "", &Value::Null).await;
    api.send("POST", "/scalelite/api/deleteServer?checksum=x", json, "{}").await;

    let entries = store.audit.lock().unwrap().clone();
    let lines = entries.iter().map(|entry| {
        let head = format!("{} {} | {}", entry.actor, entry.role, entry.action);
        format!(
            "{head} | {} | {} | {} {}",
            entry.subject, entry.detail, entry.status, entry.outcome
        )
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    scalelite_secret_2 operator | POST /scalelite/api/addServer | bbb-04 |  | 201 done
    scalelite_secret_2 operator | POST /scalelite/api/updateServer | bbb-01 | cordoned true, weight 0.4 | 200 done
    scalelite_secret_2 operator | POST /scalelite/api/updateServer | bbb-01 |  | 200 internalError
    scalelite_secret_2 operator | POST /scalelite/api/deleteServer | bbb-02 |  | 400 refused
    scalelite_secret_2 operator | POST /scalelite/api/panicServer | bbb-03 |  | 200 done
    scalelite_secret_2 operator | POST /scalelite/api/addTenant | bn |  | 201 done
    scalelite_secret_2 operator | POST /scalelite/api/updateTenant | school-a | secrets | 200 done
    scalelite_secret_2 operator | POST /scalelite/api/deleteTenant | school-a |  | 200 done
    scalelite_secret_1 operator | POST /scalelite/api/deleteServer |  |  | 400 refused
    ");
    let all = format!("{entries:?}");
    assert!(!all.contains(hush) && !all.contains(SECRET), "{all}");
}

#[tokio::test]
async fn the_tokens_of_a_tenant_that_is_removed_go_with_it() {
    let (api, store) = kept();
    store.issue("head-of-a", Role::Tenant("school-a".parse().unwrap()));
    api.call("deleteTenant", "", &json!({"id": "school-a"})).await;
    assert!(store.tokens.lock().unwrap().is_empty());
}
