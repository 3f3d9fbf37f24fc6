//! Nodes: added ones, lost ones, and who hears them.

use bluegate_cluster::Node;

use super::{Home, Rule};
use crate::{Loss, NodeState, Observer, Store, StoredNode, WriteError, peek_added};

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(added_nodes_and_what_was_decided_of_nodes_come_back(home)),
    |home| Box::pin(a_lost_node_is_lost_for_all_until_it_is_found(home)),
    |home| Box::pin(what_others_hear_is_read_and_old_observers_go(home)),
];

async fn added_nodes_and_what_was_decided_of_nodes_come_back(home: Home) {
    let node = |name: &str, whole: bool| StoredNode {
        node: Node {
            name: name.parse().unwrap(),
            origin: format!("https://{name}.example.org").parse().unwrap(),
            address: whole.then(|| "10.0.0.1:443".parse().unwrap()),
            bbb: whole.then(|| "3.0.28".parse().unwrap()),
            proxied: whole,
        },
        secrets: "sealed".to_owned(),
        weight: 1.5,
        tags: if whole { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() },
        max_meetings: whole.then_some(40),
        max_users: None,
        max_meeting_users: whole.then_some(200),
        added_at: 7,
    };
    let store = home.open().await;
    let mut write = store.write().await.unwrap();
    for row in [node("n-2", false), node("n-1", true)] {
        write.insert_node(&row).await.unwrap();
    }
    let state = |cordoned_at, uncordoned_at| NodeState {
        node: "n-1".parse().unwrap(),
        cordoned_at,
        uncordoned_at,
        weight: Some(0.5),
    };
    write.put_node_state(&state(Some(3), None)).await.unwrap();
    write.put_node_state(&state(None, Some(4))).await.unwrap();
    assert_eq!(write.node_states().await.unwrap(), [state(None, Some(4))]);
    write.commit().await.unwrap();
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.nodes().await.unwrap(), [node("n-1", true), node("n-2", false)]);
    let reader = Store::open_to_read(&home.url).await.unwrap().unwrap();
    assert_eq!(reader.nodes().await.unwrap(), store.nodes().await.unwrap());
    if let Ok(mut write) = reader.write().await {
        assert!(write.insert_node(&node("n-3", false)).await.is_err(), "it is only read");
    }
    reader.close().await;
    let peeked = peek_added(&home.url).await.unwrap().nodes;
    assert_eq!(peeked, [node("n-1", true).node.name, node("n-2", true).node.name]);
    assert_eq!(store.node_states().await.unwrap(), [state(None, Some(4))]);
    let mut write = store.write().await.unwrap();
    assert!(write.delete_node(&"n-1".parse().unwrap()).await.unwrap());
    assert!(!write.delete_node(&"n-1".parse().unwrap()).await.unwrap());
    write.commit().await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), [node("n-2", false)]);
    assert_eq!(store.node_states().await.unwrap(), []);

    let mut write = store.write().await.unwrap();
    let twice = write.insert_node(&node("n-2", true)).await;
    assert!(matches!(twice, Err(WriteError::Taken)));
}

async fn a_lost_node_is_lost_for_all_until_it_is_found(home: Home) {
    let (store, other) = (home.open().await, home.open().await);
    let loss = |node: &str, lost_at, by_operator| Loss {
        node: node.parse().unwrap(),
        lost_at,
        by_operator,
    };
    assert!(store.lose(&loss("bbb-02", 7, false)).await.unwrap());
    assert!(!other.lose(&loss("bbb-02", 8, true)).await.unwrap(), "it is lost already");
    assert!(other.lose(&loss("bbb-01", 9, true)).await.unwrap());
    let wanted = [loss("bbb-01", 9, true), loss("bbb-02", 7, false)];
    assert_eq!(store.losses().await.unwrap(), wanted);
    assert!(store.find(&"bbb-02".parse().unwrap()).await.unwrap());
    assert!(!other.find(&"bbb-02".parse().unwrap()).await.unwrap());
    assert_eq!(other.losses().await.unwrap(), wanted[..1]);
}

async fn what_others_hear_is_read_and_old_observers_go(home: Home) {
    let store = home.open().await;
    let observer = |id: &str, beat, hears: &[&str]| Observer {
        id: id.to_owned(),
        beat,
        hears: hears.iter().map(|name| name.parse().unwrap()).collect(),
    };
    store.observe(&observer("a", 1, &["bbb-01", "bbb-02"]), 10).await.unwrap();
    store.observe(&observer("b", 1, &[]), 10).await.unwrap();
    store.observe(&observer("a", 2, &["bbb-02"]), 20).await.unwrap();
    let others = store.other_observers("b").await.unwrap();
    assert_eq!(others, [observer("a", 2, &["bbb-02"])]);
    assert_eq!(store.other_observers("a").await.unwrap(), [observer("b", 1, &[])]);
    store.forget_observer("c", 20).await.unwrap();
    assert_eq!(store.other_observers("c").await.unwrap(), others, "b was too old");
    store.forget_observer("a", 0).await.unwrap();
    assert_eq!(store.other_observers("c").await.unwrap(), []);
}
