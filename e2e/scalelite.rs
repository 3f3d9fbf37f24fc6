//! The move from a Scalelite with classes running, and the way back: a real Redis laid out as
//! Scalelite 1.8 does, simulated nodes with meetings that it made, and the binary.

use std::{collections::BTreeMap, path::Path, process::Output, time::Duration};

use bluegate_testkit::{
    Process, Redis, certificates::Authority, eventually, http::Request, redis::RedisOptions,
};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    cluster::{BLUEGATE, Cluster, ReadyNode, element, sign},
    command_line::{bluegate, free_port, seen},
};

const WITHIN: Duration = Duration::from_secs(40);

/// `LOADBALANCER_SECRET`.
const SECRET: &str = "secret-of-the-load-balancer";
/// The secret of tenant `bn`; an older one is still good.
const TENANT_SECRET: &str = "secret-of-bn";

/// Three nodes that a Scalelite used, and its Redis.
struct Site {
    cluster: Cluster,
    redis: Redis,
}

impl Site {
    async fn start() -> Self {
        let cluster = Cluster::start(&["--nodes", "3"]).await;
        let site = Self { cluster, redis: Redis::start().await.unwrap() };
        site.fill();
        site
    }

    fn node(&self, number: usize) -> &ReadyNode {
        &self.cluster.ready.nodes[number]
    }

    /// What Scalelite keeps of servers and tenants, in database 0.
    fn fill(&self) {
        let mut commands: Vec<Vec<String>> = Vec::new();
        let mut run =
            |words: &[&str]| commands.push(words.iter().map(|w| (*w).to_owned()).collect());
        for (number, node) in self.cluster.ready.nodes.iter().enumerate() {
            let id = server_id(number);
            let key = format!("scalelite:server:{id}");
            let url = format!("{}/bigbluebutton/api/", node.origin);
            let state = if number == 2 { "cordoned" } else { "enabled" };
            run(&["SADD", "scalelite:servers", &id]);
            run(&["HSET", &key, "url", &url, "secret", &node.secret, "state", state]);
            run(&["HSET", &key, "load_multiplier", "1.5", "online", "true", "meetings", "1"]);
            run(&["HSET", &key, "users", "0", "largest_meeting", "0", "videos", "0"]);
            run(&["HSET", &format!("scalelite:{id}"), "healthy_counter", "1"]);
            if number == 2 {
                run(&["ZADD", "scalelite:cordoned_server_load", "1.5", &id]);
            } else {
                run(&["SADD", "scalelite:server_enabled", &id]);
                run(&["ZADD", "scalelite:server_load", "22.5", &id]);
            }
        }
        run(&["HSET", &format!("scalelite:server:{}", server_id(1)), "tag", "gpu"]);
        let secrets = format!("{TENANT_SECRET}:older-secret");
        run(&["SADD", "scalelite:tenants", TENANT]);
        run(&["HSET", &format!("scalelite:tenant:{TENANT}"), "name", "bn", "secrets", &secrets]);
        run(&["HSET", "scalelite:tenant_name:bn", "id", TENANT]);
        run(&["SADD", &format!("scalelite:tenant_settings:{TENANT}"), SETTING]);
        let setting = format!("scalelite:tenant_setting:{SETTING}");
        run(&["HSET", &setting, "param", "welcome", "value", "Guten Morgen", "override", "false"]);
        run(&["HSET", &setting, "tenant_id", TENANT]);
        let commands: Vec<Vec<&str>> =
            commands.iter().map(|words| words.iter().map(String::as_str).collect()).collect();
        let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
        self.redis.run(0, &commands).unwrap();
    }

    /// Creates a meeting as Scalelite does, on this node: signed for it, without any stamp, and
    /// remembered in Redis for a day. Gives its internal ID.
    async fn create(&self, meeting: &str, number: usize, tenant: &str) -> String {
        let internal = self.create_at_node(meeting, number, tenant).await;
        let (key, bridge) = (format!("scalelite:meeting:{meeting}"), voice_bridge(meeting));
        self.redis
            .run(
                0,
                &[
                    &["SADD", "scalelite:meetings", meeting],
                    &["HSET", &key, "server_id", &server_id(number), "moderator_pw", "mp"],
                    &["HSET", &key, "voice_bridge", &bridge, "tenant_id", tenant],
                    &["EXPIRE", &key, "86400"],
                    &["HSET", "scalelite:voice_bridges", &bridge, meeting],
                ],
            )
            .unwrap();
        internal
    }

