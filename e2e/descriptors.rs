//! Out of open files, and back.

use std::{path::Path, process::Command, time::Duration};

use bluegate_testkit::{Process, eventually, http::Request};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{cluster::BLUEGATE, command_line::free_port};

const WITHIN: Duration = Duration::from_secs(40);

fn limit_open_files(process: &Process, limit: usize) {
    let process = process.id().to_string();
    let limit = format!("--nofile={limit}:");
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap();
    assert!(set.success());
}

fn open_files(process: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count()
}

#[tokio::test]
async fn without_a_descriptor_left_newcomers_wait_and_are_served_later() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let host = format!("bbb.cluster.localhost:{port}");
    let file = folder.path().join("bluegate.toml");
    let text =
        format!("[cluster]\norigin = \"http://{host}\"\n[proxy]\nlisten = \"127.0.0.1:{port}\"\n");
    std::fs::write(&file, text).unwrap();
    let arguments = ["serve", "-c", file.to_str().unwrap()];
    let process = Process::start(Path::new(BLUEGATE), arguments).unwrap();
    let address = format!("127.0.0.1:{port}");
    let ask = async || Request::get("/").header("Host", &host).send(&address).await;
    eventually("it serves", WITHIN, || async { ask().await.ok() }).await.unwrap();

    // Those that are served keep theirs; two more fit.
    limit_open_files(&process, open_files(&process) + 2);
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(TcpStream::connect(&address).await.unwrap());
    }
    eventually("it says that it cannot accept", WITHIN, || async {
        process.stderr().contains("cannot accept a connection").then_some(())
    })
    .await
    .unwrap();
    let warnings = process.stderr().matches("cannot accept a connection").count();
    let mut last = streams.pop().unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    last.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let early = timeout(Duration::from_millis(400), last.read_to_end(&mut answer)).await;
    assert!(early.is_err(), "served without a descriptor");
    // It looks again ten times a second, and does not spin.
    let more = process.stderr().matches("cannot accept a connection").count() - warnings;
    assert!(more < 20, "{more} warnings in less than half a second");

    drop(streams);
    timeout(WITHIN, last.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
    assert_eq!(ask().await.unwrap().status, 404);
}
