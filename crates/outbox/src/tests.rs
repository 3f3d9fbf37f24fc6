//! The outbox from outside: receivers on loopback, a clock that the tests move.

mod counted;
mod receiver;
mod targets;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bluegate_cluster::AllowedHosts;
use bluegate_store::{Callback, CallbackState, Store};
use bytes::Bytes;
use http::{HeaderMap, Method};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    Bounds, Config, Lookup, New, Outbox, Prepare, Prepared, QueueError, Queued, Request, Resolve,
};
use receiver::Receiver;

const WITHIN: Duration = Duration::from_secs(20);
const HOUR: i64 = 60 * 60 * 1_000;

/// Names as the tests say; each look-up takes the next answer, the last stays.
#[derive(Default)]
struct Names(Mutex<BTreeMap<String, Vec<IpAddr>>>);

impl Resolve for Names {
    fn resolve(&self, host: &str) -> Lookup {
        let mut names = self.0.lock().unwrap();
        let answers = names
            .get_mut(host)
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0] });
        Box::pin(ready(Ok(answers.into_iter().collect())))
    }
}

/// POSTs the payload.
struct Plain;

impl Prepare for Plain {
    fn prepare(&self, callback: Callback) -> Pin<Box<dyn Future<Output = Prepared> + Send + '_>> {
        Box::pin(ready(match callback.payload.as_str() {
            "needless" => Prepared::Needless,
            "never" => Prepared::Never("nobody wants it"),
            _ => Prepared::Send(Request {
                method: Method::POST,
                url: callback.target,
                headers: HeaderMap::new(),
                body: Bytes::from(callback.payload),
                also_settled: &[410],
            }),
        }))
    }
}

struct Desk {
    folder: TempDir,
    now: Arc<AtomicI64>,
    names: Arc<Names>,
    targets: &'static [&'static str],
    bounds: Bounds,
    roots: rustls::RootCertStore,
}

struct Running {
    outbox: Outbox,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: Arc::new(AtomicI64::new(1_700_000_000_000)),
            names: Arc::default(),
            targets: &["127.0.0.0/8"],
            bounds: Bounds { look: Duration::from_millis(20), ..Bounds::default() },
            roots: rustls::RootCertStore::empty(),
        }
    }

    async fn outbox(&self) -> Outbox {
        let store = format!("sqlite://{}", self.folder.path().join("x.db").display());
        let now = Arc::clone(&self.now);
        let allowed = self.targets.iter().map(|text| text.parse().unwrap()).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Outbox::new(Config {
            store: Store::open(&store).await.unwrap(),
            tls: Arc::new(
                rustls::ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_root_certificates(self.roots.clone())
                    .with_no_client_auth(),
            ),
            targets: AllowedHosts::new(allowed),
            resolver: Arc::<Names>::clone(&self.names),
            clock: Arc::new(move || now.load(Ordering::SeqCst)),
            bounds: self.bounds.clone(),
        })
    }

    async fn start(&self) -> Running {
        let (outbox, stop) = (self.outbox().await, CancellationToken::new());
        let task = tokio::spawn({
            let (outbox, stop) = (outbox.clone(), stop.clone());
            async move { outbox.run(Arc::new(Plain), stop).await }
        });
        Running { outbox, stop, task }
    }

    fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn name(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.names.0.lock().unwrap().insert(name.to_owned(), addresses);
    }
}

fn new(target: &str, payload: &str) -> New {
    New {
        tenant: "physics".parse().unwrap(),
        kind: "test",
        meeting_id: "m".to_owned(),
        target: target.to_owned(),
        lane: None,
        payload: payload.to_owned(),
        sameness: None,
    }
}

async fn count(outbox: &Outbox, state: CallbackState) -> usize {
    outbox.list(state, None, 100_000).await.unwrap().len()
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    within(WITHIN, what, condition).await;
}

async fn within(time: Duration, what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while !condition().await {
            looks.tick().await;
        }
    };
    assert!(tokio::time::timeout(time, waiting).await.is_ok(), "never: {what}");
}

/// The dead letter's reason, once there is one.
async fn reason(outbox: &Outbox) -> String {
    until("given up", async || count(outbox, CallbackState::Dead).await == 1).await;
    let dead = outbox.list(CallbackState::Dead, None, 1).await.unwrap().remove(0);
    assert!(outbox.remove(&dead.id, None).await.unwrap());
    dead.error.unwrap()
}

