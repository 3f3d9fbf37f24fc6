//! The commands of docs/operations.md, as they stand there.

use std::{path::Path, process::Command, time::Duration};

use bluegate_testkit::{Postgres, Process, eventually};
use serde_json::Value;

use crate::{
    cluster::BLUEGATE,
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

/// A scaler of no nodes with this store.
struct Served {
    folder: tempfile::TempDir,
    process: Option<Process>,
}

impl Served {
    fn new(store: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = store.replace("FOLDER", &folder.path().display().to_string());
        let (api, admin) = (free_port(), free_port());
        let text = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{api}\"\n\
             [[node]]\nname = \"bbb-01\"\norigin = \"http://127.0.0.1:1\"\nsecret_file = \"secret\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\n\
             listen = \"127.0.0.1:{api}\"\nstore = \"{store}\"\nkey_file = \"key\"\n\
             [[tenant]]\nname = \"default\"\nsecret_file = \"secret\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n"
        );
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("bluegate.toml", &text).unwrap();
        write("secret", "a-secret-of-this-test").unwrap();
        write("token", "an-admin-token-of-this-test").unwrap();
        Self { folder, process: None }
    }

    async fn start(&mut self) {
        let file = self.folder.path().join("bluegate.toml");
        let arguments = ["serve", "-c", file.to_str().unwrap()];
        self.process = Some(Process::start(Path::new(BLUEGATE), arguments).unwrap());
        eventually("it serves", WITHIN, || async {
            self.run(&["tenant", "list"]).status.success().then_some(())
        })
        .await
        .unwrap();
    }

    async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        signal(&process, "-TERM");
        eventually("it has stopped", WITHIN, || {
            let ended = process.exited().unwrap();
            async move { ended }
        })
        .await
        .unwrap();
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let file = self.folder.path().join("bluegate.toml");
        bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat())
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", seen(&output));
    }

    fn tenants(&self) -> Vec<String> {
        let output = self.run(&["tenant", "list", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tenants = report["tenants"].as_array().unwrap().iter();
        tenants.map(|tenant| tenant["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_store_is_backed_up_while_it_serves_and_restored() {
    let mut served = Served::new("sqlite://FOLDER/bluegate.db");
    served.start().await;
    served.done(&["tenant", "add", "before"]);
    let copy = served.folder.path().join("copy.db").display().to_string();
    served.done(&["store", "backup", &copy]);
    served.done(&["tenant", "add", "after"]);
    for (arguments, wanted) in [
        (&["store", "backup", &copy][..], "exists already"),
        (&["store", "restore", &copy], "is in use: stop `bluegate serve` first"),
    ] {
        let output = served.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", seen(&output));
        assert!(seen(&output).contains(wanted), "{}", seen(&output));
    }
    served.stop().await;
    served.done(&["store", "restore", &copy]);
    served.start().await;
    assert_eq!(served.tenants(), ["before", "default"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_store_is_dumped_while_it_serves_and_restored() {
    let postgres = Postgres::start().await.unwrap();
    let store = postgres.database().unwrap();
    let mut served = Served::new(&store);
    served.start().await;
    served.done(&["tenant", "add", "before"]);
    let dump = served.folder.path().join("bluegate.dump").display().to_string();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", seen(&output));
    };
    run("pg_dump", &["--format=custom", &format!("--file={dump}"), &store]);
    served.done(&["tenant", "add", "after"]);
    let refused = served.run(&["store", "backup", &dump]);
    assert_eq!(refused.status.code(), Some(2), "{}", seen(&refused));
    assert!(seen(&refused).contains("pg_dump"), "{}", seen(&refused));
    served.stop().await;
    let into = format!("--dbname={store}");
    let arguments = ["--clean", "--if-exists", "--single-transaction", &into, &dump];
    run("pg_restore", &arguments);
    served.start().await;
    assert_eq!(served.tenants(), ["before", "default"]);
}
