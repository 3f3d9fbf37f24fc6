//! What outlives the process, and what is believed of it: nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use bluegate_proxy::{CacheConfig, DiskReport};
use http::{Response, StatusCode};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    cache::{HASHED, PAGE, ask_as, quiet, script, static_file},
    cache_shared::{BROWSER, OTHER, node_with, packing, undelta, until, with_dictionary},
    fake_node::{FakeNode, full},
    front::{Front, PATIENCE, Setup, eventually, node_at},
};

const STYLE: &str = "/bbb-01/html5client/stylesheets/a.css?v=7";

/// A proxy that keeps its files in this folder.
async fn keeping(folder: &Path, cache: CacheConfig, node: &FakeNode) -> Front {
    let folder = Some(folder.to_owned());
    Setup::new()
        .with(|config| config.cache = CacheConfig { folder, ..cache })
        .mount("bbb-01", node)
        .start()
        .await
}

fn disk(front: &Front) -> DiskReport {
    front.proxy.cache_report().unwrap().disk.expect("a tier on disk")
}

/// All files below a folder, of which some may be going.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&file.path()));
        } else {
            found.push(file.path());
        }
    }
    found
}

fn contents(folder: &Path) -> Vec<PathBuf> {
    files(&folder.join("v1/contents"))
}

/// Whether a content has all its forms.
fn is_packed(folder: &Path) -> bool {
    let found = contents(folder);
    ["gzip", "zstd", "br"]
        .iter()
        .all(|&coding| found.iter().any(|path| path.extension().is_some_and(|name| name == coding)))
}

fn records(folder: &Path) -> Vec<PathBuf> {
    files(&folder.join("v1/records"))
}

/// A client of a page, a bundle and a style sheet.
async fn client() -> FakeNode {
    FakeNode::start(|seen| match seen.target.as_str() {
        PAGE => static_file(seen, "text/html", b"<p>a page of some length"),
        HASHED => static_file(seen, "text/javascript", &script(3000)),
        _ => static_file(seen, "text/css", b"p { color: red; and: more; }"),
    })
    .await
}

#[tokio::test]
async fn after_a_restart_nodes_confirm_and_send_nothing() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let front = keeping(folder.path(), packing(), &node).await;
    for target in [PAGE, HASHED, STYLE] {
        front.get(target).await;
    }
    let brotli = until(&front, HASHED, &[("accept-encoding", "br")], "br").await;
    eventually(|| is_packed(folder.path())).await;
    front.stop().await;
    let before = node.requests().len();

    // No packing this time: variants can only come from the disk.
    let front = keeping(folder.path(), quiet(), &node).await;
    for (target, body) in [
        (PAGE, &b"<p>a page of some length"[..]),
        (HASHED, &script(3000)),
        (STYLE, b"p { color: red; and: more; }"),
    ] {
        let answer = front.get(target).await;
        assert!(answer.body == body, "{target}");
        let status = answer.header("cache-status");
        assert_eq!(status, Some("bluegate; fwd=stale; fwd-status=304"), "{target}");
    }
    let again = until(&front, HASHED, &[("accept-encoding", "br")], "br").await;
    assert!(again.body == brotli.body && again.header("etag") == brotli.header("etag"));
    let asked = node.requests().split_off(before);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|seen| seen.headers.contains_key("if-none-match")));
    assert_eq!(disk(&front).recalled, 3);
}

#[tokio::test]
async fn a_node_that_is_down_after_a_restart_is_not_spoken_for() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let front = keeping(folder.path(), quiet(), &node).await;
    front.get(HASHED).await;
    front.stop().await;
    let address = node.address;
    drop(node);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let front = Setup::new()
        .with(|config| config.cache = CacheConfig { folder: Some(folder.path().into()), ..quiet() })
        .add(node_at("bbb-01", address, Some("3.0")))
        .start()
        .await;
    assert_eq!(front.get(HASHED).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn another_server_under_the_same_name_is_asked_for_everything() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let front = keeping(folder.path(), quiet(), &node).await;
    front.get(HASHED).await;
    front.stop().await;
    let other = client().await;
    let front = keeping(folder.path(), quiet(), &other).await;
    assert!(front.get(HASHED).await.body == script(3000));
    assert_eq!(other.only_request().headers.get("if-none-match"), None);
}

