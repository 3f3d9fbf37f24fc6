//! What `bluegate serve` logs of what changes: the list of docs/operations.md, and a
//! morning through the binary.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, Cluster, sign},
    command_line::{example, seen},
    tenants::Served,
};

const WITHIN: Duration = Duration::from_secs(25);

/// Level and fields of each event, as docs/operations.md has them.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = std::fs::read_to_string(example("operations.md")).unwrap();
    let (_, table) = page.split_once("\n## The log\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let events = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let fields = cells[3].split('`').skip(1).step_by(2).map(str::to_owned);
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), fields.collect()))
    });
    events.collect()
}

/// Level of each event, as the sources have them.
fn written(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let parts: Vec<&str> = text.split("event = \"").collect();
            for pair in parts.windows(2) {
                let Some((_, head)) = pair[0].rsplit_once("tracing::") else { continue };
                let (level, _) = head.split_once('!').unwrap();
                let (name, _) = pair[1].split_once('"').unwrap();
                found.insert(name.to_owned(), level.to_owned());
            }
        }
    }
}

#[test]
fn every_event_is_documented_and_every_documented_one_is_there() {
    let mut found = BTreeMap::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in std::fs::read_dir(crates).unwrap() {
        let sources = folder.unwrap().path().join("src");
        if sources.is_dir() {
            written(&sources, &mut found);
        }
    }
    let documented: BTreeMap<String, String> =
        documented().into_iter().map(|(name, (level, _))| (name, level)).collect();
    assert_eq!(found, documented);
}

