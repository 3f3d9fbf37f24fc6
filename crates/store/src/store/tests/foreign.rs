//! What there is beside us: other stores, other balancers.

use super::{Home, Rule};
use crate::ForeignRecord;

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(a_store_keeps_its_name_and_knows_others(home)),
    |home| Box::pin(what_another_balancer_said_is_replaced_by_what_it_says_now(home)),
];

async fn a_store_keeps_its_name_and_knows_others(home: Home) {
    let store = home.open().await;
    assert_eq!(store.identity("one", 1).await.unwrap(), "one");
    assert_eq!(store.identity("two", 2).await.unwrap(), "one");
    assert_eq!(store.foreign_stores().await.unwrap(), Vec::<String>::new());
    for id in ["b", "a", "b"] {
        store.note_foreign_store(id, 3).await.unwrap();
    }
    store.close().await;
    let store = home.open().await;
    assert_eq!(store.identity("three", 4).await.unwrap(), "one");
    assert_eq!(store.foreign_stores().await.unwrap(), ["a", "b"]);
}

async fn what_another_balancer_said_is_replaced_by_what_it_says_now(home: Home) {
    let record = |kind: &str, name: &str, record: &str| ForeignRecord {
        kind: kind.to_owned(),
        name: name.to_owned(),
        record: record.to_owned(),
    };
    let store = home.open().await;
    let mut write = store.write().await.unwrap();
    for (source, of) in [
        ("scalelite", record("tenant", "bn", "first")),
        ("scalelite", record("server", "bbb-01", "sealed")),
        ("b3lb", record("tenant", "bn", "theirs")),
        ("scalelite", record("tenant", "bn", "second")),
    ] {
        write.put_foreign_record(source, &of).await.unwrap();
    }
    write.commit().await.unwrap();
    let said = store.foreign_records("scalelite").await.unwrap();
    assert_eq!(said, [record("server", "bbb-01", "sealed"), record("tenant", "bn", "second")]);
}
