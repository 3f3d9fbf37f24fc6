use std::{future::Future, os::unix::fs::PermissionsExt, path::PathBuf, pin::Pin};

use bluegate_cluster::{Node, TenantName};
use bluegate_testkit::Postgres;

use super::*;
use crate::{
    Added, AuditRow, ForeignRecord, Life, Loss, NodeState, Observer, RecordingTurn, State,
    StoredNode, StoredRecording, StoredTenant, StoredToken, WriteError, peek_added,
};

/// Where a store lives that can be opened again and again.
#[derive(Clone)]
struct Home {
    url: String,
}

impl Home {
    async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("bluegate.db")
    }

    fn home(&self) -> Home {
        Home { url: format!("sqlite://{}", self.file().display()) }
    }
}

type Rule = fn(Home) -> Pin<Box<dyn Future<Output = ()>>>;

/// What holds in either database.
const RULES: [(&str, Rule); 19] = [
    ("rows", |home| Box::pin(rows_come_back_as_they_were_after_opening_again(home))),
    ("at most one", |home| Box::pin(at_most_one_generation_of_a_meeting_is_open(home))),
    ("dropped", |home| Box::pin(a_transaction_that_is_dropped_leaves_no_trace_and_no_lock(home))),
    ("former", |home| Box::pin(former_generations_are_found_and_forgotten_by_age(home))),
    ("changes", |home| Box::pin(changes_are_told_once_and_their_numbers_never_come_again(home))),
    ("follower", |home| Box::pin(who_follows_changes_misses_none_of_those_who_race(home))),
    ("nodes", |home| Box::pin(added_nodes_and_what_was_decided_of_nodes_come_back(home))),
    ("tenants", |home| Box::pin(added_tenants_come_back_change_and_go(home))),
    ("lives", |home| Box::pin(former_lives_are_remembered_within_bounds(home))),
    ("decisions", |home| Box::pin(a_decision_goes_with_its_generation(home))),
    ("losses", |home| Box::pin(a_lost_node_is_lost_for_all_until_it_is_found(home))),
    ("records", |home| Box::pin(what_another_balancer_said_is_replaced_by_what_it_says_now(home))),
    ("observers", |home| Box::pin(what_others_hear_is_read_and_old_observers_go(home))),
    ("tokens", |home| Box::pin(tokens_are_found_by_id_and_go_by_name_or_tenant(home))),
    ("audit", |home| Box::pin(the_audit_log_keeps_the_last_of_it_in_order(home))),
    ("recordings", |home| Box::pin(recordings_are_followed_and_older_words_change_nothing(home))),
    ("turns", |home| Box::pin(one_scaler_at_a_time_asks_a_keeper(home))),
    ("stores", |home| Box::pin(a_store_keeps_its_name_and_knows_others(home))),
    ("writers", |home| Box::pin(writers_wait_for_each_other_and_readers_for_nobody(home))),
];

#[tokio::test]
async fn the_rules_hold_in_sqlite() {
    for (_, rule) in RULES {
        let folder = Folder::new();
        rule(folder.home()).await;
    }
}

#[tokio::test]
async fn the_rules_hold_in_postgresql() {
    let postgres = Postgres::start().await.unwrap();
    for (_, rule) in RULES {
        rule(Home { url: postgres.database().unwrap() }).await;
    }
}

#[tokio::test]
async fn scalers_that_start_at_once_make_one_schema() {
    let postgres = Postgres::start().await.unwrap();
    let home = Home { url: postgres.database().unwrap() };
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let home = home.clone();
            tokio::spawn(async move { home.open().await })
        })
        .collect();
    for store in opening {
        let store = store.await.unwrap();
        assert!(store.is_shared());
        assert_eq!(store.open_generations().await.unwrap(), Vec::new());
    }
}

fn tenant() -> TenantName {
    "physics".parse().unwrap()
}

fn meeting(id: &str) -> TenantMeetingId {
    TenantMeetingId::new(&tenant(), id)
}

fn generation(id: &str, meeting_id: &str, state: State) -> Generation {
    Generation {
        id: id.to_owned(),
        tenant: tenant(),
        meeting_id: meeting_id.to_owned(),
        node: "bbb-01".parse().unwrap(),
        node_meeting_id: format!("bg1.physics.{meeting_id}"),
        state,
        internal_meeting_id: Some(format!("{id}-1700000000000")),
        create_time: Some(1_700_000_000_000),
        voice_bridge: Some("123456789".to_owned()),
        in_flight: 1,
        attempted_at: 2,
        first_answered: true,
        reserved: 10,
        description: Some("<meeting/>".to_owned()),
        created_at: 1,
        live_at: Some(3),
        end_requested_at: Some(4),
        ended_at: (!state.is_open()).then_some(5),
    }
}

async fn insert(store: &Store, generation: &Generation) -> Result<(), WriteError> {
    let mut write = store.write().await?;
    write.put(generation).await?;
    write.commit().await?;
    Ok(())
}

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

async fn a_transaction_that_is_dropped_leaves_no_trace_and_no_lock(home: Home) {
    let store = home.open().await;
    let mut write = store.write().await.unwrap();
    write.put(&generation("a", "m", State::Live)).await.unwrap();
    drop(write);
    assert_eq!(store.open_generations().await.unwrap(), Vec::new());
    insert(&store, &generation("a", "m", State::Live)).await.unwrap();
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

#[tokio::test]
async fn the_file_is_its_owners_only() {
    let folder = Folder::new();
    let store = folder.home().open().await;
    insert(&store, &generation("a", "m", State::Live)).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", folder.file().display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "this is not a database, however long it may be").unwrap();
    let missing = "sqlite:///nonexistent/folder/x.db";
    let broken = format!("sqlite://{}", folder.file().display());
    for (url, wanted) in [
        ("mysql://user:secret@host/db", "not a store we can open"),
        ("sqlite://", "not a store we can open"),
        ("postgres://x:secret@127.0.0.1:1/x", "cannot connect to the PostgreSQL server"),
        (missing, "cannot create or open `/nonexistent/folder/x.db`"),
        (broken.as_str(), "cannot open the database"),
    ] {
        let error = Store::open(url).await.unwrap_err();
        assert!(error.to_string().starts_with(wanted), "{error}");
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            assert!(!error.to_string().contains("secret"), "{error}");
            cause = error.source();
        }
    }
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