    /// Somebody joins at the node, as their link from Scalelite led them there.
    async fn join(&self, number: usize, link: &[(&str, &str)]) -> User {
        let node = self.node(number);
        let target = format!("/bigbluebutton/api/join?{}", sign("join", link, &node.secret));
        let answer = Request::get(&target).send(&node.address).await.unwrap();
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        User { cookie, token: element(&answer.text(), "session_token").to_owned() }
    }

    async fn create_at_node(&self, meeting: &str, number: usize, tenant: &str) -> String {
        let node = self.node(number);
        let bridge = voice_bridge(meeting);
        let mut parameters = vec![
            ("name", "Class"),
            ("meetingID", meeting),
            ("attendeePW", "ap"),
            ("moderatorPW", "mp"),
            ("voiceBridge", bridge.as_str()),
        ];
        if !tenant.is_empty() {
            parameters.extend([("meta_tenant-id", tenant), ("meta_tenant-name", "bn")]);
        }
        let answer = at_node(node, "create", &parameters).await;
        assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
        element(&answer, "internalMeetingID").to_owned()
    }
}

/// Somebody in a class: a session that lives at the node and nowhere else.
struct User {
    cookie: String,
    token: String,
}

impl User {
    /// Whether the node knows them.
    async fn is_in(&self, node: &ReadyNode) -> bool {
        let target = format!("/bigbluebutton/api/stuns?sessionToken={}", self.token);
        let request = Request::get(&target).header("Cookie", &self.cookie);
        request.send(&node.address).await.unwrap().text().contains("turnServers")
    }
}

const TENANT: &str = "0b6a4b3a-6a0f-4d0e-9d0c-1f2e3d4c5b6a";
const SETTING: &str = "5c5d7d5e-93aa-4a8f-8a34-0d1e2f3a4b5c";

fn server_id(number: usize) -> String {
    format!("d2a1c0de-0000-4000-8000-00000000000{number}")
}

fn voice_bridge(meeting: &str) -> String {
    let digits: u32 = meeting.bytes().map(u32::from).sum();
    format!("47419{digits:04}")
}

async fn at_node(node: &ReadyNode, call: &str, parameters: &[(&str, &str)]) -> String {
    let target = format!("/bigbluebutton/api/{call}?{}", sign(call, parameters, &node.secret));
    Request::get(&target).send(&node.address).await.unwrap().text()
}

/// A `bluegate serve` beside it, which has the load balancer's secret and no nodes.
struct Served {
    folder: tempfile::TempDir,
    api: u16,
    admin: u16,
    process: Option<Process>,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (api, admin) = (free_port(), free_port());
        let text = format!(
            "[cluster]\norigin = \"http://bbb.cluster.localhost:{api}\"\n\
             [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\n\
             listen = \"127.0.0.1:{api}\"\nstore = \"sqlite://{}/bluegate.db\"\n\
             key_file = \"key\"\n\
             [[tenant]]\nname = \"default\"\nsecret_file = \"lb\"\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n",
            folder.path().display()
        );
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("bluegate.toml", &text).unwrap();
        write("lb", SECRET).unwrap();
        write("token", "an-admin-token-of-this-test").unwrap();
        Self { folder, api, admin, process: None }
    }

    async fn serving() -> Self {
        let mut this = Self::new();
        this.start().await;
        this
    }

    async fn start(&mut self) {
        let arguments = ["serve", "-c", &self.file()];
        self.process = Some(Process::start(Path::new(BLUEGATE), arguments).unwrap());
        eventually("it serves", WITHIN, || async {
            self.run(&["meeting", "list"]).status.success().then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}: {}", self.stderr()));
    }

    fn file(&self) -> String {
        self.folder.path().join("bluegate.toml").display().to_string()
    }

    fn stderr(&self) -> String {
        self.process.as_ref().map(Process::stderr).unwrap_or_default()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        bluegate(&[arguments, &["-c", &self.file()]].concat())
    }

    fn import(&self, site: &Site, arguments: &[&str]) -> Output {
        let url = site.redis.url(0);
        let mut all = vec!["import", "scalelite", &url, "--url-host", "cluster.localhost"];
        let addresses: Vec<String> = site
            .cluster
            .ready
            .nodes
            .iter()
            .enumerate()
            .map(|(number, node)| format!("{}={}", server_id(number), node.address))
            .collect();
        for address in &addresses {
            all.extend(["--address", address]);
        }
        all.extend(arguments);
        self.run(&all)
    }

    /// How many meetings a node's last list had.
    async fn counted_on(&self, node: &str, what: &str) -> u64 {
        let request =
            Request::get("/v1/nodes").header("Authorization", "Bearer an-admin-token-of-this-test");
        let answer = request.send(&format!("127.0.0.1:{}", self.admin)).await.unwrap();
        let report: Value = serde_json::from_slice(&answer.body).unwrap();
        report["scaler"][node][what].as_u64().unwrap()
    }

    /// What a frontend of this host is told.
    async fn call(
        &self,
        host: &str,
        secret: &str,
        call: &str,
        query: &[(&str, &str)],
    ) -> (u16, String) {
        let target = format!("/bigbluebutton/api/{call}?{}", sign(call, query, secret));
        let request = Request::get(&target).header("Host", &format!("{host}:{}", self.api));
        let answer = request.send(&format!("127.0.0.1:{}", self.api)).await.unwrap();
        let location = answer.header("location").map(str::to_owned);
        (answer.status, location.unwrap_or_else(|| answer.text()))
    }
}

