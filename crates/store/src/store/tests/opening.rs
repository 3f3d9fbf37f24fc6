//! Opening a store, and what its file is.

use std::os::unix::fs::PermissionsExt;

use bluegate_testkit::Postgres;

use super::{Folder, Home, generation, insert};
use crate::{State, Store};

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
