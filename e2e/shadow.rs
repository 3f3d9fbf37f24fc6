//! `bluegate serve --shadow` on a recorded morning, and on a mirrored stream.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, time::Duration};

use bluegate_cluster::{Node, Secret};
use bluegate_scaler::{Estate, NodeConfig, NodeTerms, Taking, TenantConfig};
use bluegate_tenant::{Form, Settings};
use bluegate_testkit::{Process, eventually, http::Request};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    cluster::{BLUEGATE, sign},
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);
const SECRET: &str = "secret-of-the-load-balancer";
const NODES: usize = 6;

/// The tenant that was added at run time, with limits and rules.
const CLUB: &str = "secret-of-the-club";

/// A balancer that is to be moved to: so many nodes that nobody listens at.
fn site(folder: &Path, nodes: usize) -> (String, u16) {
    let api = free_port();
    let mut text = format!(
        "[cluster]\norigin = \"https://bbb.example.org\"\n\
         [scaler]\norigin = \"http://api.example.org\"\nlisten = \"127.0.0.1:{api}\"\n\
         store = \"sqlite://{}/bluegate.db\"\n\
         [[tenant]]\nname = \"default\"\nsecret_file = \"secret\"\n",
        folder.display()
    );
    for number in 1..=nodes {
        text += &format!(
            "[[node]]\nname = \"bbb-0{number}\"\norigin = \"https://bbb-0{number}.example.org\"\n\
             secret_file = \"secret\"\n"
        );
    }
    std::fs::write(folder.join("secret"), SECRET).unwrap();
    let file = folder.join("bluegate.toml");
    std::fs::write(&file, text).unwrap();
    (file.display().to_string(), api)
}

/// The last node and another tenant, as they are added at run time: the store stays
/// open as it does at a scaler that serves from it.
async fn added(folder: &Path) -> Estate {
    let store = format!("sqlite://{}", folder.join("bluegate.db").display());
    let estate = Estate::open(&store, &folder.join("bluegate.db.key")).await.unwrap();
    let form: Form = serde_json::from_value(serde_json::json!({
        "limits": {
            "meetings": { "soft": 1, "hard": 2 },
            "users": 3,
            "requests": { "hard": 10 },
            "recordings": 5,
        },
        "create": { "record": { "set": false }, "dialNumber": { "remove": true } },
        "join": { "userdata-bbb_skip_check_audio": { "default": true } },
    }))
    .unwrap();
    let node = |name: &str| NodeConfig {
        node: Node {
            name: name.parse().unwrap(),
            origin: format!("https://{name}.example.org").parse().unwrap(),
            address: None,
            bbb: None,
            proxied: false,
        },
        secrets: vec![Secret::new(SECRET).unwrap()],
        terms: NodeTerms::default(),
    };
    let tenant = TenantConfig {
        name: "club".parse().unwrap(),
        secrets: vec![Secret::new(CLUB).unwrap()],
        plain: false,
        settings: Settings::try_from(form).unwrap(),
    };
    let taking = Taking { nodes: vec![node("bbb-06")], tenants: vec![tenant], ..Taking::default() };
    estate.take("nobody", &taking).await.unwrap();
    estate
}

/// What the club calls at 09:26: three meetings of which the third is one too many, five
/// users of whom two are, and in one second twice as many lists as it may ask for.
fn evening_of_the_club() -> String {
    let mut log = String::new();
    let mut call = |second: usize, call: &str, parameters: &[(&str, &str)], to: &str| {
        let query = sign(call, parameters, CLUB);
        writeln!(
            log,
            "192.0.2.9 - - [27/Nov/2026:09:26:{second:02} +0100] \"GET /bigbluebutton/api/{call}?{query} \
             HTTP/1.1\" 200 1 \"-\" \"x\" \"{to}\""
        )
        .unwrap();
    };
    for (second, id) in [(1, "club-1"), (2, "club-2"), (3, "club-3")] {
        let given = [("meetingID", id), ("name", "Club"), ("record", "true"), ("dialNumber", "1")];
        call(second, "create", &given, "-");
    }
    let to = "https://bbb-01.example.org/bigbluebutton/api/join?meetingID=x";
    for second in 10..15 {
        call(second, "join", &[("meetingID", "club-1"), ("fullName", "Member")], to);
    }
    for _ in 0..20 {
        call(20, "getMeetings", &[], "-");
    }
    log
}

/// Numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator; its high bits are good enough for a timetable.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A morning at a Scalelite from 07:55 to 09:30, two lessons of 60 classes, as nginx in front of it logs
/// it. Where classes go is chosen as Scalelite 1.8 does: least load, one more for each create and
/// join, and every minute the number of users, but at least 15 for each new meeting.
fn recorded() -> String {
    let mut chance = Chance(7);
    let mut events: Vec<(u64, u64, u64)> = Vec::new();
    for lesson in 0..2_u64 {
        for class in 0..60 {
            let begins = 7 * 3600 + 55 * 60 + lesson * 45 * 60 + chance.below(300);
            let id = lesson * 100 + class;
            events.push((begins, 0, id));
            let pupils = 5 + chance.below(24);
            for pupil in 0..pupils {
                events.push((begins + 20 + chance.below(600), 1 + pupil, id));
            }
            events.push((begins + 40 * 60, 999, id));
        }
    }
    events.sort_unstable();
    let mut loads = [0_u64; NODES];
    let mut classes: BTreeMap<u64, (usize, u64, u64)> = BTreeMap::new();
    let (mut log, mut minute) = (String::new(), 0);
    for (second, what, id) in events {
        if second / 60 > minute {
            minute = second / 60;
            for (node, load) in loads.iter_mut().enumerate() {
                let on_it = classes.values().filter(|(place, ..)| *place == node);
                let users =
                    on_it.map(
                        |(_, users, begun)| {
                            if second - begun < 15 * 60 { (*users).max(15) } else { *users }
                        },
                    );
                *load = users.sum();
            }
        }
        let meeting = format!("class-{id}");
        let (call, query, location) = match what {
            0 => {
                let node = (0..NODES).min_by_key(|node| loads[*node]).unwrap();
                loads[node] += 1;
                classes.insert(id, (node, 0, second));
                let parameters = [("meetingID", meeting.as_str()), ("name", "Class")];
                ("create", sign("create", &parameters, SECRET), "-".to_owned())
            }
            999 => {
                classes.remove(&id);
                let parameters = [("meetingID", meeting.as_str()), ("password", "mp")];
                ("end", sign("end", &parameters, SECRET), "-".to_owned())
            }
            pupil => {
                let (node, users, _) = classes.get_mut(&id).unwrap();
                *users += 1;
                loads[*node] += 1;
                let name = format!("Pupil {pupil}");
                let parameters =
                    [("meetingID", meeting.as_str()), ("fullName", &name), ("role", "VIEWER")];
                let host = *node + 1;
                let location =
                    format!("https://bbb-0{host}.example.org/bigbluebutton/api/join?meetingID=x");
                ("join", sign("join", &parameters, SECRET), location)
            }
        };
        let status = if call == "join" { 302 } else { 200 };
        writeln!(
            log,
            "192.0.2.7 - - [27/Nov/2026:{:02}:{:02}:{:02} +0100] \"GET /bigbluebutton/api/{call}?{query} \
             HTTP/1.1\" {status} 512 \"-\" \"Moodle\" \"{location}\"",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
        .unwrap();
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_morning_is_decided_again() {
    let folder = tempfile::tempdir().unwrap();
    // The sixth node is one of the store.
    let (file, _) = site(folder.path(), NODES - 1);
    let scaler = added(folder.path()).await;
    let before = scaler.holdings("nobody").await.unwrap();
    let mut log = recorded();
    // What is in real logs besides.
    let at = "192.0.2.7 - - [27/Nov/2026:09:25:00 +0100]";
    let list = sign("getMeetings", &[], SECRET);
    let forged = sign("create", &[("meetingID", "room-x"), ("name", "Forged")], "wrong");
    let picky = sign(
        "create",
        &[("meetingID", "room-y"), ("name", "Picky"), ("meta_server-tag", "gpu!")],
        SECRET,
    );
    for target in [
        "/".to_owned(),
        format!("/bigbluebutton/api/getMeetings?{list}"),
        format!("/bigbluebutton/api/create?{forged}"),
        format!("/bigbluebutton/api/create?{picky}"),
    ] {
        writeln!(log, "{at} \"GET {target} HTTP/1.1\" 200 1 \"-\" \"x\"").unwrap();
    }
    log += &evening_of_the_club();
    log += "no line of a log\n";
    let path = folder.path().join("access.log");
    std::fs::write(&path, log).unwrap();
    let all = ["serve", "-c", &file, "--shadow", "--log", path.to_str().unwrap()];
    let told = bluegate(&all);
    assert_snapshot!(seen(&told));
    let json = bluegate(&[&all[..], &["--json"]].concat());
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    // The reason to move: 120 classes, and no node far above another.
    assert_eq!(report["placed"], 122, "and two of the club");
    assert_eq!(report["refused"], 2);
    let (here, there) = (&report["widest_gap"], &report["widest_gap_there"]);
    assert!(here.as_u64().unwrap() < there.as_u64().unwrap() / 2, "{here} {there}");
    let text = seen(&json);
    assert!(
        !["Pupil", "Member", SECRET, CLUB].iter().any(|private| text.contains(private)),
        "nobody's name, no secret"
    );
    let after = scaler.holdings("nobody").await.unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"), "a shadow writes nothing");
    assert!(after.meetings.is_empty(), "a shadow writes nothing");
}

/// A scaler over nodes that nobody listens at, told to keep new meetings off the second node and to
/// give the first one thrice as many.
async fn scaler_with_decisions(folder: &Path) -> (String, Process) {
    let (file, _) = site(folder, 3);
    let admin = free_port();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(
        ".example.org\"\nsecret_file",
        ".example.org\"\naddress = \"127.0.0.1:1\"\nsecret_file",
    );
    let admin = format!("[admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n");
    std::fs::write(&file, text + &admin).unwrap();
    std::fs::write(folder.join("token"), "an-admin-token-of-this-test").unwrap();
    let process = Process::start(Path::new(BLUEGATE), ["serve", "-c", &file]).unwrap();
    for command in [&["node", "weight", "bbb-01", "3"][..], &["node", "cordon", "bbb-02"]] {
        eventually("it is decided", WITHIN, || async {
            let done = bluegate(&[command, &["-c", &file]].concat());
            done.status.success().then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}: {}", process.stderr()));
    }
    (file, process)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_at_the_scaler_counts_in_its_shadow() {
    let folder = tempfile::tempdir().unwrap();
    let form: Form = serde_json::from_value(serde_json::json!({
        "limits": {
            "meetings": { "soft": 30 },
            "users": { "soft": 35 },
            "requests": { "soft": 3 },
        },
        "presentation": "https://club.example.org/first.pdf",
        "logo": "https://club.example.org/logo.png",
        "welcome": "Welcome to the club",
    }))
    .unwrap();
    let club = TenantConfig {
        name: "club".parse().unwrap(),
        secrets: vec![Secret::new(CLUB).unwrap()],
        plain: false,
        settings: Settings::try_from(form).unwrap(),
    };
    let store = format!("sqlite://{}", folder.path().join("bluegate.db").display());
    let estate = Estate::open(&store, &folder.path().join("bluegate.db.key")).await.unwrap();
    let taking = Taking { tenants: vec![club], ..Taking::default() };
    estate.take("nobody", &taking).await.unwrap();
    estate.close().await;
    let (file, serving) = scaler_with_decisions(folder.path()).await;

    let mut log = String::new();
    let mut call = |second: usize, call: &str, parameters: &[(&str, &str)]| {
        let query = sign(call, parameters, CLUB);
        let (minute, second) = (second / 60, second % 60);
        writeln!(
            log,
            "192.0.2.9 - - [27/Nov/2026:08:{minute:02}:{second:02} +0100] \
             \"GET /bigbluebutton/api/{call}?{query} HTTP/1.1\" 200 1 \"-\" \"x\" \"-\""
        )
        .unwrap();
    };
    for class in 0..40 {
        let id = format!("class-{class}");
        call(class, "create", &[("meetingID", &id), ("name", "Class")]);
        call(class, "join", &[("meetingID", &id), ("fullName", "Member")]);
    }
    // No minute is full.
    for _ in 0..5 {
        call(50, "getMeetings", &[]);
    }
    let path = folder.path().join("access.log");
    std::fs::write(&path, log).unwrap();
    let told =
        bluegate(&["serve", "-c", &file, "--shadow", "--json", "--log", path.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&report["placed"], &report["refused"]), (&40.into(), &0.into()), "{report}");
    let nodes = report["nodes"].as_array().unwrap().iter();
    let meetings: Vec<_> = nodes.map(|node| (&node["node"], &node["meetings"])).collect();
    let [one, two, three] = [("bbb-01", 30), ("bbb-02", 0), ("bbb-03", 10)]
        .map(|(node, meetings)| (Value::from(node), Value::from(meetings)));
    assert_eq!(meetings, [(&one.0, &one.1), (&two.0, &two.1), (&three.0, &three.1)], "{report}");
    let limits = report["limits"].as_array().unwrap().iter();
    let limits: Vec<String> = limits
        .map(|limit| format!("{} {} {}", limit["limit"], limit["refused"], limit["exceeded"]))
        .collect();
    // Above 35 users five more classes were made and joined; of five lists in a second two are above 3.
    assert_eq!(limits, [r#""meetings" 0 10"#, r#""users" 0 10"#, r#""requests" 0 2"#], "{report}");
    let changes = report["changes"].as_array().unwrap().iter();
    let changes: Vec<&str> = changes.map(|change| change["parameter"].as_str().unwrap()).collect();
    assert_eq!(changes, ["logo", "welcome"], "{report}");
    let not_known = report["not_known"].to_string();
    assert!(not_known.contains("a presentation to meetings of `club`"), "{not_known}");
    assert!(!report.to_string().contains("club.example.org"), "no value is told: {report}");
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_stream_is_decided_and_reported_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (file, api) = site(folder.path(), NODES);
    let report = folder.path().join("report.json");
    let to = report.to_str().unwrap();
    let arguments = ["serve", "-c", &file, "--shadow", "--json", "--report", to];
    let mut process = Process::start(Path::new(BLUEGATE), arguments).unwrap();
    let address = format!("127.0.0.1:{api}");
    let create = sign("create", &[("meetingID", "m-1"), ("name", "One")], SECRET);
    let join = sign("join", &[("meetingID", "m-1"), ("fullName", "Ada")], SECRET);
    eventually("it takes copies", WITHIN, || async {
        let target = format!("/bigbluebutton/api/create?{create}");
        Request::get(&target).send(&address).await.ok()
    })
    .await
    .unwrap();
    let target = format!("/bigbluebutton/api/join?{join}");
    let answer = Request::get(&target).send(&address).await.unwrap();
    assert_eq!(answer.status, 204);
    signal(&process, "-TERM");
    eventually("it has ended", WITHIN, || {
        let ended = process.exited().unwrap();
        async move { ended }
    })
    .await
    .unwrap();
    let told: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(told["placed"], 1, "{told}");
    assert_eq!(told["calls"]["join"], 1, "{told}");
    assert_eq!(told["users"], 1, "{told}");
    assert_eq!(told["uncompared"], 1, "a stream does not say where users were sent: {told}");
    assert_eq!(told["widest_gap_there"], Value::Null, "nor a gap there: {told}");
    let of_nodes = told["not_known"].as_array().unwrap();
    let is_said =
        |text: &Value| text.as_str().unwrap().contains("a copy of a stream has no answers");
    assert!(of_nodes.iter().any(is_said), "{told}");
    assert!(!folder.path().join("bluegate.db").exists(), "a shadow keeps nothing");
    assert!(!folder.path().join("bluegate.db.key").exists(), "nor makes a key");
}
