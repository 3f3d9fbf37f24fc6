//! A reload and an upgrade under load: nothing that has begun ends early, and
//! nobody who comes has to wait.

mod load;
mod node;
mod service;

use std::time::Duration;

use load::{Download, Prober, Socket};
use service::{Service, signal_process};

/// Longer than anything that does happen takes.
const WITHIN: Duration = Duration::from_secs(50);

const DOWNLOADS: usize = 200;
const SOCKETS: usize = 50;

/// Longest that a newcomer may wait for the first byte of an answer.
const WAIT: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_downloads_and_fifty_sockets_survive_a_reload_and_an_upgrade() {
    let mut service = Service::start("drain = \"40s\"").await;
    let old = service.supervisor.main_process();
    let mut downloads = Download::begin_many(&service, DOWNLOADS).await;
    let mut sockets = Socket::open_many(&service, SOCKETS).await;
    let prober = Prober::start(&service);
    prober.more(5).await;

    service.add_a_node();
    service.supervisor.signal("-HUP").unwrap();
    service.supervisor.hears("READY=1", 2, WITHIN).await.unwrap();
    for socket in &mut sockets {
        socket.exchange().await;
    }

    service.supervisor.signal("-USR2").unwrap();
    service.supervisor.hears("MAINPID=", 1, WITHIN).await.unwrap();
    assert_ne!(service.supervisor.main_process(), old);
    // The old process has let go of nothing that had begun.
    for socket in &mut sockets {
        socket.exchange().await;
    }
    assert!(service.supervisor.first_process().exited().unwrap().is_none());
    // What follows keeps this machine busy with our own reading.
    prober.more(20).await;
    let seen = prober.stop().await;
    futures_util::future::join_all(downloads.iter_mut().map(Download::finish)).await;
    for mut socket in sockets {
        socket.exchange().await;
        socket.close().await;
    }
    let status = service.supervisor.first_process().wait(WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", service.supervisor.words());
    assert_eq!(seen.failed, Vec::<String>::new(), "{}", service.supervisor.words());
    assert!(seen.slowest <= WAIT, "{seen:?}");

    let said = service.supervisor.said().join("\n");
    let reload = said.find("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(said.starts_with("READY=1"), "{said}");
    assert!(reload < said.find("MAINPID=").unwrap() && !said.contains("STOPPING"), "{said}");
    service.supervisor.signal("-TERM").unwrap();
    service.supervisor.hears("STOPPING=1", 1, WITHIN).await.unwrap();
}

#[tokio::test]
async fn at_the_deadline_sockets_are_told_that_the_service_restarts() {
    let mut service = Service::start("drain = \"4s\"").await;
    let mut sockets = Socket::open_many(&service, 10).await;
    service.supervisor.signal("-USR2").unwrap();
    service.supervisor.hears("MAINPID=", 1, WITHIN).await.unwrap();
    for socket in &mut sockets {
        socket.exchange().await;
    }
    for socket in &mut sockets {
        assert_eq!(socket.exchange_until_closed().await, Some(1012));
    }
    let status = service.supervisor.first_process().wait(WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", service.supervisor.words());
    for socket in &mut Socket::open_many(&service, 2).await {
        socket.exchange().await;
    }
}

#[tokio::test]
async fn a_successor_that_fails_changes_nothing() {
    let mut service = Service::start("").await;
    let old = service.supervisor.main_process();
    let good = service.file();
    let mut sockets = Socket::open_many(&service, 2).await;

    service.write("[cluster]\norigin = \"nonsense\"\n");
    service.supervisor.signal("-USR2").unwrap();
    service.says("not upgraded, this process goes on", 1).await;
    assert!(
        service.supervisor.words().contains("exit status: 2"),
        "{}",
        service.supervisor.words()
    );
    service.write(&good);

    service.replace_program(b"no program");
    service.supervisor.signal("-USR2").unwrap();
    service.says("not upgraded, this process goes on", 2).await;
    // One that starts and knows nothing of us.
    service.replace_program(b"#!/bin/sh\nexec /bin/cat\n");
    service.supervisor.signal("-USR2").unwrap();
    service.says("upgrading: starting the new process", 3).await;
    service.supervisor.signal("-USR2").unwrap();
    service.says("not upgrading again: an upgrade is under way", 1).await;
    assert_eq!(service.supervisor.main_process(), old);
    for socket in &mut sockets {
        socket.exchange().await;
    }
    service.supervisor.signal("-TERM").unwrap();
    for socket in &mut sockets {
        socket.exchange().await;
    }
}

#[tokio::test]
async fn an_upgrade_can_follow_an_upgrade_and_the_one_replaced_refuses() {
    let mut service = Service::start("").await;
    let first = service.supervisor.main_process();
    let mut sockets = Socket::open_many(&service, 1).await;
    service.supervisor.signal("-USR2").unwrap();
    service.supervisor.hears("MAINPID=", 1, WITHIN).await.unwrap();
    let second = service.supervisor.main_process();
    signal_process(first, "-USR2");
    service.says("not upgrading: this process is ending", 1).await;
    service.restore_program();
    service.supervisor.signal("-USR2").unwrap();
    service.supervisor.hears("MAINPID=", 2, WITHIN).await.unwrap();
    let third = service.supervisor.main_process();
    assert!(first != second && second != third && first != third);
    for socket in &mut sockets {
        socket.exchange().await;
    }
    for socket in &mut Socket::open_many(&service, 2).await {
        socket.exchange().await;
    }
}