#[tokio::test]
async fn what_is_damaged_cut_or_foreign_is_dropped_and_never_served() {
    type Harm = fn(&Path);
    let flip: Harm = |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let cut: Harm = |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let empty: Harm = |path| fs::write(path, b"").unwrap();
    let foreign: Harm = |path| fs::write(path, b"{}\nalert('hello')").unwrap();
    let folder_instead: Harm = |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    for (index, harm) in [flip, cut, empty, foreign, folder_instead].into_iter().enumerate() {
        for harmed in ["identity", "gzip", "record"] {
            let folder = TempDir::new().unwrap();
            let node = client().await;
            let front = keeping(folder.path(), quiet(), &node).await;
            front.get(HASHED).await;
            front.stop().await;
            let found = match harmed {
                "record" => records(folder.path()),
                _ => contents(folder.path()),
            };
            let wanted = (harmed == "gzip").then_some("gzip");
            let path = found
                .iter()
                .find(|path| path.extension().and_then(|name| name.to_str()) == wanted)
                .expect("a file to harm");
            harm(path);

            let front = keeping(folder.path(), quiet(), &node).await;
            // Packed or not, the first answer and the next.
            let packed = ask_as(&front, "GET", HASHED, &[("accept-encoding", "gzip")]).await;
            let bytes = match packed.header("content-encoding") {
                Some("gzip") => bluegate_pack::gunzip(&packed.body, 1 << 20).unwrap(),
                _ => packed.body.clone(),
            };
            assert!(bytes == script(3000), "{index} {harmed}");
            assert_eq!(packed.header("content-encoding").is_none(), harmed == "gzip");
            assert!(front.get(HASHED).await.body == script(3000), "{index} {harmed}");
            let asked = node.requests();
            let confirmed = asked[1].headers.contains_key("if-none-match");
            assert_eq!(confirmed, harmed == "gzip", "{index} {harmed}");
        }
    }
}

#[tokio::test]
async fn a_record_of_another_address_is_not_taken_for_this_one() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let front = keeping(folder.path(), quiet(), &node).await;
    front.get(HASHED).await;
    front.get(STYLE).await;
    front.stop().await;
    let paths = records(folder.path());
    let (one, two) = (fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
    fs::write(&paths[0], two).unwrap();
    fs::write(&paths[1], one).unwrap();
    let front = keeping(folder.path(), quiet(), &node).await;
    assert!(front.get(HASHED).await.body == script(3000));
    assert_eq!(front.get(STYLE).await.body, "p { color: red; and: more; }");
    let asked = node.requests().split_off(2);
    assert!(asked.iter().all(|seen| !seen.headers.contains_key("if-none-match")), "{asked:?}");
}

#[tokio::test]
async fn what_is_purged_is_gone_from_the_disk_too() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let setup = |folder: &Path| {
        let folder = Some(folder.to_owned());
        Setup::new()
            .with(|config| config.cache = CacheConfig { folder, ..quiet() })
            .mount("bbb-01", &node)
            .add(node_at("bbb-02", node.address, Some("3.0")))
    };
    let front = setup(folder.path()).start().await;
    front.get(HASHED).await;
    front.get(OTHER).await;
    eventually(|| records(folder.path()).len() == 2).await;
    assert_eq!(front.proxy.purge(Some("bbb-02")), 1);
    eventually(|| records(folder.path()).len() == 1).await;
    front.stop().await;

    // Not in memory, and still forgotten.
    let front = setup(folder.path()).start().await;
    assert_eq!(front.proxy.purge(None), 1);
    front.get(HASHED).await;
    assert_eq!(node.requests().last().unwrap().headers.get("if-none-match"), None);
    eventually(|| records(folder.path()).len() == 1).await;
    front.stop().await;
    let front = setup(folder.path()).start().await;
    front.get(OTHER).await;
    assert_eq!(node.requests().last().unwrap().headers.get("if-none-match"), None);
}