/// Serves anew, with everything but traces in JSON.
async fn talkative(served: &mut Served) {
    served.process.interrupt(WITHIN).await.unwrap();
    let file = served.folder.path().join("bluegate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = "[proxy]\ntrusted_proxies = \"127.0.0.0/8\"\nhealth_interval = \"0s\"\n";
    let text = text.replace("[proxy]\n", keys);
    let text = text.replace("[scaler]\n", "[scaler]\npoll_interval = \"300ms\"\n");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(Path::new(BLUEGATE));
    command.args(["serve", "-c", file.to_str().unwrap()]);
    command.env("BLUEGATE_LOG_FORMAT", "json").env("BLUEGATE_LOG", "off,bluegate=debug");
    served.process = Process::spawn(command).unwrap();
    served.serves().await;
}

/// The events of state changes so far, in order: those of the scaler and the
/// process, and those of the proxy, which sees a node only as often as somebody
/// asks for something.
fn told_so_far(served: &Served) -> (Vec<Value>, Vec<Value>) {
    let log = served.process.stderr();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events = lines.filter(|line| line["target"] == "bluegate::state");
    events.partition(|event| !name(event).starts_with("proxy."))
}

fn events(served: &Served) -> Vec<Value> {
    told_so_far(served).0
}

fn name(event: &Value) -> &str {
    event["fields"]["event"].as_str().unwrap_or_default()
}

/// Waits until an event of this name and node is the last of `count`.
async fn told(served: &Served, count: usize, name: &str) {
    eventually(&format!("{name} is told"), WITHIN, || async {
        let events = events(served);
        (events.len() >= count && self::name(&events[count - 1]) == name).then_some(())
    })
    .await
    .unwrap_or_else(|error| panic!("{error}: {:#?}", events(served)));
}

/// A call of `school-a`, from a client's address that a balancer in front tells.
async fn call(served: &Served, call: &str, parameters: &[(&str, &str)]) -> (u16, String, String) {
    let query = sign(call, parameters, "secret-of-school-a");
    let request = Request::get(&format!("/bigbluebutton/api/{call}?{query}"))
        .header("Host", &format!("school-a.localhost:{}", served.port))
        .header("X-Forwarded-For", "198.51.100.77");
    let answer = request.send(&format!("127.0.0.1:{}", served.port)).await.unwrap();
    let checksum = query.rsplit_once("checksum=").unwrap().1.to_owned();
    (answer.status, answer.text(), checksum)
}

async fn patch_tenant(served: &Served, body: &str) {
    let request = Request::new("PATCH", "/v1/tenants/school-b")
        .header("Authorization", &format!("Bearer {TOKEN}"))
        .body("application/json", body);
    let answer = request.send(&format!("127.0.0.1:{}", served.admin)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_morning_is_told_by_one_event_for_each_change_and_nothing_personal() {
    let mut served = Served::over(Cluster::start(&["--nodes", "2"]).await, "").await;
    talkative(&mut served).await;
    let begun = eventually("both nodes are known", WITHIN, || async {
        let events = events(&served);
        let count =
            |name: &str| events.iter().filter(|event| event["fields"]["event"] == name).count();
        let known = count("node.release") == 2 && count("process.serving") == 1;
        known.then_some(events.len())
    });
    let begun = begun.await.unwrap_or_else(|error| panic!("{error}: {}", served.process.stderr()));
    let done = |arguments: &[&str]| {
        let output = served.run(arguments);
        assert!(output.status.success(), "{}", seen(&output));
    };
    done(&["tenant", "add", "school-b"]);
    patch_tenant(&served, r#"{"settings":{"enabled":false}}"#).await;
    patch_tenant(&served, r#"{"settings":{"enabled":true}}"#).await;
    patch_tenant(&served, r#"{"secrets":["another-secret-of-b"]}"#).await;
    done(&["tenant", "remove", "school-b"]);
    told(&served, begun + 5, "tenant.removed").await;

    let mut secrets = Vec::new();
    let parameters = [
        ("meetingID", "zauberkreis-4711"),
        ("name", "Zaubermeeting"),
        ("attendeePW", "geheimpw-a"),
        ("moderatorPW", "geheimpw-m"),
    ];
    let (_, created, checksum) = call(&served, "create", &parameters).await;
    assert!(created.contains("SUCCESS"), "{created}");
    secrets.push(checksum);
    let user = [
        ("meetingID", "zauberkreis-4711"),
        ("fullName", "Fritzi Musterfrau"),
        ("userID", "fritzi-77"),
        ("password", "geheimpw-m"),
    ];
    let (status, _, checksum) = call(&served, "join", &user).await;
    assert_eq!(status, 302);
    secrets.push(checksum);
    told(&served, begun + 6, "meeting.created").await;
    let meetings = served.cluster.ready.nodes[0].meetings().await;
    let here = usize::from(meetings.is_empty());
    let (with, other) = (&served.cluster.ready.nodes[here], &served.cluster.ready.nodes[1 - here]);
    done(&["node", "cordon", &with.name]);
    told(&served, begun + 7, "node.cordoned").await;
    other.power_off(4_000).await;
    told(&served, begun + 8, "node.suspect").await;
    told(&served, begun + 9, "node.healthy").await;
    let end = [("meetingID", "zauberkreis-4711"), ("password", "geheimpw-m")];
    assert!(call(&served, "end", &end).await.1.contains("SUCCESS"));
    told(&served, begun + 11, "node.drained").await;
    done(&["node", "uncordon", &with.name]);
    told(&served, begun + 12, "node.uncordoned").await;

    let documented = documented();
    let (events, of_proxy) = told_so_far(&served);
    let line = |event: &Value| {
        let fields = event["fields"].as_object().unwrap();
        let text = |name: &str| event["fields"][name].as_str().unwrap_or_default().to_owned();
        let (level, known) = &documented[&text("event")];
        assert_eq!(event["level"].as_str().unwrap().to_lowercase(), *level, "{event}");
        for name in fields.keys().filter(|name| !["event", "message"].contains(&name.as_str())) {
            assert!(known.contains(name), "`{name}` is not documented: {event}");
        }
        let node = text("node.id").replace(&with.name, "WITH").replace(&other.name, "OTHER");
        format!("{level} {} {node} {}", text("event"), text("tenant.id"))
    };
    let lines: Vec<String> = events[begun..].iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @r"
    info tenant.added  school-b
    warn tenant.disabled  school-b
    info tenant.enabled  school-b
    info tenant.changed  school-b
    warn tenant.removed  school-b
    info meeting.created WITH school-a
    info node.cordoned WITH 
    warn node.suspect OTHER 
    info node.healthy OTHER 
    info meeting.ended WITH school-a
    info node.drained WITH 
    info node.uncordoned WITH 
    ");

    let of_proxy: Vec<String> = of_proxy.iter().map(line).collect();
    let told_twice = of_proxy.windows(2).any(|pair| pair[0] == pair[1]);
    let is_of_other = |line: &String| line.ends_with("OTHER ");
    assert!(!told_twice && of_proxy.iter().all(is_of_other), "{of_proxy:?}");

    let log = served.process.stderr();
    assert!(log.lines().count() > events.len(), "it says more than that: {log}");
    for personal in [
        "Zaubermeeting",
        "zauberkreis",
        "Fritzi",
        "fritzi",
        "geheimpw",
        "198.51.100.77",
        "secret-of-school-a",
        "another-secret-of-b",
        TOKEN,
        &with.secret,
    ] {
        assert!(!log.contains(personal), "{personal} in {log}");
    }
    for checksum in secrets {
        assert!(!log.contains(&checksum), "{checksum} in {log}");
    }
}
