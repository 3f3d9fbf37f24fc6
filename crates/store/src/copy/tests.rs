use std::os::unix::fs::PermissionsExt as _;

use bluegate_cluster::TenantName;

use super::*;
use crate::{OpenError, Store, StoredTenant, database::Database};

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.path("bluegate.db").display())
    }
}

fn tenant(name: &str) -> StoredTenant {
    let name: TenantName = name.parse().unwrap();
    StoredTenant {
        name,
        settings: "{}".to_owned(),
        secrets: "sealed".to_owned(),
        plain: false,
        added_at: 1,
        changed_at: 1,
    }
}

async fn add(store: &Store, name: &str) {
    let mut write = store.write().await.unwrap();
    write.insert_tenant(&tenant(name)).await.unwrap();
    write.commit().await.unwrap();
}

async fn names(store: &Store) -> Vec<String> {
    store.tenants().await.unwrap().iter().map(|row| row.name.to_string()).collect()
}

#[tokio::test]
async fn a_store_in_use_is_copied_and_put_back_when_it_is_not() {
    let home = Home::new();
    let copy = home.path("copy.db");
    let store = Store::open(&home.url()).await.unwrap();
    add(&store, "before").await;
    backup(&home.url(), &copy).await.unwrap();
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = backup(&home.url(), &copy).await.unwrap_err();
    assert!(matches!(again, CopyError::Exists { .. }), "{again}");
    add(&store, "after").await;

    let refused = restore(&home.url(), &copy).await.unwrap_err();
    assert!(matches!(refused, CopyError::InUse { .. }), "{refused}");
    assert_eq!(names(&store).await, ["after", "before"], "nothing has happened to it");
    store.close().await;

    let kept = restore(&home.url(), &copy).await.unwrap();
    let store = Store::open(&home.url()).await.unwrap();
    assert_eq!(names(&store).await, ["before"]);
    store.close().await;
    let former = Store::open(&format!("sqlite://{}", kept.display())).await.unwrap();
    assert_eq!(names(&former).await, ["after", "before"], "what was there is not lost");
}

#[tokio::test]
async fn what_is_no_copy_of_a_store_is_not_put_in_its_place() {
    let home = Home::new();
    let store = Store::open(&home.url()).await.unwrap();
    add(&store, "here").await;
    backup(&home.url(), &home.path("whole.db")).await.unwrap();
    store.close().await;
    let whole = fs::read(home.path("whole.db")).unwrap();
    fs::write(home.path("text.db"), "not a database, but a text of some length").unwrap();
    fs::write(home.path("empty.db"), "").unwrap();
    fs::write(home.path("half.db"), &whole[..whole.len() / 2]).unwrap();
    for name in ["text.db", "empty.db", "half.db", "nothing.db"] {
        let refused = restore(&home.url(), &home.path(name)).await.unwrap_err();
        let is_meant = matches!(refused, CopyError::Unsound { .. } | CopyError::Absent { .. });
        assert!(is_meant, "{name}: {refused:?}");
    }
    let store = Store::open(&home.url()).await.unwrap();
    assert_eq!(names(&store).await, ["here"]);
    for url in ["postgres://localhost/x", "sqlite://"] {
        assert!(matches!(backup(url, &home.path("x")).await, Err(CopyError::Server)), "{url}");
    }
}

#[tokio::test]
async fn an_older_program_refuses_a_newer_store_and_goes_on_with_the_copy_from_before() {
    let home = Home::new();
    // The program before this one knew one step less.
    let (last, before) = MIGRATIONS.split_last().unwrap();
    let older = newest(before);
    Database::open_as(&home.url(), before).await.unwrap().close().await;
    let file = home.path("bluegate.db");
    let insert = "INSERT INTO tenants (name, settings, secrets, added_at, changed_at) \
         VALUES ('first', '{}', 'sealed', 1, 1)";
    let mut connection = reader(&file).await.unwrap();
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = Store::open(&home.url()).await.unwrap();
    add(&store, "second").await;
    store.close().await;
    let copy = home.path(&format!("bluegate.db.schema-{older}"));
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let refused = Database::open_as(&home.url(), before).await.unwrap_err();
    let wanted = format!("schema {}, this one knows {older}", last.0);
    assert!(refused.to_string().contains(&wanted), "{refused}");
    assert!(matches!(refused, OpenError::Newer { .. }));

    restore(&home.url(), &copy).await.unwrap();
    let opened = Database::open_as(&home.url(), before).await.unwrap();
    opened.close().await;
    let mut connection = reader(&file).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM tenants").fetch_all(&mut connection).await.unwrap();
    assert_eq!(names, ["first"]);
}

#[tokio::test]
async fn a_copy_of_a_newer_program_is_left_to_it() {
    let home = Home::new();
    Store::open(&home.url()).await.unwrap().close().await;
    let copy = home.path("copy.db");
    backup(&home.url(), &copy).await.unwrap();
    let mut connection = reader(&copy).await.unwrap();
    let from_the_future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
         execution_time) VALUES (9999, 'future', TRUE, x'00', 1)";
    sqlx::query(from_the_future).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = restore(&home.url(), &copy).await.unwrap_err();
    assert!(matches!(refused, CopyError::Newer { version: 9999, .. }), "{refused}");
}
