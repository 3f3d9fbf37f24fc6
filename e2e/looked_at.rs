//! What a store is like after commands that only look at it: those that move from and to a Scalelite
//! without `--apply`, and the shadow.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use bluegate_scaler::{Estate, Taking};
use bluegate_testkit::Redis;

use crate::command_line::{bluegate, seen};

/// A configuration whose store is a file beside it.
struct Site {
    folder: tempfile::TempDir,
    redis: Redis,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[cluster]\norigin = \"https://bbb.example.org\"\n\
             [scaler]\norigin = \"http://api.example.org\"\nlisten = \"127.0.0.1:1\"\n\
             store = \"sqlite://{}/bluegate.db\"\nkey_file = \"key\"\n\
             [[node]]\nname = \"bbb-01\"\norigin = \"https://bbb-01.example.org\"\n\
             secret_file = \"secret\"\n\
             [[tenant]]\nname = \"default\"\nsecret_file = \"secret\"\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("bluegate.toml"), text).unwrap();
        std::fs::write(folder.path().join("secret"), "a-secret-of-this-test").unwrap();
        std::fs::write(folder.path().join("access.log"), "").unwrap();
        Self { folder, redis: Redis::start().await.unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("bluegate.db")
    }

    /// Runs each command that only looks: how it ended and what it said.
    fn looks(&self) -> Vec<(i32, String)> {
        let (url, log) = (self.redis.url(0), self.folder.path().join("access.log"));
        let commands: [&[&str]; 3] = [
            &["import", "scalelite", &url],
            &["export", "scalelite", &url],
            &["serve", "--shadow", "--log", log.to_str().unwrap()],
        ];
        let file = self.folder.path().join("bluegate.toml");
        let run = |command: &&[&str]| {
            let output = bluegate(&[*command, &["-c", file.to_str().unwrap()]].concat());
            (output.status.code().unwrap(), seen(&output))
        };
        commands.iter().map(run).collect()
    }
}

/// Makes a store what the program before ours would have left.
pub(crate) fn age(store: &Path) {
    let script = "import sqlite3, sys\n\
                  store = sqlite3.connect(sys.argv[1])\n\
                  store.execute('DELETE FROM _sqlx_migrations WHERE version = \
                  (SELECT MAX(version) FROM _sqlx_migrations)')\n\
                  store.commit()\n\
                  store.close()\n";
    let aged = Command::new("python3").args(["-c", script]).arg(store).status().unwrap();
    assert!(aged.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_looks_makes_no_store() {
    let site = Site::new().await;
    for (code, said) in site.looks() {
        assert_eq!(code, 0, "{said}");
    }
    assert!(!site.store().exists());
    assert!(!site.folder.path().join("key").exists(), "nor a key");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_looks_leaves_the_store_as_it_is() {
    let site = Site::new().await;
    let url = format!("sqlite://{}", site.store().display());
    let estate = Estate::open(&url, &site.folder.path().join("key")).await.unwrap();
    let cordoned = vec!["bbb-01".parse().unwrap()];
    estate.take("nobody", &Taking { cordoned, ..Taking::default() }).await.unwrap();
    estate.close().await;
    let before = std::fs::read(site.store()).unwrap();
    for (code, said) in site.looks() {
        assert_eq!(code, 0, "{said}");
    }
    assert!(std::fs::read(site.store()).unwrap() == before, "a look changed the store");

    age(&site.store());
    let before = std::fs::read(site.store()).unwrap();
    for (code, said) in site.looks() {
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("the store has an older schema ("), "{said}");
        assert!(said.contains("start `bluegate serve` on it once"), "{said}");
    }
    assert!(std::fs::read(site.store()).unwrap() == before, "a look changed the older store");
    let names = std::fs::read_dir(site.folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let copies: Vec<String> = names.filter(|name| name.contains(".schema-")).collect();
    assert!(copies.is_empty(), "nothing was migrated: {copies:?}");
}
