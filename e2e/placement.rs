//! Nodes and meetings of a running scaler, by the commands that ask its admin
//! API.

use std::{path::Path, time::Duration};

use bluegate_testkit::{Process, eventually};
use serde_json::Value;

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, Cluster},
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

#[tokio::test]
async fn nodes_are_listed_added_cordoned_drained_and_removed_and_follow_the_file() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let folder = tempfile::tempdir().unwrap();
    let (api, admin) = (free_port(), free_port());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    for (name, text) in [("token", TOKEN), ("tenant", "a-tenant")] {
        write(name, &format!("{text}\n"));
    }
    for node in &cluster.ready.nodes {
        write(&node.name, &node.secret);
    }
    let base = format!(
        "[cluster]\norigin = \"http://bbb.cluster.localhost:1\"\n\
         [[tenant]]\nname = \"default\"\nsecret_file = \"tenant\"\n\
         [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\nlisten = \"127.0.0.1:{api}\"\n\
         store = \"sqlite://{}\"\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n",
        folder.path().join("bluegate.db").display()
    );
    let nodes: Vec<String> = cluster
        .ready
        .nodes
        .iter()
        .map(|node| {
            format!(
                "[[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nsecret_file = \"{}\"\n",
                node.name, node.origin, node.address, node.name
            )
        })
        .collect();
    write("bluegate.toml", &format!("{base}{}", nodes[0]));
    let file = folder.path().join("bluegate.toml");
    let run = |arguments: &[&str]| bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat());
    let json = |arguments: &[&str]| -> Value {
        let output = run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", seen(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let serve = ["serve", "-c", file.to_str().unwrap()];
    let process = Process::start(Path::new(BLUEGATE), serve).unwrap();
    eventually("the admin listener serves", WITHIN, || async {
        run(&["meeting", "list"]).status.success().then_some(())
    })
    .await
    .unwrap();

    let (first, second) = (&cluster.ready.nodes[0], &cluster.ready.nodes[1]);
    let names = |list: &Value| -> Vec<String> {
        list["scaler"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&json(&["node", "list", "--from", "admin"])), [first.name.as_str()]);
    let secret = folder.path().join(&second.name);
    let added = run(&[
        "node",
        "add",
        &second.name,
        "--origin",
        &second.origin,
        "--address",
        &second.address,
        "--secret-file",
        secret.to_str().unwrap(),
        "--tag",
        "gpu",
        "--weight",
        "2",
    ]);
    assert!(added.status.success(), "{}", seen(&added));
    let again = run(&[
        "node",
        "add",
        &second.name,
        "--origin",
        &second.origin,
        "--secret-file",
        secret.to_str().unwrap(),
    ]);
    assert_eq!(again.status.code(), Some(2), "{}", seen(&again));
    let list = json(&["node", "list", "--from", "admin"]);
    assert_eq!(list["scaler"][&second.name]["tags"], serde_json::json!(["gpu"]));
    assert_eq!(list["scaler"][&second.name]["source"], "store");

    // The file may not name it too, neither at a reload nor in what is in force after.
    write("bluegate.toml", &format!("{base}{}{}", nodes[0], nodes[1]));
    let check = run(&["config", "check"]);
    assert_eq!(check.status.code(), Some(2), "{}", seen(&check));
    let both = format!("nodes are in the file and were added at run time: `{}`", second.name);
    assert!(seen(&check).contains(&both), "{}", seen(&check));
    signal(&process, "-HUP");
    write("bluegate.toml", &format!("{base}{}", nodes[0]));
    assert!(run(&["node", "cordon", &first.name]).status.success());
    let status = json(&["node", "drain", &first.name, "--wait"]);
    assert_eq!((&status["empty"], &status["meetings"]), (&true.into(), &0.into()));
    assert!(status["cordoned_at"].is_i64());
    assert!(run(&["node", "uncordon", &first.name]).status.success());
    let weighed = json(&["node", "weight", &first.name, "0.5"]);
    assert_eq!(weighed["weight_set"], 0.5);

    let in_file = run(&["node", "remove", &first.name]);
    assert_eq!(in_file.status.code(), Some(2), "{}", seen(&in_file));
    assert!(run(&["node", "remove", &second.name]).status.success());
    assert_eq!(names(&json(&["node", "list", "--from", "admin"])), [first.name.as_str()]);
    let nothing = run(&["meeting", "show", "no-such-class"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", seen(&nothing));
}
