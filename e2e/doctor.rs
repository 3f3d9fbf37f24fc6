//! `bluegate doctor` over a demo's cluster, and the doctor inside `serve`.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};
use insta::assert_snapshot;
use serde_json::Value;

use crate::{
    cluster::{BLUEGATE, Cluster, port_of},
    command_line::{bluegate, free_port, seen},
    terminal::Terminal,
};

const WITHIN: Duration = Duration::from_secs(40);
const TOKEN: &str = "an-admin-token-of-this-test";

/// A demo's cluster and a file that describes it.
struct Described {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Described {
    async fn start(arguments: &[&str]) -> Self {
        let cluster = Cluster::start(arguments).await;
        let folder = tempfile::tempdir().unwrap();
        Self { cluster, folder }
    }

    /// Writes the file, with these sections more.
    fn file(&self, sections: &str) -> PathBuf {
        let mut text = format!("[cluster]\norigin = \"{}\"\n", self.cluster.ready.proxy_origin);
        if let Some(ca) = &self.cluster.ready.ca {
            writeln!(text, "node_ca = \"{ca}\"").unwrap();
        }
        text += sections;
        for node in &self.cluster.ready.nodes {
            fs::write(self.folder.path().join(&node.name), &node.secret).unwrap();
            write!(
                text,
                "[[node]]\nname = \"{0}\"\norigin = \"{1}\"\nsecret_file = \"{0}\"\nbbb = \"{2}\"\n",
                node.name, node.origin, node.bbb
            )
            .unwrap();
        }
        let path = self.folder.path().join("bluegate.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Without what differs from run to run.
    fn same(&self, text: &str) -> String {
        let mut text = text.replace(port_of(&self.cluster.ready.proxy_origin), "PORT");
        for node in &self.cluster.ready.nodes {
            text = text.replace(port_of(&node.origin), "PORT");
        }
        let parts = text.split("bluegate-doctor-").map(|part| {
            let digits = part.chars().take_while(char::is_ascii_hexdigit).count();
            part.get(digits..).filter(|_| digits == 16).unwrap_or(part)
        });
        let text = parts.collect::<Vec<_>>().join("bluegate-doctor-ID");
        // How many checks there are is not what these tests are about.
        let lines = text.lines().map(|line| match line.split_once(" checks ") {
            Some(_) => line.replace(|c: char| c.is_ascii_digit(), ""),
            None => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        text.replace(self.folder.path().to_str().unwrap(), "FOLDER")
    }
}

#[tokio::test]
async fn a_demo_is_well_and_a_mistake_in_the_file_is_named() {
    let described = Described::start(&["--nodes", "2"]).await;
    let file = described.file("");
    let path = file.to_str().unwrap();
    let output = bluegate(&["doctor", "-c", path]);
    assert_snapshot!(described.same(&seen(&output)), @r"
    exit 0
    --- stdout
    http://bbb.cluster.localhost:PORT, 2 nodes

    Nothing found: bbb-01, bbb-02

     problems,  warnings,  notes;  checks passed
    --- stderr
    ");

    let output = bluegate(&["doctor", "bbb-02", "--json", "-c", path]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", seen(&output));
    assert_eq!(report["summary"]["problems"], 0);
    assert_eq!(report["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(report["nodes"][0]["name"], "bbb-02");

    let output = bluegate(&["doctor", "bbb-99", "-c", path]);
    assert_snapshot!(described.same(&seen(&output)), @r"
    exit 2
    --- stdout
    --- stderr
    error: `FOLDER/bluegate.toml` has no [[node]] `bbb-99`; it has `bbb-01`, `bbb-02`
    ");

    // The second node under the first one's name: its files know another mount.
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("name = \"bbb-02\"", "name = \"bbb-20\"");
    fs::write(&file, text).unwrap();
    let output = bluegate(&["doctor", "bbb-20", "-c", path]);
    assert_snapshot!(described.same(&seen(&output)), @r"
    exit 1
    --- stdout
    http://bbb.cluster.localhost:PORT, 1 node

    bbb-20  http://bbb-02.cluster.localhost:PORT  BBB 3.0.28
      problem: The node does not serve its client under `/bbb-20/html5client/` (client-on-node)
        users     Joining this node through the cluster's origin gives an empty page
        asked     GET http://bbb-02.cluster.localhost:PORT/bbb-20/html5client/
        answered  404 Not Found, text/html
        change    /etc/bigbluebutton/nginx/bbb-cluster.nginx
                  location ^~ /bbb-20/html5client/: alias /usr/share/bigbluebutton/html5-client/; try_files $uri $uri/ =404;
        or run    bluegate node apply bbb-20
        source    package file bbb-html5.nginx; cluster proxy documentation
      problem: Joining does not lead to the node's mount on the cluster's origin (client-url)
        users     Users land elsewhere: on an error page, or on the node itself, where they are asked for microphone and camera anew
        asked     GET http://bbb-02.cluster.localhost:PORT/bigbluebutton/api/join?meetingID=bluegate-doctor-ID&fullName=Doctor&password=…&role=MODERATOR&redirect=true&checksum=…
        answered  Location: http://bbb.cluster.localhost:PORT/bbb-02/html5client/
        change    /etc/bigbluebutton/bbb-web.properties
                  defaultHTML5ClientUrl: http://bbb.cluster.localhost:PORT/bbb-20/html5client/ instead of http://bbb.cluster.localhost:PORT/bbb-02/html5client/
        or run    bluegate node apply bbb-20
        source    BBB#21130, BBB#24292, BBB#24346: defaultHTML5ClientUrl
       checks not made because of `client-on-node`
       checks not made because of `client-url`

     problems,  warnings,  notes;  checks passed,  not made
    --- stderr
    ");

    // No secret of a node is in anything that was printed.
    for node in &described.cluster.ready.nodes {
        assert!(!seen(&output).contains(&node.secret));
        assert!(!report.to_string().contains(&node.secret));
    }
}

/// For who waits at a terminal, and for nobody else: see the empty stderr above.
#[tokio::test]
async fn a_terminal_shows_how_far_work_at_many_nodes_is() {
    let described = Described::start(&["--nodes", "2"]).await;
    let file = described.file("");
    let temporary = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["-c", file.to_str().unwrap()]].concat();
        Terminal::start(&arguments, temporary.path()).end()
    };
    let (code, shown) = run(&["doctor"]);
    assert_eq!(code, Some(0), "{shown}");
    for line in
        ["0 of 2 done; at work: bbb-01, bbb-02", "1 of 2 done; at work: bbb-0", "2 of 2 done"]
    {
        assert!(shown.contains(&format!(" %  {line}")), "{line}: {shown:?}");
    }
    let root = described.cluster.data().join("nodes/{node}").display().to_string();
    let (code, shown) = run(&["node", "plan", "--all", "--parallel", "1", "--root", &root]);
    assert_eq!(code, Some(0), "{shown}");
    for line in ["0 of 2 done; at work: bbb-01", "1 of 2 done; at work: bbb-02", "2 of 2 done"] {
        assert!(shown.contains(&format!(" %  {line}\u{1b}")), "{line}: {shown:?}");
    }
    for quiet in [
        &["doctor", "--json"][..],
        &["doctor", "bbb-01"],
        &["node", "plan", "--all", "--json", "--root", &root],
    ] {
        let (code, shown) = run(quiet);
        assert_eq!(code, Some(0), "{shown}");
        assert!(!shown.contains("at work") && !shown.contains('\u{1b}'), "{quiet:?}: {shown:?}");
    }
}

#[tokio::test]
async fn a_demo_over_tls_is_well_too() {
    for line in ["2.7", "3.0"] {
        let described = Described::start(&["--nodes", "1", "--tls", "--bbb", line]).await;
        let file = described.file("");
        let output = bluegate(&["doctor", "-c", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", seen(&output));
        assert!(seen(&output).contains("0 problems, 0 warnings, 0 notes"), "{}", seen(&output));
    }
}

#[tokio::test]
async fn a_demo_leaves_a_file_for_the_other_commands() {
    let cluster = Cluster::start(&["--nodes", "3", "--tls"]).await;
    let file = cluster.ready.configuration.as_str();
    for arguments in [&["config", "check"][..], &["doctor"], &["node", "list"]] {
        let output = bluegate(&[arguments, &["-c", file]].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", seen(&output));
    }
    let query =
        [("meetingID", "m-1"), ("name", "One"), ("attendeePW", "ap"), ("moderatorPW", "mp")];
    assert!(cluster.api("create", &query).await.contains("SUCCESS"));
    let why = seen(&bluegate(&["meeting", "show", "m-1", "-c", file]));
    assert!(why.contains("bbb-01") && why.contains("bbb-03"), "why that node: {why}");
    for arguments in [
        &["node", "list", "--from", "admin"][..],
        &["node", "cordon", "bbb-02"],
        &["tenant", "list"],
        &["recording", "list"],
        &["audit"],
        &["cache", "show"],
        &["routes", "list"],
    ] {
        let output = bluegate(&[arguments, &["-c", file]].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", seen(&output));
    }
    let report = seen(&bluegate(&["doctor", "-c", file]));
    assert!(report.contains("Nothing found: bbb-01, bbb-02, bbb-03"), "{report}");
    let secrets = Path::new(file).with_file_name("secrets");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets.join("admin")), 0o600);
    for node in &cluster.ready.nodes {
        let secret = secrets.join(&node.name);
        assert_eq!(fs::read_to_string(&secret).unwrap(), node.secret);
        assert_eq!(mode(&secret), 0o600);
    }
}

#[tokio::test]
async fn a_browser_joins_each_node_and_what_they_answer_is_kept() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("answers");
    let (file, answers) = (cluster.ready.configuration.as_str(), kept.to_str().unwrap());
    let output = bluegate(&["doctor", "--browser", "--record", answers, "--json", "-c", file]);
    assert_eq!(output.status.code(), Some(0), "{}", seen(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (node, shown) in cluster.ready.nodes.iter().zip(report["nodes"].as_array().unwrap()) {
        let checks = shown["checks"].as_array().unwrap();
        for id in ["browser-page", "browser-console", "browser-origins"] {
            let check = checks.iter().find(|check| check["check"] == id).unwrap();
            assert_eq!(check["state"], "passed", "{check}");
        }
        let text = fs::read_to_string(kept.join(format!("{}.json", node.name))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(recorded["session"]["end"]["answer"]["status"], 200);
        assert!(!text.contains(&node.secret), "{}", node.name);
    }
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
}

#[tokio::test]
async fn answers_and_files_of_a_node_are_kept_together_without_secrets() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let (file, into) = (cluster.ready.configuration.as_str(), kept.to_str().unwrap());
    let roots = Path::new(file).with_file_name("nodes").join("{node}");
    let roots = roots.to_str().unwrap();
    let output = bluegate(&["doctor", "--record", into, "--root", roots, "-c", file]);
    assert_eq!(output.status.code(), Some(0), "{}", seen(&output));
    for node in &cluster.ready.nodes {
        assert!(kept.join(format!("{}.json", node.name)).is_file());
        let files = kept.join(&node.name);
        let own = fs::read_to_string(files.join("etc/bigbluebutton/bbb-web.properties")).unwrap();
        assert!(own.contains("securitySalt=redacted") && !own.contains(&node.secret), "{own}");
        // The node is as its cluster needs it, and so is what was kept of it.
        let root = files.to_str().unwrap();
        let verified = bluegate(&["node", "verify", &node.name, "--root", root, "-c", file]);
        assert_eq!(verified.status.code(), Some(0), "{}", seen(&verified));
    }

    // Without a folder to keep them in there is nothing to reach a node for; one that
    // is not there is told of, and what it answered is kept.
    let output = bluegate(&["doctor", "--ssh", "-c", file]);
    assert_eq!(output.status.code(), Some(2), "{}", seen(&output));
    let (other, nowhere) = (folder.path().join("other"), folder.path().join("{node}"));
    let (into, nowhere) = (other.to_str().unwrap(), nowhere.to_str().unwrap());
    let output = bluegate(&["doctor", "bbb-01", "--record", into, "--root", nowhere, "-c", file]);
    assert_eq!(output.status.code(), Some(3), "{}", seen(&output));
    assert!(seen(&output).contains("bbb-01: its files are not recorded: "), "{}", seen(&output));
    assert!(other.join("bbb-01.json").is_file());
}

#[tokio::test]
async fn serve_looks_by_itself_and_shows_what_it_saw() {
    let described = Described::start(&["--nodes", "2"]).await;
    let (proxy, admin) = (free_port(), free_port());
    fs::write(described.folder.path().join("token"), TOKEN).unwrap();
    let file = described.file(&format!(
        "[proxy]\nlisten = \"127.0.0.1:{proxy}\"\n[doctor]\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\nroutes_file = \"routes.json\"\n"
    ));
    let _process =
        Process::start(BLUEGATE.as_ref(), ["serve", "-c", file.to_str().unwrap()]).unwrap();
    let ask = async |path: &str| {
        let request = Request::get(path).header("Authorization", &format!("Bearer {TOKEN}"));
        request.send(&format!("127.0.0.1:{admin}")).await.ok()
    };
    let latest = eventually("the doctor has looked", WITHIN, || async {
        let answer = ask("/v1/doctor").await?;
        let latest: Value = serde_json::from_str(&answer.text()).ok()?;
        (!latest.is_null()).then_some(latest)
    })
    .await
    .unwrap();
    assert_eq!(latest["report"]["summary"]["problems"], 0, "{latest:#}");
    assert_eq!(latest["report"]["nodes"].as_array().unwrap().len(), 2);
    let metrics = ask("/metrics").await.unwrap().text();
    for line in [
        "bluegate_doctor_findings{severity=\"problem\"} 0",
        "bluegate_doctor_node_problems{node=\"bbb-01\"} 0",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}
