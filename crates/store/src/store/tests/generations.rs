//! Generations: what is kept of one, and which there may be.

use bluegate_cluster::TenantMeetingId;

use super::{Home, Rule, generation, insert, meeting};
use crate::{Life, State, WriteError};

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(rows_come_back_as_they_were_after_opening_again(home)),
    |home| Box::pin(at_most_one_generation_of_a_meeting_is_open(home)),
    |home| Box::pin(former_generations_are_found_and_forgotten_by_age(home)),
    |home| Box::pin(a_decision_goes_with_its_generation(home)),
    |home| Box::pin(former_lives_are_remembered_within_bounds(home)),
];

async fn rows_come_back_as_they_were_after_opening_again(home: Home) {
    let store = home.open().await;
    let mut row = generation("a", "Übung ''1", State::Live);
    insert(&store, &row).await.unwrap();
    row.internal_meeting_id = None;
    row.first_answered = false;
    row.ended_at = None;
    let mut write = store.write().await.unwrap();
    write.put(&row).await.unwrap();
    write.commit().await.unwrap();
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.open_generations().await.unwrap(), vec![row.clone()]);
    assert_eq!(store.open_generation(&meeting("Übung ''1")).await.unwrap(), Some(row));
    assert_eq!(store.open_generation(&meeting("übung ''1")).await.unwrap(), None);
}

async fn at_most_one_generation_of_a_meeting_is_open(home: Home) {
    let store = home.open().await;
    insert(&store, &generation("a", "m", State::Ended)).await.unwrap();
    insert(&store, &generation("b", "m", State::Superseded)).await.unwrap();
    insert(&store, &generation("c", "m", State::Uncertain)).await.unwrap();
    for state in [State::Placing, State::Uncertain, State::Live] {
        let second = insert(&store, &generation("d", "m", state)).await;
        assert!(matches!(second, Err(WriteError::Taken)), "{state:?}");
    }
    let mut same_node_id = generation("d", "other", State::Live);
    same_node_id.node_meeting_id = "bg1.physics.m".to_owned();
    assert!(matches!(insert(&store, &same_node_id).await, Err(WriteError::Taken)));
}

async fn former_generations_are_found_and_forgotten_by_age(home: Home) {
    let store = home.open().await;
    insert(&store, &generation("a", "m", State::Superseded)).await.unwrap();
    insert(&store, &generation("b", "m", State::Live)).await.unwrap();
    let time = 1_700_000_000_000;
    assert!(store.was_superseded(&meeting("m"), time).await.unwrap());
    for (given, wanted) in [("m", Some("b")), ("b-1700000000000", Some("b")), ("a", None)] {
        let found = store.find_open(&meeting(given)).await.unwrap().map(|found| found.id);
        assert_eq!(found.as_deref(), wanted, "{given}");
    }
    let of_another = TenantMeetingId::new(&"history".parse().unwrap(), "m");
    assert_eq!(store.find_open(&of_another).await.unwrap(), None);
    assert!(!store.was_superseded(&meeting("m"), time + 1).await.unwrap());
    assert!(!store.was_superseded(&meeting("n"), time).await.unwrap());

    let by_internal = async |internal: &str| {
        store.generation_by_internal_id(internal).await.unwrap().map(|found| found.id)
    };
    assert_eq!(by_internal("b-1700000000000").await.as_deref(), Some("b"));
    assert_eq!(by_internal("m").await, None);

    let mut write = store.write().await.unwrap();
    assert_eq!(write.generation("a").await.unwrap().unwrap().state, State::Superseded);
    let internal = write.generation_by_internal_id("b-1700000000000").await.unwrap();
    assert_eq!(internal.unwrap().id, "b");
    assert_eq!(write.delete_ended_before(5).await.unwrap(), 0);
    assert_eq!(write.delete_ended_before(6).await.unwrap(), 1);
    assert_eq!(write.open_generations().await.unwrap().len(), 1);
    assert_eq!(write.generation("a").await.unwrap(), None);
}

async fn a_decision_goes_with_its_generation(home: Home) {
    let store = home.open().await;
    insert(&store, &generation("a", "m", State::Ended)).await.unwrap();
    let mut open = generation("b", "m", State::Live);
    open.created_at = 2;
    insert(&store, &open).await.unwrap();
    let mut write = store.write().await.unwrap();
    for (id, text) in [("a", "first"), ("b", "first"), ("b", "second")] {
        write.put_decision(id, 1, text).await.unwrap();
    }
    write.commit().await.unwrap();
    let of_meeting = store.generations_of(&meeting("m"), 5).await.unwrap();
    let ids: Vec<&str> = of_meeting.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(store.generations_of(&meeting("m"), 1).await.unwrap(), [open]);

    let mut write = store.write().await.unwrap();
    write.delete_ended_before(6).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.decision("a").await.unwrap(), None);
    assert_eq!(store.decision("b").await.unwrap().as_deref(), Some("second"));
}

async fn former_lives_are_remembered_within_bounds(home: Home) {
    let store = home.open().await;
    assert_eq!(store.lives(&meeting("m")).await.unwrap(), []);
    let mut write = store.write().await.unwrap();
    for users in 1..=25 {
        let life = Life { users, minutes: 2 * users };
        write.remember_life(&meeting("m"), life, i64::from(users)).await.unwrap();
    }
    let life = Life { users: 3, minutes: 4 };
    write.remember_life(&meeting("n"), life, 30).await.unwrap();
    write.commit().await.unwrap();
    let lives = store.lives(&meeting("m")).await.unwrap();
    assert_eq!(lives.len(), 20);
    assert_eq!(lives.first(), Some(&Life { users: 6, minutes: 12 }));
    assert_eq!(lives.last(), Some(&Life { users: 25, minutes: 50 }));
    let of_another = TenantMeetingId::new(&"history".parse().unwrap(), "m");
    assert_eq!(store.lives(&of_another).await.unwrap(), []);

    let mut write = store.write().await.unwrap();
    write.forget_history_before(26).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.lives(&meeting("m")).await.unwrap(), []);
    assert_eq!(store.lives(&meeting("n")).await.unwrap(), [life]);
}
