//! Who may call what: tenants, tokens, and what was done with them.

use super::{Home, Rule};
use crate::{Added, AuditRow, StoredTenant, StoredToken, WriteError, peek_added};

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(added_tenants_come_back_change_and_go(home)),
    |home| Box::pin(tokens_are_found_by_id_and_go_by_name_or_tenant(home)),
    |home| Box::pin(the_audit_log_keeps_the_last_of_it_in_order(home)),
];

async fn added_tenants_come_back_change_and_go(home: Home) {
    let row = |name: &str, added_at: i64| StoredTenant {
        plain: name == "physics",
        name: name.parse().unwrap(),
        settings: r#"{"welcome":"Größe ''1"}"#.to_owned(),
        secrets: "bgs1.a.b".to_owned(),
        added_at,
        changed_at: added_at,
    };
    assert_eq!(peek_added(&home.url).await.unwrap(), Added::default(), "before there is a table");
    let store = home.open().await;
    let (old, mut young) = (row("physics", 1), row("history", 2));
    let mut write = store.write().await.unwrap();
    write.insert_tenant(&young).await.unwrap();
    write.insert_tenant(&old).await.unwrap();
    assert_eq!(write.tenants().await.unwrap(), [old.clone(), young.clone()]);
    write.commit().await.unwrap();
    let mut write = store.write().await.unwrap();
    let again = write.insert_tenant(&row("physics", 3)).await;
    assert!(matches!(again, Err(WriteError::Taken)));
    drop(write);

    young.settings = "{}".to_owned();
    young.changed_at = 9;
    let mut write = store.write().await.unwrap();
    assert!(write.update_tenant(&young).await.unwrap());
    assert!(!write.update_tenant(&row("nobody", 1)).await.unwrap());
    write.commit().await.unwrap();
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.tenants().await.unwrap(), [old.clone(), young.clone()]);
    let peeked = peek_added(&home.url).await.unwrap();
    let tenants = vec![young.name.clone(), old.name.clone()];
    let wanted = Added { tenants, nodes: Vec::new() };
    assert_eq!(peeked, wanted, "beside the process that has it open");
    let mut write = store.write().await.unwrap();
    assert!(write.delete_tenant(&old.name).await.unwrap());
    assert!(!write.delete_tenant(&old.name).await.unwrap());
    write.commit().await.unwrap();
    assert_eq!(store.tenants().await.unwrap(), [young]);
}

async fn tokens_are_found_by_id_and_go_by_name_or_tenant(home: Home) {
    let token = |number: u8, tenant: Option<&str>| StoredToken {
        id: format!("id-{number}"),
        name: format!("token-{number}"),
        role: if tenant.is_some() { "tenant" } else { "viewer" }.to_owned(),
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        hash: "$argon2id$...".to_owned(),
        created_at: 7,
        created_by: "token_file".to_owned(),
    };
    let tokens = [token(1, None), token(2, Some("physics")), token(3, Some("physics"))];
    let store = home.open().await;
    let mut write = store.write().await.unwrap();
    for token in &tokens {
        write.insert_token(token).await.unwrap();
    }
    assert_eq!(write.count_tokens().await.unwrap(), 3);
    write.commit().await.unwrap();
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.tokens().await.unwrap(), tokens);
    assert_eq!(store.token("id-2").await.unwrap().as_ref(), Some(&tokens[1]));
    assert_eq!(store.token("token-2").await.unwrap(), None);
    let mut write = store.write().await.unwrap();
    let again = StoredToken { id: "id-4".to_owned(), ..token(1, None) };
    assert!(matches!(write.insert_token(&again).await, Err(WriteError::Taken)));
    drop(write);
    let mut write = store.write().await.unwrap();
    assert!(!write.delete_token("id-1").await.unwrap());
    assert!(write.delete_token("token-1").await.unwrap());
    assert_eq!(write.delete_tokens_of(&"chemistry".parse().unwrap()).await.unwrap(), 0);
    assert_eq!(write.delete_tokens_of(&"physics".parse().unwrap()).await.unwrap(), 2);
    write.commit().await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), []);
}

async fn the_audit_log_keeps_the_last_of_it_in_order(home: Home) {
    let row = |number: i64| AuditRow {
        position: number,
        at: 100 - number,
        actor: if number % 2 == 0 { "even" } else { "odd" }.to_owned(),
        role: "operator".to_owned(),
        action: "DELETE /v1/nodes/{name}".to_owned(),
        subject: format!("bbb-{number}"),
        detail: String::new(),
        status: 200,
        outcome: "done".to_owned(),
        request_id: "r".to_owned(),
    };
    let store = home.open().await;
    for number in 1..=7 {
        let mut write = store.write().await.unwrap();
        let given = AuditRow { position: 0, ..row(number) };
        write.insert_audit(&given, 5).await.unwrap();
        write.commit().await.unwrap();
    }
    store.close().await;
    let store = home.open().await;
    let read = async |before, actor, limit| store.audit(before, actor, limit).await.unwrap();
    assert_eq!(read(i64::MAX, None, 10).await, [7, 6, 5, 4, 3].map(row));
    assert_eq!(read(6, None, 2).await, [5, 4].map(row));
    assert_eq!(read(i64::MAX, Some("even"), 10).await, [6, 4].map(row));
}
