//! Who writes beside whom, and how others follow.

use super::{Folder, Home, Rule, generation, insert, meeting};
use crate::{Changes, Generation, State};

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(a_transaction_that_is_dropped_leaves_no_trace_and_no_lock(home)),
    |home| Box::pin(writers_wait_for_each_other_and_readers_for_nobody(home)),
    |home| Box::pin(changes_are_told_once_and_their_numbers_never_come_again(home)),
    |home| Box::pin(who_follows_changes_misses_none_of_those_who_race(home)),
];

async fn a_transaction_that_is_dropped_leaves_no_trace_and_no_lock(home: Home) {
    let store = home.open().await;
    let mut write = store.write().await.unwrap();
    write.put(&generation("a", "m", State::Live)).await.unwrap();
    drop(write);
    assert_eq!(store.open_generations().await.unwrap(), Vec::new());
    insert(&store, &generation("a", "m", State::Live)).await.unwrap();
}

async fn writers_wait_for_each_other_and_readers_for_nobody(home: Home) {
    let store = home.open().await;
    let mut first = store.write().await.unwrap();
    first.put(&generation("a", "m", State::Placing)).await.unwrap();
    let second = tokio::spawn({
        let store = store.clone();
        async move {
            let mut write = store.write().await.unwrap();
            write.open_generation(&meeting("m")).await.unwrap()
        }
    });
    assert_eq!(store.open_generations().await.unwrap(), Vec::new());
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap().unwrap().id, "a");
}

async fn changes_are_told_once_and_their_numbers_never_come_again(home: Home) {
    let (store, other) = (home.open().await, home.open().await);
    assert_eq!(store.all_open().await.unwrap(), Changes::default());
    let mut row = generation("a", "m", State::Live);
    insert(&store, &row).await.unwrap();
    let told = other.changes(0).await.unwrap();
    assert_eq!(told, Changes { generations: vec![row.clone()], revision: 1 });
    assert_eq!(other.changes(1).await.unwrap(), Changes { generations: vec![], revision: 1 });

    // Two in one transaction, one of them closed.
    (row.state, row.ended_at) = (State::Ended, Some(5));
    let second = generation("b", "m", State::Placing);
    let mut write = other.write().await.unwrap();
    assert_eq!(write.put(&row).await.unwrap(), 2);
    assert_eq!(write.put(&second).await.unwrap(), 3);
    assert_eq!(write.changes(1).await.unwrap().generations, [row.clone(), second.clone()]);
    write.commit().await.unwrap();
    let open = Changes { generations: vec![second.clone()], revision: 3 };
    assert_eq!(store.changes(2).await.unwrap(), open);
    assert_eq!(store.all_open().await.unwrap(), open);
    assert_eq!(store.write().await.unwrap().all_open().await.unwrap(), open);

    // What was not committed was nothing.
    let mut write = store.write().await.unwrap();
    assert_eq!(write.put(&generation("c", "n", State::Live)).await.unwrap(), 4);
    drop(write);
    assert_eq!(other.changes(3).await.unwrap().generations, []);

    // The last change outlives its time.
    let mut write = store.write().await.unwrap();
    let second = Generation { state: State::Ended, ended_at: Some(6), ..second };
    assert_eq!(write.put(&second).await.unwrap(), 4);
    write.commit().await.unwrap();
    let mut write = store.write().await.unwrap();
    assert_eq!(write.delete_ended_before(i64::MAX).await.unwrap(), 1);
    assert_eq!(write.put(&generation("d", "n", State::Live)).await.unwrap(), 5);
}

/// Each of many changes rows as fast as it can, while one reads after them
/// without their lock.
async fn who_follows_changes_misses_none_of_those_who_race(home: Home) {
    const WRITERS: usize = 4;
    const CHANGES: i64 = 25;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = home.open().await;
        writers.spawn(async move {
            for change in 0..CHANGES {
                let mut write = store.write().await.unwrap();
                for row in ["a", "b"] {
                    let id = format!("{row}{writer}");
                    let mut row = generation(&id, &id, State::Live);
                    row.in_flight = change;
                    write.put(&row).await.unwrap();
                }
                write.commit().await.unwrap();
            }
        });
    }
    let store = home.open().await;
    let mut followed = std::collections::BTreeMap::new();
    let mut revision = 0;
    let last = i64::try_from(WRITERS).unwrap() * CHANGES * 2;
    while revision < last {
        let changes = store.changes(revision).await.unwrap();
        revision = changes.revision;
        followed.extend(changes.generations.into_iter().map(|row| (row.id.clone(), row)));
    }
    writers.join_all().await;
    let mut open = store.open_generations().await.unwrap();
    open.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(followed.into_values().collect::<Vec<_>>(), open);
}

#[tokio::test]
async fn what_another_process_writes_is_noticed_and_what_we_write_is_not() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.home().open().await, folder.home().open().await);
    let before = ours.foreign_changes().await.unwrap().unwrap();
    insert(&ours, &generation("g-1", "m-1", State::Live)).await.unwrap();
    assert_eq!(ours.foreign_changes().await.unwrap(), Some(before));
    insert(&theirs, &generation("g-2", "m-2", State::Live)).await.unwrap();
    assert_ne!(ours.foreign_changes().await.unwrap(), Some(before));
}