const API: &str = "api.cluster.localhost";
const BN: &str = "bn.cluster.localhost";

/// A key space, without what a day's lifetime and our own keys do to it.
fn dumped(redis: &Redis, database: u8) -> BTreeMap<String, String> {
    redis.dump(database).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_moves_with_its_classes_running_and_goes_back() {
    let site = Site::start().await;
    let room = site.create("room 1", 0, "").await;
    let class = site.create("class-7", 1, TENANT).await;
    let cordoned = site.create("room-3", 2, "").await;
    // Somebody is in: their session lives at the node and nowhere else.
    let link =
        [("meetingID", "room 1"), ("fullName", "Ada"), ("password", "ap"), ("redirect", "false")];
    let ada = site.join(0, &link).await;
    assert!(ada.is_in(site.node(0)).await);
    let before = dumped(&site.redis, 0);

    let served = Served::serving().await;
    let dry = served.import(&site, &[]);
    let text = seen(&dry);
    for secret in [SECRET, TENANT_SECRET, "older-secret", &site.node(0).secret] {
        assert!(!text.contains(secret), "{text}");
    }
    let mut shown = text;
    for node in &site.cluster.ready.nodes {
        shown = shown.replace(&node.origin, &format!("ORIGIN-{}", node.name));
    }
    assert_snapshot!(squeezed(&shown));
    assert_eq!(dumped(&site.redis, 0), before, "nothing is written there");
    let listed = served.run(&["meeting", "list", "--json"]);
    assert!(!seen(&listed).contains("class-7"), "{}", seen(&listed));

    let applied = served.import(&site, &["--apply", "--json"]);
    assert_eq!(applied.status.code(), Some(0), "{}: {}", seen(&applied), served.stderr());
    let report: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert_eq!(report["unconfirmed"], serde_json::json!([]), "{report}");
    assert_eq!(dumped(&site.redis, 0), before, "nothing is written there");

    // The frontends are pointed at us: old links lead to the same classes.
    for (host, secret, meeting, node, internal) in [
        (API, SECRET, "room 1", 0, &room),
        (BN, TENANT_SECRET, "class-7", 1, &class),
        (BN, "older-secret", "class-7", 1, &class),
        (API, SECRET, "room-3", 2, &cordoned),
    ] {
        let join = [("meetingID", meeting), ("fullName", "Bob"), ("password", "ap")];
        let (status, location) = served.call(host, secret, "join", &join).await;
        assert_eq!(status, 302, "{meeting}: {location}");
        assert!(location.starts_with(&site.node(node).origin), "{meeting}: {location}");
        let create = [
            ("meetingID", meeting),
            ("name", "Class"),
            ("attendeePW", "ap"),
            ("moderatorPW", "mp"),
        ];
        let (_, answer) = served.call(host, secret, "create", &create).await;
        assert_eq!(element(&answer, "internalMeetingID"), internal, "{answer}");
        assert_eq!(element(&answer, "voiceBridge"), voice_bridge(meeting), "{answer}");
    }
    let (_, all) = served.call(API, SECRET, "getMeetings", &[]).await;
    assert!(all.contains("room 1") && !all.contains("class-7"), "{all}");
    assert!(ada.is_in(site.node(0)).await, "who was in stays");
    let mut where_they_are = BTreeMap::new();
    for node in &site.cluster.ready.nodes {
        for meeting in node.meetings().await {
            let id = meeting["meeting_id"].as_str().unwrap().to_owned();
            where_they_are.insert(id, node.name.clone());
        }
    }
    assert_eq!(where_they_are.len(), 3, "one each, and none twice: {where_they_are:?}");

    // Again, and nothing is new.
    let again = served.import(&site, &["--apply"]);
    assert!(seen(&again).contains("nothing to take"), "{}", seen(&again));

    // Scalelite made one more before everybody had left it, and it was not imported.
    let late = site.create_at_node("late", 1, "").await;
    eventually("its node has told of it", WITHIN, || async {
        (served.counted_on("bbb-02", "meetings").await == 2).then_some(())
    })
    .await
    .unwrap();
    let create =
        [("meetingID", "late"), ("name", "Class"), ("attendeePW", "ap"), ("moderatorPW", "mp")];
    let (_, answer) = served.call(API, SECRET, "create", &create).await;
    assert_eq!(element(&answer, "internalMeetingID"), late, "{answer}");
    let (_, answer) = served.call(BN, TENANT_SECRET, "create", &create).await;
    assert!(answer.contains("idNotUnique"), "another's: {answer}");
    let end = [("meetingID", "late"), ("password", "mp")];
    let (_, answer) = served.call(API, SECRET, "end", &end).await;
    assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
    eventually("it has ended", WITHIN, || async {
        let listed = served.run(&["meeting", "list", "--json"]);
        (!seen(&listed).contains("\"late\"")).then_some(())
    })
    .await
    .unwrap();

    // The way back, into an empty Redis: key by key what it was.
    let export = |database: u8, more: &[&str]| {
        let url = site.redis.url(database);
        served.run(&[&["export", "scalelite", &url], more].concat())
    };
    let dry = export(1, &[]);
    assert_eq!(dry.status.code(), Some(0), "{}", seen(&dry));
    assert_eq!(dumped(&site.redis, 1), BTreeMap::new());
    let out = export(1, &["--apply"]);
    assert_eq!(out.status.code(), Some(0), "{}", seen(&out));
    assert_eq!(dumped(&site.redis, 1), before);
    let refused = export(0, &["--apply"]);
    assert_eq!(refused.status.code(), Some(2), "{}", seen(&refused));
    assert!(seen(&refused).contains("--replace"), "{}", seen(&refused));
    assert_eq!(dumped(&site.redis, 0), before);

    // And in again elsewhere: what came out goes in as the same.
    let other = Served::new();
    let url = site.redis.url(1);
    let host = ["--url-host", "cluster.localhost", "--apply", "--wait", "0"];
    let arguments = [&["import", "scalelite", &url][..], &host].concat();
    // Nobody serves there, so nobody asks the nodes.
    let taken = other.run(&arguments);
    assert!(seen(&taken).contains("not yet confirmed"), "{}", seen(&taken));
    let out = other.run(&["export", "scalelite", &site.redis.url(2), "--apply"]);
    assert_eq!(out.status.code(), Some(0), "{}", seen(&out));
    assert_eq!(dumped(&site.redis, 2), before);

    // A class that began here, and one that ended, over what Scalelite had.
    let create =
        [("meetingID", "new"), ("name", "New"), ("attendeePW", "ap"), ("moderatorPW", "newmp")];
    let (_, answer) = served.call(API, SECRET, "create", &create).await;
    let bridge = element(&answer, "voiceBridge").to_owned();
    let end = [("meetingID", "room-3"), ("password", "mp")];
    let (_, answer) = served.call(API, SECRET, "end", &end).await;
    assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");
    eventually("it has ended", WITHIN, || async {
        let listed = served.run(&["meeting", "list", "--json"]);
        (!seen(&listed).contains("room-3")).then_some(())
    })
    .await
    .unwrap();
    let out = export(0, &["--apply", "--replace"]);
    assert_eq!(out.status.code(), Some(0), "{}", seen(&out));
    let after = dumped(&site.redis, 0);
    let new = &after["scalelite:meeting:new"];
    assert!(new.contains("moderator_pw=newmp") && new.contains("tenant_id=|"), "{new}");
    assert!(new.starts_with("hash expires "), "{new}");
    assert!(after["scalelite:voice_bridges"].contains(&format!("{bridge}=new")), "{after:?}");
    assert!(!after.contains_key("scalelite:meeting:room-3"), "{after:?}");
    let untouched = |keys: &BTreeMap<String, String>| {
        let kept = keys.iter().filter(|(key, _)| key.contains("server") || key.contains("tenant"));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(untouched(&after), untouched(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_a_class_that_moves_are_its_tenants() {
    let site = Site::start().await;
    let class = site.create("class-7", 1, TENANT).await;
    let room = [
        ("name", "Room 1"),
        ("meetingID", "class-7-room-1"),
        ("attendeePW", "ap"),
        ("moderatorPW", "mp"),
        ("isBreakout", "true"),
        ("parentMeetingID", class.as_str()),
        ("sequence", "1"),
    ];
    let answer = at_node(site.node(1), "create", &room).await;
    assert_eq!(element(&answer, "returncode"), "SUCCESS", "{answer}");

    let served = Served::serving().await;
    let asked = served.import(&site, &["--json"]);
    let report: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let unknown = &report["asked"][1]["only_there"];
    assert_eq!(*unknown, serde_json::json!([]), "a room goes with its class: {report}");
    let applied = served.import(&site, &["--apply"]);
    assert_eq!(applied.status.code(), Some(0), "{}", seen(&applied));

    eventually("its tenant sees the room, and where its class is", WITHIN, || async {
        let (_, list) = served.call(BN, TENANT_SECRET, "getMeetings", &[]).await;
        (list.contains("Room 1") && list.contains("class-7")).then_some(())
    })
    .await
    .unwrap();
    let (_, others) = served.call(API, SECRET, "getMeetings", &[]).await;
    assert!(!others.contains("Room 1") && !others.contains("class-7"), "{others}");
    assert_eq!(served.counted_on("bbb-02", "breakout_rooms").await, 1, "a drain waits for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_move_each_node_is_asked() {
    let site = Site::start().await;
    site.create("room-1", 0, "").await;
    site.create("room-2", 0, "").await;
    site.create_at_node("stray", 0, "").await;
    let node = site.node(0);
    at_node(node, "end", &[("meetingID", "room-2"), ("password", "mp")]).await;
    let wrong = format!("scalelite:server:{}", server_id(1));
    site.redis.run(0, &[&["HSET", &wrong, "secret", "not-its-secret"]]).unwrap();
    let (url, addresses) = (
        site.redis.url(0),
        [(0, node.address.as_str()), (1, &site.node(1).address), (2, "127.0.0.1:1")]
            .map(|(number, address)| format!("{}={address}", server_id(number))),
    );
    let served = Served::new();
    let mut all = vec!["import", "scalelite", &url];
    addresses.iter().for_each(|address| all.extend(["--address", address]));
    let told = eventually("the meeting has ended", WITHIN, || async {
        let told = served.run(&[&all[..], &["--json"]].concat());
        let report: Value = serde_json::from_slice(&told.stdout).unwrap();
        (report["asked"][0]["only_in_redis"] == serde_json::json!(["room-2"])).then_some(told)
    })
    .await
    .unwrap();
    assert_eq!(told.status.code(), Some(1), "two do not answer: {}", seen(&told));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    let of = |number: usize, key: &str| report["asked"][number][key].clone();
    assert_eq!((of(0, "word"), of(0, "answers")), ("answers".into(), true.into()), "{report}");
    assert_eq!(of(0, "only_there"), serde_json::json!(["stray"]), "{report}");
    assert!(of(0, "release").is_string(), "{report}");
    assert_eq!(
        (of(1, "word"), of(1, "answers")),
        ("wrong secret".into(), false.into()),
        "{report}"
    );
    let silent = of(2, "word");
    let silent = silent.as_str().unwrap();
    let is_why = silent.starts_with("not reachable: ") && silent.contains("Connection refused");
    assert!(is_why, "{report}");
    let text = seen(&served.run(&all));
    for row in ["answers", "stray", "room-2", "wrong secret", "not reachable"] {
        assert!(text.contains(row), "{text}");
    }
    assert!(!text.contains("not-its-secret") && !text.contains(&node.secret), "{text}");
    let offline = served.run(&[&all[..], &["--offline"]].concat());
    assert_eq!(offline.status.code(), Some(0), "{}", seen(&offline));
    assert!(!seen(&offline).contains("wrong secret"), "{}", seen(&offline));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_for_scalelites_own_admin_api_go_on() {
    let mut served = Served::new();
    let write = |name: &str, text: &str| {
        let path = served.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (file, lb) = (served.file(), write("scalelite", "lb-secret\n"));
    let text = std::fs::read_to_string(&file).unwrap();
    let node = "[[node]]\nname = \"bbb-01\"\norigin = \"https://bbb-01.example.org\"\n\
         address = \"127.0.0.1:1\"\nsecret_file = \"node\"\n";
    write("node", "secret-of-bbb-01");
    served.start().await;
    let origin = format!("http://127.0.0.1:{}", served.admin);
    let list = ["--scalelite", &origin, "--scalelite-secret-file", &lb];
    let list = |served: &Served| {
        served.run(&[&["node", "list", "--from", "scalelite", "--json"], &list[..]].concat())
    };
    let off = list(&served);
    assert_eq!(off.status.code(), Some(3), "nobody asked for it: {}", seen(&off));

    served.process = None;
    std::fs::write(&file, format!("{text}scalelite_secret_file = \"scalelite\"\n{node}")).unwrap();
    served.start().await;
    let listed = list(&served);
    assert_eq!(listed.status.code(), Some(0), "{}", seen(&listed));
    let nodes: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(nodes[0]["origin"], "https://bbb-01.example.org", "{nodes}");
    assert_eq!(nodes[0]["scalelite"]["state"], "enabled", "{nodes}");
    assert!(!seen(&listed).contains("secret-of-bbb-01"), "{}", seen(&listed));

    // As a drain cordons: the call that its client makes.
    let target = format!("/scalelite/api/updateServer?{}", sign("updateServer", &[], "lb-secret"));
    let body =
        serde_json::json!({ "id": nodes[0]["scalelite"]["id"], "server": { "state": "cordon" } });
    let request = Request::new("POST", &target).body("application/json", body.to_string());
    let answer = request.send(&format!("127.0.0.1:{}", served.admin)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let nodes: Value = serde_json::from_slice(&list(&served).stdout).unwrap();
    assert_eq!(nodes[0]["scalelite"]["state"], "disabled", "it is empty: {nodes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_is_reached_with_tls_and_a_password_that_nothing_prints() {
    let authority = Authority::new().unwrap();
    let options = RedisOptions {
        password: Some("pass-of-redis".to_owned()),
        certificate: Some(authority.issue(&["localhost", "127.0.0.1"]).unwrap()),
    };
    let redis = Redis::start_with(&options).await.unwrap();
    redis.run(3, &[&["SADD", "scalelite:servers", "u-1"]]).unwrap();
    let served = Served::new();
    let write = |name: &str, text: &str| {
        let path = served.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (ca, password) =
        (write("ca.pem", &authority.certificate()), write("pw", "pass-of-redis\n"));
    let port = redis.tls_port().unwrap();
    let tls = format!("rediss://localhost:{port}/3");
    let inside = format!("rediss://:pass-of-redis@127.0.0.1:{port}/3");
    let plain = redis.url(3);
    let wrong = format!("redis://:wr0ng-pass@127.0.0.1:{}/3", redis.port());
    for (arguments, code, wanted) in [
        (&[&tls, "--ca", &ca, "--password-file", &password][..], 1, "left out: server u-1"),
        (&[&inside, "--ca", &ca], 1, "left out: server u-1"),
        (&[&plain], 1, "left out: server u-1"),
        (&[&plain, "--namespace", "other"], 0, "nothing to take"),
        (&[&tls, "--password-file", &password], 3, "cannot connect"),
        (&[&tls, "--ca", &ca], 3, "the Redis refused"),
        (&[&wrong], 3, "the Redis refused"),
        (&["http://:pass-of-redis@localhost"], 2, "not a URL of a Redis"),
        (&["redis://127.0.0.1:1/0"], 3, "cannot connect to `redis://127.0.0.1:1/0`"),
    ] {
        let output = served.run(&[&["import", "scalelite"], arguments].concat());
        let text = seen(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(wanted), "{arguments:?}: {text}");
        assert!(!text.contains("pass-of-redis") && !text.contains("wr0ng"), "{text}");
    }
    assert!(!served.folder.path().join("bluegate.db").exists(), "a look makes no store");
}

/// A table's columns are as wide as origins happen to be.
fn squeezed(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
