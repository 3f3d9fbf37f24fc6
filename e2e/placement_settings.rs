//! `[scaler.placement]` and the limits of `[[node]]`: what the file says is what counts when a
//! running `bluegate serve` places a class, and `bluegate meeting show` tells why.

use std::{fs, time::Duration};

use bluegate_testkit::{eventually, http::Request};
use insta::assert_snapshot;

use crate::{
    cluster::{Cluster, ReadyNode, element, sign},
    command_line::seen,
    participant::Participant,
    tenants::Served,
};

const WITHIN: Duration = Duration::from_secs(40);
const SECRET: &str = "secret-of-school-a";
/// What holds where a test says nothing else: each meeting counts 1, and nothing else counts.
const PLAIN: [&str; 5] = [
    "user_weight = 0",
    "audio_weight = 0",
    "video_weight = 0",
    "meeting_weight = 1",
    "slow_start = \"0s\"",
];

/// Two nodes with meetings that nobody placed: a talk of three people on the first, one of them
/// without a microphone, one with a camera; two empty rooms on the second.
struct Stage {
    served: Served,
    /// The file without placement.
    file: String,
    _people: Vec<Participant>,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start(&["--nodes", "2"]).await;
        let [first, second] = cluster.ready.nodes.as_slice() else { panic!("two nodes") };
        for (node, meeting) in [(first, "talk"), (second, "empty-1"), (second, "empty-2")] {
            let created = create(node, meeting).await;
            assert_eq!(element(&created, "returncode"), "SUCCESS", "{created}");
        }
        let mut people = Vec::new();
        for devices in [&[][..], &["audio"], &["audio", "video"]] {
            people.push(Participant::enter(first, "talk", devices).await);
        }
        let served = Served::over(cluster, "").await;
        let file = fs::read_to_string(served.folder.path().join("bluegate.toml")).unwrap();
        Self { served, file, _people: people }
    }

    /// Serves by these settings of placement, and of the first node, and knows the nodes.
    async fn settle(&mut self, placement: &[&str], node: &str) {
        let changed = |line: &&&str| {
            let key = line.split(' ').next();
            placement.iter().all(|other| other.split(' ').next() != key)
        };
        let plain: Vec<&str> = PLAIN.iter().filter(changed).copied().collect();
        let secret = "secret_file = \"bbb-01\"\n";
        let text = self.file.replace(secret, &format!("{secret}{node}\n"));
        let (plain, placement) = (plain.join("\n"), placement.join("\n"));
        let text = format!("{text}[scaler.placement]\n{plain}\n{placement}\n");
        fs::write(self.served.folder.path().join("bluegate.toml"), text).unwrap();
        self.served.restart().await;
        self.holds("both nodes are known", "bbb-01", [("meetings", 1), ("users", 3)]).await;
        self.holds("both nodes are known", "bbb-02", [("meetings", 2), ("users", 0)]).await;
    }

    async fn holds<const N: usize>(&self, what: &str, node: &str, counts: [(&str, u64); N]) {
        eventually(what, WITHIN, || async {
            let list = self.served.json(&["node", "list", "--from", "admin", "--json"]);
            counts.iter().all(|(key, count)| list["scaler"][node][key] == *count).then_some(())
        })
        .await
        .unwrap();
    }

    /// Places a class and gives what `meeting show` says of it.
    async fn place(&self, class: &str) -> String {
        let (_, created) = self.call("create", &[("meetingID", class), ("name", "Class")]).await;
        assert_eq!(element(&created, "returncode"), "SUCCESS", "{created}");
        let shown = self.served.run(&["meeting", "show", class]);
        assert!(shown.status.success(), "{}", seen(&shown));
        let shown = String::from_utf8(shown.stdout).unwrap();
        let join = [("meetingID", class), ("fullName", "x"), ("role", "VIEWER")];
        let (_, to) = self.call("join", &join).await;
        let mut nodes = self.served.cluster.ready.nodes.iter();
        let at = nodes.find(|node| to.starts_with(&format!("{}/", node.origin))).unwrap();
        assert!(shown.contains(&format!("live on {}", at.name)), "{to} {shown}");
        let internal = element(&created, "internalMeetingID");
        // A poll may have come between.
        shown.replace(internal, "INTERNAL").replace(", 0 users", "")
    }

    /// The same with settings of its own; the class is over afterwards.
    async fn placed(&mut self, class: &str, placement: &[&str], node: &str) -> String {
        self.settle(placement, node).await;
        let shown = self.place(class).await;
        self.end(class).await;
        shown
    }

    async fn end(&self, class: &str) {
        let (_, ended) = self.call("end", &[("meetingID", class)]).await;
        assert_eq!(element(&ended, "returncode"), "SUCCESS", "{ended}");
    }

    async fn call(&self, call: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, parameters, SECRET));
        let request = Request::get(&target)
            .header("Host", &format!("api.cluster.localhost:{}", self.served.port));
        let answer = request.send(&format!("127.0.0.1:{}", self.served.port)).await.unwrap();
        let location = answer.header("location").map(str::to_owned);
        (answer.status, location.unwrap_or_else(|| answer.text()))
    }
}

async fn create(node: &ReadyNode, meeting: &str) -> String {
    let query = sign("create", &[("meetingID", meeting), ("name", "Room")], &node.secret);
    let create = Request::get(&format!("/bigbluebutton/api/create?{query}"));
    create.send(&node.address).await.unwrap().text()
}

/// The node that was chosen, and the loads of both with the class.
fn weighed(shown: &str) -> (String, [String; 2]) {
    let row = |node: &str| {
        let line = shown.lines().find(|line| line.trim_start().starts_with(node));
        line.unwrap_or_else(|| panic!("{node} in {shown}")).replace(" (chosen)", "")
    };
    let load = |node: &str| row(node).split_whitespace().nth(1).unwrap().to_owned();
    let chosen = shown.lines().find_map(|line| line.split_once(" (chosen)")).unwrap().0;
    (chosen.trim().to_owned(), ["bbb-01", "bbb-02"].map(load))
}

