use std::{
    fs::{DirEntry, File},
    hash::{DefaultHasher, Hasher as _},
};

use bluegate_testkit::Postgres;

use super::*;

/// A store of each kind, before anybody has opened it.
async fn of_each_kind() -> (Postgres, tempfile::TempDir, [String; 2]) {
    let postgres = Postgres::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bluegate.db");
    let urls = [format!("sqlite://{}", file.display()), postgres.database().unwrap()];
    (postgres, folder, urls)
}

/// Name, length and a number for what is in it, of every file but those that SQLite
/// makes for whoever reads: its table of locks, and a log with nothing in it.
fn kept(folder: &Path) -> Vec<(String, usize, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let file = |entry: DirEntry| {
        let bytes = std::fs::read(entry.path()).unwrap();
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        (entry.file_name().into_string().unwrap(), bytes.len(), hasher.finish())
    };
    let mut files: Vec<_> = entries.map(file).collect();
    let is_for_readers = |name: &str, length: usize| {
        name.ends_with("-shm") || (name.ends_with("-wal") && length == 0)
    };
    files.retain(|(name, length, _)| !is_for_readers(name, *length));
    files.sort();
    files
}

async fn run(database: &Database, statement: &'static str) {
    on_each!(Writers, database.writers(), writers => {
        sqlx::query(statement).execute(writers).await.map(drop).unwrap();
    });
}

#[tokio::test]
async fn a_store_that_is_only_read_is_left_as_it_is() {
    let (_postgres, folder, urls) = of_each_kind().await;
    let (last, before) = MIGRATIONS.split_last().unwrap();
    for url in &urls {
        let left = kept(folder.path());
        for _ in 0..2 {
            assert!(Database::open_to_read(url).await.unwrap().is_none(), "nothing is there");
        }
        assert_eq!(kept(folder.path()), left, "and nothing was made");

        Database::open_as(url, before).await.unwrap().close().await;
        let left = kept(folder.path());
        for _ in 0..2 {
            let older = Database::open_to_read(url).await.unwrap_err();
            let OpenError::Older { version, known } = older else { panic!("{older:?}") };
            assert_eq!((version, known), (before.last().unwrap().0, last.0), "{url}");
        }
        assert_eq!(kept(folder.path()), left, "an older schema stays");

        let database = Database::open(url).await.unwrap();
        let left = kept(folder.path());
        let reader = Database::open_to_read(url).await.unwrap().unwrap();
        assert_eq!(reader.version().await.unwrap(), Some(last.0));
        reader.close().await;
        assert_eq!(kept(folder.path()), left, "beside the program that has it open");

        run(&database, "UPDATE _sqlx_migrations SET version = version + 100").await;
        database.close().await;
        let newer = Database::open_to_read(url).await.unwrap_err();
        assert!(matches!(newer, OpenError::Newer { .. }), "{newer:?}");
    }
}

#[tokio::test]
async fn an_empty_database_is_none_of_ours_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bluegate.db");
    File::create(&path).unwrap();
    let url = format!("sqlite://{}", path.display());
    assert!(Database::open_to_read(&url).await.unwrap().is_none());
    assert!(std::fs::read(&path).unwrap().is_empty(), "nor is it made one");
}

/// What a program that takes every failure for an absent table would call an older
/// schema, or no store at all.
#[tokio::test]
async fn a_database_that_fails_is_called_by_its_own_error() {
    let (mut postgres, folder, [_, url]) = of_each_kind().await;
    let garbage = folder.path().join("bluegate.db");
    std::fs::write(&garbage, "this is not a database, however long it may be").unwrap();
    let error = Database::open_to_read(&format!("sqlite://{}", garbage.display())).await;
    assert_eq!(told(error.unwrap_err()), "file is not a database");

    let database = Database::open(&url).await.unwrap();
    run(&database, "CREATE ROLE stranger LOGIN").await;
    let error = Database::open_to_read(&url.replace("postgres@", "stranger@")).await.unwrap_err();
    assert!(matches!(error, OpenError::Version(_)), "{error:?}");
    assert_eq!(told(error), "permission denied for table _sqlx_migrations");

    postgres.stop().await.unwrap();
    assert!(database.version().await.is_err(), "a server that is gone has no schema to tell of");
    let error = Database::open_to_read(&url).await.unwrap_err();
    assert!(matches!(error, OpenError::Server(_)), "{error:?}");
}

/// What the database said itself.
fn told(error: OpenError) -> String {
    match error {
        OpenError::Version(error) | OpenError::Connect { source: error, .. } => {
            error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default()
        }
        error => panic!("{error:?}"),
    }
}
