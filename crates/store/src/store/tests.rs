//! What a store does, in either database.

mod access;
mod changes;
mod foreign;
mod generations;
mod nodes;
mod opening;
mod recordings;

use std::{future::Future, path::PathBuf, pin::Pin};

use bluegate_cluster::TenantName;
use bluegate_testkit::Postgres;

use super::*;
use crate::{State, WriteError};

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
fn rules() -> impl Iterator<Item = &'static Rule> {
    let rules = [
        generations::RULES,
        changes::RULES,
        nodes::RULES,
        access::RULES,
        recordings::RULES,
        foreign::RULES,
    ];
    rules.into_iter().flatten()
}

#[tokio::test]
async fn the_rules_hold_in_sqlite() {
    for rule in rules() {
        let folder = Folder::new();
        rule(folder.home()).await;
    }
}

#[tokio::test]
async fn the_rules_hold_in_postgresql() {
    let postgres = Postgres::start().await.unwrap();
    for rule in rules() {
        rule(Home { url: postgres.database().unwrap() }).await;
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
