//! Nodes that are added, changed and removed while `bluegate serve` runs.

use std::time::Duration;

use bluegate_testkit::eventually;
use insta::assert_snapshot;

use crate::{
    admin::{Served, narrow},
    command_line::{seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

/// `served` with `bbb-01` in the file alone; what the file said of `bbb-02`.
async fn with_one_node(served: &Served) -> String {
    let text = std::fs::read_to_string(served.file()).unwrap();
    let (rest, second) = text.rsplit_once("[[node]]").unwrap();
    std::fs::write(served.file(), rest).unwrap();
    signal(&served.process, "-HUP");
    eventually("one node is left", WITHIN, || async {
        let routes = served.json(&["routes", "list", "--json"]);
        (routes["routes"].as_array().unwrap().len() == 1).then_some(())
    })
    .await
    .unwrap();
    format!("[[node]]{second}")
}

#[tokio::test]
async fn a_node_is_added_changed_and_removed_and_survives_a_restart() {
    let mut served = Served::start(None).await;
    with_one_node(&served).await;
    assert_eq!(served.get_client("bbb-02").await.status, 404);

    let (origin, address) = {
        let node = &served.cluster.ready.nodes[1];
        (node.origin.clone(), node.address.clone())
    };
    let add = ["routes", "add", "bbb-02", "--origin", &origin, "--address", &address];
    let output = served.run(&add);
    assert_snapshot!(narrow(&served.without_ports(&seen(&output))), @r"
    exit 0
    --- stdout
    added bbb-02: http://bbb-02.cluster.localhost:PORT at 127.0.0.1:PORT
    --- stderr
    ");
    assert_eq!(served.get_client("bbb-02").await.status, 200);
    let again = served.run(&add);
    assert_eq!(again.status.code(), Some(2), "{}", seen(&again));

    served.restart().await;
    assert_eq!(served.get_client("bbb-02").await.status, 200);
    let changed = served.json(&["routes", "change", "bbb-02", "--bbb", "3.0", "--json"]);
    assert_eq!((changed["bbb"].as_str(), changed["source"].as_str()), (Some("3.0"), Some("api")));
    assert_eq!(served.get_client("bbb-02").await.status, 200);

    let outside = served.run(&["routes", "change", "bbb-02", "--address", "192.0.2.1:443"]);
    let file = served.run(&["routes", "remove", "bbb-01"]);
    let nothing = served.run(&["routes", "change", "bbb-02"]);
    assert_snapshot!(format!("{}{}", seen(&outside), seen(&file)), @r"
    exit 2
    --- stdout
    --- stderr
    error: `192.0.2.1` is not among `[proxy] allow_nodes`, which bounds what may be added: widen it in the file of the running `bluegate serve` and send it SIGHUP
    exit 2
    --- stdout
    --- stderr
    error: `bbb-01` is in the configuration file: change it there and reload

    ");
    assert_eq!(nothing.status.code(), Some(2));
    assert_eq!(served.get_client("bbb-01").await.status, 200);

    assert!(served.run(&["routes", "remove", "bbb-02"]).status.success());
    assert_eq!(served.get_client("bbb-02").await.status, 404);
    served.restart().await;
    assert_eq!(served.get_client("bbb-02").await.status, 404);
}

#[tokio::test]
async fn a_name_in_both_places_is_refused_and_at_a_start_the_file_wins() {
    let mut served = Served::start(None).await;
    let second = with_one_node(&served).await;
    let (origin, address) = {
        let node = &served.cluster.ready.nodes[1];
        (node.origin.clone(), node.address.clone())
    };
    let add = ["routes", "add", "bbb-02", "--origin", &origin, "--address", &address];
    assert!(served.run(&add).status.success());
    let alone = std::fs::read_to_string(served.file()).unwrap();
    std::fs::write(served.file(), format!("{alone}{second}")).unwrap();

    let output = served.run(&["config", "check"]);
    let text = seen(&output).replace(served.folder.path().to_str().unwrap(), "FOLDER");
    assert_snapshot!(text, @r"
    exit 2
    --- stdout
    --- stderr
    error: the routes do not fit together
      because: the node `bbb-02` in the routes file `FOLDER/routes.json` cannot be used: `bbb-02` is in the configuration file too: take it out of one of the two

    ");
    signal(&served.process, "-HUP");
    eventually("the reload is refused", WITHIN, || async {
        served.process.stderr().contains("configuration not reloaded").then_some(())
    })
    .await
    .unwrap();
    assert_eq!(served.get_client("bbb-02").await.status, 200);

    served.restart().await;
    let routes = served.json(&["routes", "list", "--json"]);
    assert_eq!(routes["routes"][1]["source"], "file");
    assert_eq!(routes["held_back"][0]["code"], "in_file", "{routes}");
    assert!(served.process.stderr().contains("held back"), "{}", served.process.stderr());
    assert!(served.run(&["routes", "remove", "bbb-02"]).status.success());
    assert!(served.json(&["routes", "list", "--json"])["held_back"].is_null());
    assert_eq!(served.get_client("bbb-02").await.status, 200);

    // What is damaged is named, and nothing runs past it.
    std::fs::write(served.folder.path().join("routes.json"), "{").unwrap();
    served.process.interrupt(WITHIN).await.unwrap();
    let output = served.run(&["serve"]);
    assert_eq!(output.status.code(), Some(3), "{}", seen(&output));
    assert!(seen(&output).contains("routes.json` is damaged"), "{}", seen(&output));
}