#[tokio::test]
async fn what_counts_is_what_the_file_weighs() {
    let mut stage = Stage::set().await;
    let plain = stage.placed("plain", &[], "").await;
    assert_snapshot!(plain, @r"
    plain of school-a: live on bbb-01
      internal ID INTERNAL
      expected 10 users: nothing is known of it
      NODE             LOAD WITH IT  WEIGHT  MEETINGS  USERS  WISHES MISSED
      bbb-01 (chosen)  2.0           1.00    1         3+0    0
      bbb-02           3.0           1.00    2         0+0    0
    ");
    for (class, placement, node, wanted, loads) in [
        ("users", &["user_weight = 4"][..], "", "bbb-02", ["54.0", "43.0"]),
        ("audio", &["audio_weight = 4"], "", "bbb-02", ["10.0", "3.0"]),
        ("video", &["video_weight = 4"], "", "bbb-02", ["6.0", "3.0"]),
        ("both", &["user_weight = 4", "meeting_weight = 20"], "", "bbb-01", ["92.0", "100.0"]),
        ("expected", &["user_weight = 4", "reserved_users = 3"], "", "bbb-02", ["26.0", "15.0"]),
        ("share", &[], "weight = 0.5", "bbb-02", ["4.0", "3.0"]),
    ] {
        let shown = stage.placed(class, placement, node).await;
        assert_eq!(weighed(&shown), (wanted.to_owned(), loads.map(str::to_owned)), "{shown}");
    }
}

#[tokio::test]
async fn a_limit_of_the_file_is_held_and_named() {
    let mut stage = Stage::set().await;
    let shown = stage.placed("meetings", &[], "max_meetings = 1").await;
    assert_snapshot!(shown, @r"
    meetings of school-a: live on bbb-02
      internal ID INTERNAL
      expected 10 users: nothing is known of it
      NODE             LOAD WITH IT  WEIGHT  MEETINGS  USERS  WISHES MISSED
      bbb-02 (chosen)  3.0           1.00    2         0+0    0
      not bbb-01: `max_meetings` is reached
    ");
    for (class, limit, reason) in [
        // Three are there, ten are expected.
        ("users", "max_users = 12", "not bbb-01: `max_users` would be exceeded"),
        ("size", "max_meeting_users = 9", "not bbb-01: larger than its `max_meeting_users`"),
    ] {
        let shown = stage.placed(class, &[], limit).await;
        assert!(shown.contains("bbb-02 (chosen)") && shown.contains(reason), "{shown}");
    }
    let roomy = "max_meetings = 2\nmax_users = 13\nmax_meeting_users = 10";
    let shown = stage.placed("roomy", &[], roomy).await;
    assert!(shown.contains("bbb-01 (chosen)") && !shown.contains(" not bbb-01"), "{shown}");
}

#[tokio::test]
async fn reservations_and_slow_starts_last_as_long_as_the_file_says() {
    let mut stage = Stage::set().await;
    let expected = ["user_weight = 1", "reserved_users = 20", "reservation_lifetime = \"1s\""];
    stage.settle(&expected, "").await;
    let shown = stage.place("nobody-came").await;
    assert!(shown.contains("expected 20 users: nothing is known of it"), "{shown}");
    assert_eq!(weighed(&shown).0, "bbb-02", "{shown}");
    stage.holds("nobody is expected", "bbb-02", [("meetings", 3), ("reserved_users", 0)]).await;
    stage.end("nobody-came").await;

    for (class, slow_start, chosen, weight) in [
        ("slow", "slow_start = \"1h\"", "bbb-02", "0.10"),
        ("quick", "slow_start = \"0s\"", "bbb-01", "1.00"),
    ] {
        stage.settle(&[slow_start], "").await;
        for order in ["cordon", "uncordon"] {
            let output = stage.served.run(&["node", order, "bbb-01"]);
            assert!(output.status.success(), "{}", seen(&output));
        }
        let shown = stage.place(class).await;
        assert_eq!(weighed(&shown).0, chosen, "{shown}");
        let mut rows = shown.lines();
        assert!(rows.any(|row| row.contains("bbb-01") && row.contains(weight)), "{shown}");
        stage.end(class).await;
    }
}

#[tokio::test]
async fn a_class_that_was_larger_than_the_file_expects_is_placed_by_what_it_had() {
    let mut stage = Stage::set().await;
    stage.settle(&["reserved_users = 1"], "max_meeting_users = 1").await;
    let shown = stage.place("weekly").await;
    assert!(shown.contains("expected 1 users: nothing is known of it"), "{shown}");
    assert_eq!(weighed(&shown).0, "bbb-01", "{shown}");
    let first = stage.served.cluster.ready.nodes[0].clone();
    let mut people = Vec::new();
    for _ in 0..2 {
        people.push(Participant::enter(&first, "bg1.school-a.weekly", &[]).await);
    }
    stage.holds("they are counted", "bbb-01", [("meetings", 2), ("users", 5)]).await;
    stage.end("weekly").await;
    stage.holds("it is over", "bbb-01", [("meetings", 1), ("users", 3)]).await;

    let shown = stage.place("weekly").await;
    let life = shown.split("\n\n").next().unwrap();
    for part in [
        "weekly of school-a: live on bbb-02",
        "expected 2 users: nine in ten of its former meetings had no more",
        "not bbb-01: larger than its `max_meeting_users`",
    ] {
        assert!(life.contains(part), "{part}: {shown}");
    }
}
