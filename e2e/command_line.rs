//! What a person sees on the terminal.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use bluegate_testkit::{Process, eventually, http::Request};
use insta::assert_snapshot;

use crate::cluster::{BLUEGATE, Cluster, port_of};

const WITHIN: Duration = Duration::from_secs(40);

pub(crate) fn bluegate(arguments: &[&str]) -> Output {
    Command::new(BLUEGATE).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

/// Exit code, standard output and standard error, as a person would see them.
pub(crate) fn seen(output: &Output) -> String {
    let code = output.status.code().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
}

pub(crate) fn example(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name).display().to_string()
}

#[test]
fn config_check_passes_the_example_and_names_every_problem() {
    let output = bluegate(&["config", "check", "-c", &example("bluegate.example.toml")]);
    assert_eq!(output.status.code(), Some(0), "{}", seen(&output));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bluegate.toml");
    std::fs::write(&file, "[cluster]\norigin = \"bbb.example.org\"\n[proxi]\n").unwrap();
    let output = bluegate(&["config", "check", "-c", file.to_str().unwrap()]);
    let text = seen(&output).replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_snapshot!(text, @r"
    exit 2
    --- stdout
    --- stderr
    error: 2 problems in `FOLDER/bluegate.toml`
      line 2: `cluster.origin`: `bbb.example.org` does not start with `http://` or `https://`
      line 3: `proxi`: unknown key
        hint: did you mean `proxy`?
    ");

    let output = bluegate(&["config", "check", "-c", "/nonexistent/bluegate.toml"]);
    assert_snapshot!(seen(&output), @r"
    exit 2
    --- stdout
    --- stderr
    error: cannot read the configuration file `/nonexistent/bluegate.toml`
      because: No such file or directory (os error 2)
    ");
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag() {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let output = bluegate(&["demo", "--port-base", &port]);
    assert_snapshot!(seen(&output).replace(&port, "PORT"), @r"
    exit 3
    --- stdout
    --- stderr
    error: port PORT for the proxy cannot be used; choose others with `--port-base`, or 0 for free ports
      because: Address already in use (os error 98)
    ");
}

#[test]
fn nonsense_is_a_usage_error() {
    for arguments in [
        &["demo", "--nodes", "0"][..],
        &["demo", "--nodes", "51"],
        &["demo", "--bbb", "2.3"],
        &["serv"],
        &[],
    ] {
        let output = bluegate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", seen(&output));
    }
}

#[tokio::test]
async fn the_demo_says_what_runs_where_and_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready.json");
    let mut command = Command::new(BLUEGATE);
    command
        .args(["demo", "--port-base", "0", "--nodes", "2", "--ready-file"])
        .arg(&ready_file)
        .env("TMPDIR", folder.path())
        .env("NO_COLOR", "1");
    let mut demo = Process::spawn(command).unwrap();
    let ready = demo.wait_for_json(&ready_file, WITHIN).await.unwrap();
    let frontend = ready["frontend"].as_str().unwrap().to_owned();
    let address = format!("127.0.0.1:{}", port_of(&frontend));
    let page = Request::get("/").send(&address).await.unwrap();
    assert!(page.text().contains("Start a meeting"));

    let mut text = demo.stdout().replace(ready["secret"].as_str().unwrap(), "SECRET");
    text = text.replace(ready["configuration"].as_str().unwrap(), "FOLDER/bluegate.toml");
    for url in [&ready["proxy_origin"], &ready["frontend"], &ready["api_base"], &ready["admin"]]
        .into_iter()
        .chain(ready["nodes"].as_array().unwrap().iter().map(|node| &node["origin"]))
    {
        text = text.replace(port_of(url.as_str().unwrap()), "PORT");
    }
    // The columns are as wide as the secret and the ports happen to be.
    let text: Vec<String> = text
        .lines()
        .map(|line| {
            line.split("  ")
                .filter(|part| !part.is_empty())
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect();
    assert_snapshot!(text.join("\n"), @r"

    Bluegate demo: a whole cluster on this machine

    frontend | http://cluster.localhost:PORT/ | open this one
    cluster's origin | http://bbb.cluster.localhost:PORT | the proxy: every node's client
    BBB API | http://127.0.0.1:PORT/bigbluebutton/api | the scaler
    its secret | SECRET | tenant `default`
    admin API | http://127.0.0.1:PORT | its token is beside the configuration
    node | http://bbb-01.cluster.localhost:PORT | simulated BBB 3.0.28
    node | http://bbb-02.cluster.localhost:PORT | simulated BBB 3.0.28
    configuration | FOLDER/bluegate.toml | for `bluegate doctor -c`, `bluegate meeting show -c` and others

    Stop it with Ctrl-C.
    ");

    let status = demo.interrupt(WITHIN).await.unwrap();
    assert_eq!((status.code(), demo.stderr().as_str()), (Some(0), ""));
    let left: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [ready_file], "the temporary data folder is removed");
}

/// The nodes' own web server is named with its version, once for each node that has one.
#[tokio::test]
async fn the_demo_says_which_nginx_is_in_front_of_its_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready.json");
    let mut command = Command::new(BLUEGATE);
    command
        .args(["demo", "--nginx", "--port-base", "0", "--nodes", "2", "--ready-file"])
        .arg(&ready_file)
        .env("TMPDIR", folder.path())
        .env("NO_COLOR", "1");
    let mut demo = Process::spawn(command).unwrap();
    let ready = demo.wait_for_json(&ready_file, WITHIN).await.unwrap();
    let said = Command::new("/usr/sbin/nginx").arg("-v").output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    let version = said.trim().strip_prefix("nginx version: nginx/").unwrap();
    let row = format!("simulated BBB 3.0.28 behind real nginx {version}\n");
    assert_eq!(demo.stdout().matches(&row).count(), 2, "{}", demo.stdout());
    assert!(ready["nodes"].as_array().unwrap().iter().all(|node| node["nginx"] == version));
    demo.interrupt(WITHIN).await.unwrap();
}

#[tokio::test]
async fn serve_runs_the_roles_of_a_file_over_the_demos_nodes() {
    let cluster = Cluster::start(&["--nodes", "2"]).await;
    let folder = tempfile::tempdir().unwrap();
    let (proxy, api) = (free_port(), free_port());
    let mut file = format!(
        "[cluster]\norigin = \"http://bbb.cluster.localhost:{proxy}\"\n\
         [proxy]\nlisten = \"127.0.0.1:{proxy}\"\n\
         [scaler]\norigin = \"http://api.cluster.localhost:{api}\"\nlisten = [\"127.0.0.1:{api}\"]\n\
         store = \"sqlite://{}/bluegate.db\"\n\
         [[tenant]]\nname = \"default\"\nsecret_file = \"tenant\"\n",
        folder.path().display()
    );
    std::fs::write(folder.path().join("tenant"), format!("{}\n", cluster.ready.secret)).unwrap();
    for node in &cluster.ready.nodes {
        std::fs::write(folder.path().join(&node.name), &node.secret).unwrap();
        file += &format!(
            "[[node]]\nname = \"{0}\"\norigin = \"{1}\"\naddress = \"{2}\"\nbbb = \"{3}\"\nsecret_file = \"{0}\"\n",
            node.name, node.origin, node.address, node.bbb
        );
    }
    let path = folder.path().join("bluegate.toml");
    std::fs::write(&path, &file).unwrap();
    let arguments = ["serve", "-c", path.to_str().unwrap()];
    let mut serve = Process::start(Path::new(BLUEGATE), arguments).unwrap();

    let page = eventually("the proxy serves", WITHIN, || async {
        let request = Request::get("/bbb-02/html5client/")
            .header("Host", &format!("bbb.cluster.localhost:{proxy}"));
        request.send(&format!("127.0.0.1:{proxy}")).await.ok()
    })
    .await
    .unwrap();
    assert_eq!(page.status, 200);
    let query = crate::cluster::sign(
        "create",
        &[("meetingID", "m-1"), ("name", "One")],
        &cluster.ready.secret,
    );
    let answer = Request::get(&format!("/bigbluebutton/api/create?{query}"))
        .send(&format!("127.0.0.1:{api}"))
        .await
        .unwrap();
    assert!(answer.text().contains("<returncode>SUCCESS</returncode>"), "{}", answer.text());

    // A file with a problem changes nothing; one without a node takes its mount away.
    let get = |mount: &'static str| async move {
        let request = Request::get(&format!("/{mount}/html5client/"))
            .header("Host", &format!("bbb.cluster.localhost:{proxy}"));
        request.send(&format!("127.0.0.1:{proxy}")).await.unwrap().status
    };
    std::fs::write(&path, format!("{file}[proxi]\n")).unwrap();
    signal(&serve, "-HUP");
    eventually("the problem is reported", WITHIN, || {
        let reported = serve.stderr().contains("did you mean `proxy`?");
        async move { reported.then_some(()) }
    })
    .await
    .unwrap();
    assert_eq!(get("bbb-02").await, 200);
    let without_second = file.rsplit_once("[[node]]").unwrap().0;
    std::fs::write(&path, without_second).unwrap();
    signal(&serve, "-HUP");
    eventually("the mount is gone", WITHIN, || async {
        (get("bbb-02").await == 404).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(get("bbb-01").await, 200);

    let status = serve.interrupt(WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", serve.stderr());
}

/// Sends a signal to a child of this test.
pub(crate) fn signal(child: &Process, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A port that was free a moment ago; a configuration file cannot say 0.
///
/// It lies below the range that the system itself draws from (32768 on Linux),
/// so that no connection of another test takes it meanwhile, and each process
/// looks for its own in another place.
pub(crate) fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    (0..10_000)
        .map(|_| {
            let place =
                std::process::id().wrapping_mul(61).wrapping_add(ASKED.fetch_add(1, Relaxed));
            10_000 + u16::try_from(place % 22_000).unwrap()
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}

#[test]
fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, word) in [
        ("bash", "bluegate__subcmd__callback"),
        ("zsh", "#compdef bluegate"),
        ("fish", "complete -c bluegate"),
    ] {
        let output = bluegate(&["completion", shell]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(word), "{shell}: {text}");
        std::fs::write(folder.path().join(shell), text).unwrap();
    }
    let complete = "source \"$0\"; COMP_WORDS=(bluegate callb); COMP_CWORD=1; \
        _bluegate bluegate callb bluegate; echo \"${COMPREPLY[@]}\"";
    let bash = folder.path().join("bash");
    let output = Command::new("bash").args(["-c", complete]).arg(bash).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "callback");

    let pages = folder.path().join("share/man1");
    let output = bluegate(&["man", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", seen(&output));
    for page in ["bluegate.1", "bluegate-node-list.1", "bluegate-callback-retry.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
    let file = folder.path().join("bash");
    for (arguments, code) in
        [(["completion", "tcsh"], 2), (["man", file.join("man1").to_str().unwrap()], 3)]
    {
        assert_eq!(bluegate(&arguments).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn what_is_installed_has_its_manual_completions_and_units() {
    let root = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/install.sh");
    let stale = root.path().join("usr/share/man/man1/bluegate-gone.1");
    std::fs::create_dir_all(stale.parent().unwrap()).unwrap();
    std::fs::write(&stale, "").unwrap();
    let output = Command::new(script).arg(BLUEGATE).env("DESTDIR", root.path()).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", seen(&output));
    assert!(!stale.exists());
    let installed = root.path().join("usr");
    for (file, wanted) in [
        ("share/man/man1/bluegate-recording-publish.1", ".SH SYNOPSIS"),
        ("share/bash-completion/completions/bluegate", "_bluegate"),
        ("share/zsh/vendor-completions/_bluegate", "#compdef bluegate"),
        ("share/fish/vendor_completions.d/bluegate.fish", "complete -c bluegate"),
        ("lib/systemd/system/bluegate.service", "ExecStart=/usr/bin/bluegate serve"),
        ("lib/systemd/system/bluegate.socket", "[Socket]"),
    ] {
        let text = std::fs::read_to_string(installed.join(file)).unwrap_or_default();
        assert!(text.contains(wanted), "{file}: {text}");
    }
    let version = Command::new(installed.join("bin/bluegate")).arg("--version").output().unwrap();
    assert!(version.status.success(), "{}", seen(&version));
}