#[tokio::test]
async fn the_bound_on_the_disk_holds() {
    let folder = TempDir::new().unwrap();
    let node = FakeNode::start(|seen| {
        let bytes = seen.target.repeat(1500);
        Response::builder()
            .header("content-type", "application/octet-stream")
            .body(full(bytes))
            .unwrap()
    })
    .await;
    let limit = 600_000;
    let cache = CacheConfig { disk: limit, memory: 200_000, ..quiet() };
    let front = keeping(folder.path(), cache, &node).await;
    for name in 'a'..='z' {
        front.get(&format!("/bbb-01/html5client/{name}.bin?v={name}")).await;
    }
    front.stop().await;
    let kept = files(folder.path());
    let bytes: u64 = kept.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes <= limit, "{bytes}");
    assert!(kept.len() > 8, "{kept:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_turns_the_tier_off_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let open = folder.path().join("open");
    fs::create_dir_all(open.join("v1")).unwrap();
    fs::set_permissions(open.join("v1"), fs::Permissions::from_mode(0o777)).unwrap();
    for unusable in [&file, &open] {
        let front = keeping(unusable, quiet(), &node).await;
        assert!(front.get(HASHED).await.body == script(3000));
        assert!(front.get(HASHED).await.header("cache-status").unwrap().contains("hit"));
        assert_eq!(front.proxy.cache_report().unwrap().disk, None);
    }
    // One that goes away later.
    let later = folder.path().join("later");
    let front = keeping(&later, quiet(), &node).await;
    fs::remove_dir_all(later.join("v1")).unwrap();
    fs::write(later.join("v1"), b"").unwrap();
    assert!(front.get(HASHED).await.body == script(3000));
    eventually(|| disk(&front).paused).await;
    assert!(front.get(HASHED).await.body == script(3000));
    assert_eq!(front.get(STYLE).await.body, "p { color: red; and: more; }");
}

#[tokio::test]
async fn nobody_else_may_look_or_write() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let front = keeping(folder.path(), quiet(), &node).await;
    front.get(HASHED).await;
    front.stop().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in files(folder.path()) {
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{path:?}");
    }
    assert_eq!(mode(&folder.path().join("v1")), 0o700);
}

#[tokio::test]
async fn a_process_and_its_successor_share_the_folder() {
    let folder = TempDir::new().unwrap();
    let node = client().await;
    let old = keeping(folder.path(), quiet(), &node).await;
    let new = keeping(folder.path(), quiet(), &node).await;
    for target in [HASHED, STYLE] {
        let (one, two) = tokio::join!(old.get(target), new.get(target));
        assert!(one.body == two.body);
    }
    old.stop().await;
    new.stop().await;
    let before = node.requests().len();
    let next = keeping(folder.path(), quiet(), &node).await;
    next.get(HASHED).await;
    next.get(STYLE).await;
    let asked = node.requests().split_off(before);
    assert!(asked.iter().all(|seen| seen.headers.contains_key("if-none-match")), "{asked:?}");
}

#[tokio::test]
async fn after_a_restart_a_browser_still_has_its_dictionary() {
    let folder = TempDir::new().unwrap();
    let old = script(20_000);
    let mut new = old.clone();
    new.splice(5000..5000, *b"/* something new */");
    let node = node_with(old.clone()).await;
    let front = keeping(folder.path(), packing(), &node).await;
    front.get(HASHED).await;
    front.stop().await;

    // In memory there is only the next build; the one before is on the disk.
    let next = node_with(new.clone()).await;
    let front = keeping(folder.path(), packing(), &next).await;
    let asked = async {
        loop {
            let answer = with_dictionary(&front, HASHED, &old, BROWSER).await;
            if answer.header("content-encoding") == Some("dcz") {
                return answer;
            }
        }
    };
    let delta = timeout(PATIENCE, asked).await.expect("a delta");
    assert!(delta.body.len() < 300, "{}", delta.body.len());
    assert!(undelta(&delta.body, &old) == new);
}

#[tokio::test]
async fn a_second_node_finds_what_was_packed_before_the_restart() {
    let folder = TempDir::new().unwrap();
    // No validators: every question brings the whole file.
    let node = FakeNode::start(|_| {
        Response::builder()
            .header("content-type", "text/javascript")
            .body(full(script(3000)))
            .unwrap()
    })
    .await;
    let front = keeping(folder.path(), packing(), &node).await;
    front.get(HASHED).await;
    let brotli = until(&front, HASHED, &[("accept-encoding", "br")], "br").await;
    eventually(|| is_packed(folder.path())).await;
    front.stop().await;
    let front = keeping(folder.path(), quiet(), &node).await;
    let again = until(&front, HASHED, &[("accept-encoding", "br")], "br").await;
    assert!(again.body == brotli.body);
}
