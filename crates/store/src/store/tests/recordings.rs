//! Recordings, and whose turn it is to ask for them.

use super::{Home, Rule, tenant};
use crate::{RecordingTurn, Store, StoredRecording};

/// What holds in either database.
pub(super) const RULES: &[Rule] = &[
    |home| Box::pin(recordings_are_followed_and_older_words_change_nothing(home)),
    |home| Box::pin(one_scaler_at_a_time_asks_a_keeper(home)),
];

fn recording(keeper: &str, record_id: &str, seen_at: i64) -> StoredRecording {
    StoredRecording {
        keeper: keeper.to_owned(),
        record_id: record_id.to_owned(),
        tenant: Some(tenant()),
        meeting_id: Some("class".to_owned()),
        document: format!("<recording>{seen_at}</recording>"),
        seen_at,
        gone: false,
        revision: 0,
    }
}

async fn put(store: &Store, rows: Vec<StoredRecording>) -> Vec<StoredRecording> {
    let mut write = store.write().await.unwrap();
    let written = write.put_recordings(rows).await.unwrap();
    write.commit().await.unwrap();
    written
}

async fn recordings_are_followed_and_older_words_change_nothing(home: Home) {
    let store = home.open().await;
    let nobodys = StoredRecording { tenant: None, meeting_id: None, ..recording("b", "r1", 10) };
    let written =
        put(&store, vec![recording("a", "r1", 10), recording("a", "r2", 10), nobodys]).await;
    let revisions: Vec<i64> = written.iter().map(|row| row.revision).collect();
    assert_eq!(revisions, [1, 2, 3]);
    assert_eq!(store.recordings_after(0, 10).await.unwrap(), written);
    assert_eq!(store.recordings_after(1, 1).await.unwrap(), written[1..2]);

    assert_eq!(put(&store, vec![recording("a", "r1", 9)]).await, []);
    let gone = StoredRecording { gone: true, ..recording("a", "r1", 10) };
    let written = put(&store, vec![recording("a", "r2", 9), gone]).await;
    assert_eq!(written.len(), 1);
    let changed = home.open().await.recordings_after(3, 10).await.unwrap();
    assert_eq!(changed, written);
    assert!(changed[0].gone && changed[0].revision == 4);

    let mut write = store.write().await.unwrap();
    assert_eq!(write.recording("a", "r1").await.unwrap().as_ref(), changed.first());
    assert_eq!(write.recording("b", "r2").await.unwrap(), None);
    // The last change stays whatever it is: its number is not given again.
    assert_eq!(write.forget_gone_recordings(11).await.unwrap(), 0);
    write.put_recordings(vec![recording("a", "r3", 10)]).await.unwrap();
    assert_eq!(write.forget_gone_recordings(10).await.unwrap(), 0);
    assert_eq!(write.forget_gone_recordings(11).await.unwrap(), 1);
    write.commit().await.unwrap();
    assert_eq!(store.recordings_after(3, 10).await.unwrap().len(), 1);
}

async fn one_scaler_at_a_time_asks_a_keeper(home: Home) {
    let (one, other) = (home.open().await, home.open().await);
    assert_eq!(one.recording_turn("a").await.unwrap(), None);
    assert!(one.take_recording_turn("a", 10, 100).await.unwrap());
    assert!(!other.take_recording_turn("a", 50, 150).await.unwrap());
    assert!(other.take_recording_turn("b", 50, 150).await.unwrap());
    // One that died in the middle of it.
    assert!(other.take_recording_turn("a", 100, 200).await.unwrap());
    other.settle_recording_turn("a", 300, Some(120)).await.unwrap();
    assert!(!one.take_recording_turn("a", 299, 400).await.unwrap());
    assert!(one.take_recording_turn("a", 300, 400).await.unwrap());
    one.settle_recording_turn("a", 500, None).await.unwrap();
    let turn = RecordingTurn { next_at: 500, leased_until: 0, completed_at: Some(120) };
    assert_eq!(other.recording_turn("a").await.unwrap(), Some(turn));
}