#[tokio::test]
async fn what_is_queued_arrives_and_is_gone_from_the_queue() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    let running = desk.start().await;
    let target = receiver.url("/hook?a=1");
    assert_eq!(running.outbox.queue(vec![new(&target, "hello")]).await.unwrap(), [Queued::New]);
    until("arrived", async || receiver.bodies() == ["hello"]).await;
    let head = receiver.heads().remove(0);
    assert!(head.starts_with("POST /hook?a=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", receiver.address)), "{head}");
    assert!(head.contains("idempotency-key: "), "{head}");
    until("gone", async || count(&running.outbox, CallbackState::Queued).await == 0).await;
    assert_eq!(count(&running.outbox, CallbackState::Delivered).await, 0);
    assert_eq!(running.outbox.counters().delivered, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_repetition_is_not_delivered_again_not_even_after_a_restart() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    let target = receiver.url("/");
    let same = New { sameness: Some("end of m".to_owned()), ..new(&target, "end") };
    let running = desk.start().await;
    assert_eq!(running.outbox.queue(vec![same.clone()]).await.unwrap(), [Queued::New]);
    until("arrived", async || count(&running.outbox, CallbackState::Delivered).await == 1).await;
    running.stop().await;
    let running = desk.start().await;
    let second = running.outbox.queue(vec![same, new(&target, "other")]).await.unwrap();
    assert_eq!(second, [Queued::Same, Queued::New]);
    until("the other arrived", async || receiver.bodies() == ["end", "other"]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_gets_everything_after_it() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    let target = receiver.url("/");
    receiver.unplug().await;
    let running = desk.start().await;
    running.outbox.queue((0..20).map(|n| new(&target, &n.to_string())).collect()).await.unwrap();
    let mut passed = 0;
    while passed < HOUR {
        let failed = running.outbox.counters().failed;
        desk.pass(HOUR / 12);
        passed += HOUR / 12;
        running.outbox.wake();
        until("tried", async || {
            let now = desk.now.load(Ordering::SeqCst);
            let waiting = running.outbox.list(CallbackState::Queued, None, 100).await.unwrap();
            waiting.iter().all(|callback| callback.next_at > now)
        })
        .await;
        assert!(passed > HOUR / 2 || running.outbox.counters().failed > failed);
    }
    let waiting = running.outbox.list(CallbackState::Queued, None, 100).await.unwrap();
    assert_eq!(waiting.len(), 20);
    assert!(waiting.iter().all(|callback| (5..20).contains(&callback.attempts)), "{waiting:?}");
    // The process, too, is another one by then.
    running.stop().await;
    receiver.plug_in().await;
    let running = desk.start().await;
    desk.pass(HOUR);
    until("all arrived", async || receiver.bodies().len() == 20).await;
    let bodies: BTreeSet<String> = receiver.bodies().into_iter().collect();
    assert_eq!(bodies.len(), 20);
    running.stop().await;
}

#[tokio::test]
async fn what_never_arrives_becomes_a_dead_letter_that_people_can_send_again() {
    let mut desk = Desk::new();
    desk.bounds.attempts = 3;
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let running = desk.start().await;
    running.outbox.queue(vec![new(&receiver.url("/"), "x")]).await.unwrap();
    for attempt in 1..=3 {
        until("tried", async || receiver.bodies().len() == attempt).await;
        until("recorded", async || running.outbox.counters().failed == attempt as u64).await;
        desk.pass(HOUR);
    }
    let dead = running.outbox.list(CallbackState::Dead, None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].error.as_deref(), Some("the target answered with status 500"));

    receiver.answer(204);
    assert!(running.outbox.retry(&dead[0].id, None).await.unwrap());
    until("arrived", async || receiver.bodies().len() == 4).await;
    until("gone", async || count(&running.outbox, CallbackState::Queued).await == 0).await;
    assert!(!running.outbox.retry(&dead[0].id, None).await.unwrap());
    assert!(!running.outbox.remove(&dead[0].id, None).await.unwrap());
    running.stop().await;
}

#[tokio::test]
async fn callbacks_of_one_lane_arrive_in_order_and_others_pass_them() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    receiver.answer(503);
    let target = receiver.url("/");
    let lane = |n: i32| New { lane: Some("hook".to_owned()), ..new(&target, &n.to_string()) };
    let running = desk.start().await;
    running.outbox.queue((0..30).map(lane).collect()).await.unwrap();
    until("the head was tried", async || running.outbox.counters().failed == 1).await;
    assert_eq!(receiver.bodies(), ["0"]);
    receiver.answer(200);
    running.outbox.queue(vec![new(&target, "free")]).await.unwrap();
    until("it passed", async || receiver.bodies() == ["0", "free"]).await;
    desk.pass(HOUR);
    until("all arrived", async || receiver.bodies().len() == 32).await;
    let wanted: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(receiver.bodies()[2..], wanted);
    running.stop().await;
}

