//! What the access log says, and what it does not.

use bluegate_proxy::{AccessLogClient, AccessLogFormat};
use serde_json::Value;

use crate::{
    fake_node::hello,
    front::{Setup, eventually},
};

#[tokio::test]
async fn every_request_leaves_a_line_without_its_secrets() {
    let node = hello().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let log = path.clone();
    let front = Setup::new()
        .mount("bbb-01", &node)
        .with(|config| config.access_log = Some(log))
        .start()
        .await;
    front.get("/bbb-01/html5client/?sessionToken=s3cr3t").await;
    front.get("/bbb-99/html5client/?sessionToken=s3cr3t").await;
    front.raw("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    let own = front.host();
    let proxy = std::sync::Arc::clone(&front.proxy);
    front.shutdown.cancel();
    front.drained().await;
    proxy.close().await;

    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains("127.0.0.1"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    let relayed = &lines[0];
    assert_eq!(relayed["path"], "/bbb-01/html5client/");
    assert_eq!(relayed["mount"], "bbb-01");
    assert_eq!(relayed["host"], own);
    assert_eq!((&relayed["method"], &relayed["http"]), (&"GET".into(), &"1.1".into()));
    assert_eq!((&relayed["status"], &relayed["bytes"]), (&200.into(), &5.into()));
    assert_eq!(relayed["client"], "127.0.0.0/24");
    assert_eq!(relayed["asked_node"], true);
    assert!(relayed["duration_ms"].as_f64() >= relayed["upstream_ms"].as_f64());
    assert!(relayed["time"].as_str().unwrap().ends_with('Z'));

    assert_eq!((&lines[1]["status"], &lines[1]["asked_node"]), (&404.into(), &false.into()));
    assert_eq!(lines[1].get("upstream_ms"), None);
    assert_eq!((&lines[2]["status"], &lines[2]["host"]), (&421.into(), &"evil.example".into()));
}

#[tokio::test]
async fn the_combined_form_goes_on_in_a_new_file_after_the_old_one_was_moved() {
    let node = hello().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = path.clone();
    let front = Setup::new()
        .mount("bbb-01", &node)
        .with(|config| {
            config.access_log = Some(log);
            config.access_log_format = AccessLogFormat::Combined;
            config.access_log_client = AccessLogClient::Full;
        })
        .start()
        .await;
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default();
    let get = async |name: &str| {
        let target = format!("/bbb-01/html5client/{name}?sessionToken=s3cr3t");
        let request = front.request("GET", &target).header("user-agent", "test");
        front.send(request.body(bytes::Bytes::new()).unwrap()).await;
    };
    get("first").await;
    eventually(|| read(&path).lines().count() == 1).await;
    let moved = folder.path().join("access.log.1");
    std::fs::rename(&path, &moved).unwrap();
    front.proxy.reopen_access_log();
    eventually(|| path.exists()).await;
    get("second").await;
    eventually(|| read(&path).lines().count() == 1).await;
    let (old, new) = (read(&moved), read(&path));
    assert!(
        old.starts_with("127.0.0.1 - - [")
            && old.contains("/html5client/first HTTP/1.1\" 200 5 \"-\" \"test\"\n"),
        "{old}"
    );
    assert!(new.contains("/html5client/second HTTP/1.1\""), "{new}");
    assert!(!(old + &new).contains("s3cr3t"));
}
