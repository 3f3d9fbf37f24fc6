//! One build after the other: the node's own at once, and those before for
//! open tabs.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use bluegate_proxy::CacheConfig;
use http::{HeaderValue, Response, StatusCode};

use crate::{
    cache::{HASHED, PAGE, cached, quiet, script, static_file},
    fake_node::{FakeNode, full, ok},
    front::{Front, Setup},
};

#[tokio::test]
async fn a_new_build_switches_its_mount_at_once_and_no_other() {
    let build = Arc::new(Mutex::new("the first build of all"));
    let shown = Arc::clone(&build);
    let first = FakeNode::start(move |seen| {
        let text = shown.lock().unwrap().as_bytes();
        static_file(seen, "text/html", text)
    })
    .await;
    let second =
        FakeNode::start(|seen| static_file(seen, "text/html", b"the first build of all")).await;
    let front = cached(Setup::new()).mount("bbb-01", &first).mount("bbb-02", &second).start().await;
    assert_eq!(front.get(PAGE).await.body, "the first build of all");
    assert_eq!(front.get("/bbb-02/html5client/").await.body, "the first build of all");
    *build.lock().unwrap() = "a second build, which is longer";
    assert_eq!(front.get(PAGE).await.body, "a second build, which is longer");
    assert_eq!(front.get("/bbb-02/html5client/").await.body, "the first build of all");
}

#[tokio::test]
async fn a_file_of_a_build_that_is_gone_stays_for_open_tabs() {
    let gone = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&gone);
    let node = FakeNode::start(move |_| match asked.load(SeqCst) {
        0 => ok(
            "old",
            &[
                ("content-type", "text/javascript"),
                ("cache-control", "max-age=0, stale-while-revalidate=0"),
            ],
        ),
        _ => Response::builder().status(404).body(full("no")).unwrap(),
    })
    .await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    let plain = "/bbb-01/html5client/a.js";
    assert_eq!(front.get(HASHED).await.body, "old");
    assert_eq!(front.get(plain).await.body, "old");
    gone.store(1, SeqCst);
    let kept = front.get(HASHED).await;
    assert_eq!((kept.status.as_u16(), &kept.body[..]), (200, &b"old"[..]));
    // A name without a hash may mean another file by now.
    assert_eq!(front.get(plain).await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.requests().len(), 4);
}

const BUILDS: [&str; 4] = [
    "00000000000000000000aa",
    "11111111111111111111bb",
    "22222222222222222222cc",
    "33333333333333333333dd",
];

fn bundle(build: usize) -> String {
    format!("/bbb-01/html5client/bundle.{}.js", BUILDS[build])
}

/// What a build's bundle holds: of a length of its own, and so its validators.
fn bytes(build: usize) -> Vec<u8> {
    script([2000, 2010, 2020, 2030][build])
}

/// A node that has the files of its own build only, as after an upgrade.
async fn upgradeable(build: &Arc<AtomicUsize>) -> FakeNode {
    let build = Arc::clone(build);
    FakeNode::start(move |seen| {
        let build = build.load(SeqCst);
        if seen.target == PAGE {
            // Of a length of its own too.
            let space = " ".repeat(build);
            let page = format!("<script src=\"bundle.{}.js\"{space}></script>", BUILDS[build]);
            static_file(seen, "text/html", page.as_bytes())
        } else if seen.target == bundle(build) {
            // To be asked for each time.
            let mut answer = static_file(seen, "text/javascript", &bytes(build));
            let control = HeaderValue::from_static("max-age=0, stale-while-revalidate=0");
            answer.headers_mut().insert("cache-control", control);
            answer
        } else {
            Response::builder().status(404).body(full("no such file")).unwrap()
        }
    })
    .await
}

async fn visit(front: &Front, build: usize) {
    let page = front.get(PAGE).await;
    assert!(String::from_utf8_lossy(&page.body).contains(BUILDS[build]), "switched at once");
    assert!(front.get(&bundle(build)).await.body == bytes(build));
}

#[tokio::test]
async fn open_tabs_have_the_files_of_the_two_builds_before() {
    let build = Arc::new(AtomicUsize::new(0));
    let node = upgradeable(&build).await;
    let front = cached(Setup::new()).mount("bbb-01", &node).start().await;
    for now in 0..3 {
        build.store(now, SeqCst);
        visit(&front, now).await;
        for before in 0..now {
            let kept = front.get(&bundle(before)).await;
            assert_eq!(kept.status, StatusCode::OK, "{before} while the node is at {now}");
            assert!(kept.body == bytes(before));
            assert_eq!(kept.header("cache-status"), Some("bluegate; hit; ttl=-1"));
        }
    }
    // A page is of the build that the node has, and of no other.
    let page = front.get(PAGE).await;
    assert!(String::from_utf8_lossy(&page.body).contains(BUILDS[2]));
    // What nobody asked for before the upgrade is not there.
    assert_eq!(front.get(&bundle(3)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_builds_before_are_there_after_a_restart_with_a_folder() {
    let folder = tempfile::TempDir::new().unwrap();
    let build = Arc::new(AtomicUsize::new(0));
    let node = upgradeable(&build).await;
    let setup = || {
        let folder = Some(folder.path().to_owned());
        Setup::new()
            .with(|config| config.cache = CacheConfig { folder, ..quiet() })
            .mount("bbb-01", &node)
    };
    let front = setup().start().await;
    visit(&front, 0).await;
    front.stop().await;
    build.store(1, SeqCst);
    let front = setup().start().await;
    visit(&front, 1).await;
    front.stop().await;
    build.store(2, SeqCst);
    let front = setup().start().await;
    visit(&front, 2).await;
    for before in 0..2 {
        let kept = front.get(&bundle(before)).await;
        assert_eq!(kept.status, StatusCode::OK, "{before}");
        assert!(kept.body == bytes(before));
    }
}

#[tokio::test]
async fn builds_before_make_room_when_memory_is_short() {
    let build = Arc::new(AtomicUsize::new(0));
    let node = upgradeable(&build).await;
    // Room for two builds at most, each with its gzip; a file may take half.
    let memory = script(2000).len() * 5 / 2;
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { memory, ..quiet() })
        .mount("bbb-01", &node)
        .start()
        .await;
    for now in 0..3 {
        build.store(now, SeqCst);
        visit(&front, now).await;
    }
    assert_eq!(front.get(&bundle(0)).await.status, StatusCode::NOT_FOUND);
    visit(&front, 2).await;
}