#[tokio::test]
async fn ten_thousand_callbacks_arrive_once_each_and_a_receiver_that_hangs_delays_only_itself() {
    let mut desk = Desk::new();
    desk.bounds.queue = 20_000;
    desk.bounds.taken_per_place = 512;
    desk.bounds.look = Duration::from_millis(500);
    let (receiver, hanging) = (Receiver::start().await, Receiver::start().await);
    hanging.hang();
    // Two processes on one store.
    let (first, second) = (desk.start().await, desk.start().await);
    for batch in 0..10 {
        let mut callbacks: Vec<New> =
            (0..1_000).map(|n| new(&receiver.url("/"), &format!("{batch}-{n}"))).collect();
        callbacks.extend((0..20).map(|_| new(&hanging.url("/"), "hangs")));
        first.outbox.queue(callbacks).await.unwrap();
    }
    let long = Duration::from_secs(50);
    within(long, "all arrived", async || receiver.count() >= 10_000).await;
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 10_000);
    assert_eq!(bodies.into_iter().collect::<BTreeSet<_>>().len(), 10_000);
    assert!(hanging.connections() <= 2 * desk.bounds.per_place * 6, "{}", hanging.connections());
    let delivered = || first.outbox.counters().delivered + second.outbox.counters().delivered;
    until("recorded", async || delivered() == 10_000).await;
    assert!(first.outbox.counters().delivered > 0 && second.outbox.counters().delivered > 0);
    for running in [first, second] {
        running.stop.cancel();
        running.task.abort();
    }
}

#[tokio::test]
async fn what_a_dead_process_had_begun_is_done_when_its_lease_is_over() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    receiver.hang();
    let running = desk.start().await;
    running.outbox.queue(vec![new(&receiver.url("/"), "x")]).await.unwrap();
    until("begun", async || receiver.connections() == 1).await;
    running.task.abort();
    receiver.answer(200);
    let running = desk.start().await;
    running.outbox.wake();
    // Only when the lease is over, by the clock.
    until("looked", async || count(&running.outbox, CallbackState::Queued).await == 1).await;
    assert_eq!(running.outbox.counters().delivered, 0);
    desk.pass(61_000);
    until("arrived", async || running.outbox.counters().delivered == 1).await;
    running.stop().await;
}

#[tokio::test]
async fn the_queue_of_a_tenant_is_bounded_by_kind() {
    let mut desk = Desk::new();
    desk.bounds.queue = 2;
    desk.bounds.payload_bytes = 10;
    let outbox = desk.outbox().await;
    let target = "https://example.org/";
    outbox.queue(vec![new(target, "a"), new(target, "b")]).await.unwrap();
    assert!(matches!(outbox.queue(vec![new(target, "c")]).await, Err(QueueError::Full)));
    let other = New { kind: "other", ..new(target, "d") };
    outbox.queue(vec![other]).await.unwrap();
    let large = outbox.queue(vec![new(target, "more than ten")]).await;
    assert!(matches!(large, Err(QueueError::Large)));
    assert_eq!(outbox.counters().refused, 1);
}

#[tokio::test]
async fn what_need_not_or_cannot_be_sent_is_not() {
    let (desk, receiver) = (Desk::new(), Receiver::start().await);
    let running = desk.start().await;
    let target = receiver.url("/");
    running.outbox.queue(vec![new(&target, "needless"), new(&target, "never")]).await.unwrap();
    assert_eq!(reason(&running.outbox).await, "nobody wants it");
    until("done", async || count(&running.outbox, CallbackState::Queued).await == 0).await;
    receiver.answer(410);
    running.outbox.queue(vec![new(&target, "gone")]).await.unwrap();
    until("told", async || receiver.bodies() == ["gone"]).await;
    until("done", async || count(&running.outbox, CallbackState::Queued).await == 0).await;
    assert_eq!(count(&running.outbox, CallbackState::Dead).await, 0);
    running.stop().await;
}

#[tokio::test]
async fn old_letters_and_memories_are_cleared_away_and_dead_ones_bounded() {
    let mut desk = Desk::new();
    desk.bounds.dead_kept = 2;
    let receiver = Receiver::start().await;
    let target = receiver.url("/");
    let running = desk.start().await;
    for _ in 0..5 {
        running.outbox.queue(vec![new(&target, "never")]).await.unwrap();
    }
    running
        .outbox
        .queue(vec![New { sameness: Some("s".to_owned()), ..new(&target, "x") }])
        .await
        .unwrap();
    until("settled", async || {
        count(&running.outbox, CallbackState::Dead).await == 2
            && count(&running.outbox, CallbackState::Delivered).await == 1
    })
    .await;
    running.stop().await;
    desk.pass(15 * 24 * HOUR);
    let running = desk.start().await;
    until("cleared", async || {
        count(&running.outbox, CallbackState::Dead).await == 0
            && count(&running.outbox, CallbackState::Delivered).await == 0
    })
    .await;
    running.stop().await;
}
