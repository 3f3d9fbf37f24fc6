//! Names that cannot be looked up, and names that move.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bluegate_cluster::Node;
use bluegate_proxy::{Config, FailureKind, Looking, Lookup};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    fake_node::{FakeNode, hello, ok},
    front::{Front, PATIENCE, Setup, node_at},
};

const NAMED: &str = "/named/html5client/a.js";
const WELL: &str = "/well/html5client/a.js";

/// What a name service does just now.
#[derive(Clone, Debug)]
enum Says {
    Addresses(Vec<SocketAddr>),
    /// NXDOMAIN: there is no such name.
    Nothing,
    /// SERVFAIL: ask again later.
    Failure,
    /// Not a word.
    Silence,
}

/// A name service that does as it is told.
#[derive(Debug)]
struct Names {
    says: Mutex<Says>,
    asked: AtomicUsize,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
}

impl Names {
    fn saying(says: Says) -> Arc<Self> {
        let (open, most_open) = Default::default();
        Arc::new(Self { says: Mutex::new(says), asked: AtomicUsize::new(0), open, most_open })
    }

    fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn configure(self: &Arc<Self>, config: &mut Config) {
        config.lookup = Arc::clone(self) as Arc<dyn Lookup>;
        config.connect_timeout = Duration::from_millis(500);
    }
}

impl Lookup for Names {
    fn lookup(&self, host: &str, _port: u16) -> Looking {
        assert_eq!(host, "named.test");
        self.asked.fetch_add(1, SeqCst);
        let (says, open) = (self.says.lock().unwrap().clone(), Arc::clone(&self.open));
        self.most_open.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
        Box::pin(async move {
            let answer = match says {
                Says::Addresses(addresses) => Ok(addresses),
                Says::Nothing => Ok(Vec::new()),
                Says::Failure => Err(io::ErrorKind::Other.into()),
                Says::Silence => std::future::pending().await,
            };
            open.fetch_sub(1, SeqCst);
            answer
        })
    }
}

/// A node without an address: its origin's name is looked up.
fn named(port: u16) -> Node {
    let mut node = node_at("named", "127.0.0.1:1".parse().unwrap(), Some("3.0"));
    node.origin = format!("http://named.test:{port}").parse().unwrap();
    node.address = None;
    node
}

/// A node that ends its connection after each answer, so that each request
/// needs an address.
async fn forgetful(text: &'static str) -> FakeNode {
    FakeNode::start(move |_| ok(text, &[("connection", "close")])).await
}

#[tokio::test]
async fn a_name_service_that_hangs_costs_a_bounded_wait_and_one_question() {
    let (names, well) = (Names::saying(Says::Silence), hello().await);
    let front = Setup::new()
        .add(named(80))
        .mount("well", &well)
        .with(|config| names.configure(config))
        .start()
        .await;
    let ask = || front.get(NAMED);
    let (well, answers) =
        tokio::join!(front.get(WELL), async { tokio::join!(ask(), ask(), ask(), ask()) });
    let (a, b, c, d) = answers;
    assert_eq!([a, b, c, d].map(|answer| answer.status), [StatusCode::GATEWAY_TIMEOUT; 4]);
    assert_eq!(well.status, StatusCode::OK);
    // Left alone by now: no wait, and still only the first question.
    assert_eq!(front.get(NAMED).await.status, StatusCode::BAD_GATEWAY);
    let report = front.proxy.health_report();
    assert_eq!(report.nodes["named"].last_failure, Some(FailureKind::ConnectTimeout));
    assert_eq!((names.asked(), names.most_open.load(SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_name_that_is_missing_at_the_start_stops_nobody_and_is_found_later() {
    for missing in [Says::Nothing, Says::Failure] {
        let (names, well, node) = (Names::saying(missing), hello().await, forgetful("late").await);
        let front = Setup::new()
            .add(named(80))
            .mount("well", &well)
            .with(|config| names.configure(config))
            .start()
            .await;
        assert_eq!(front.get(NAMED).await.status, StatusCode::BAD_GATEWAY);
        assert_eq!(front.get(WELL).await.status, StatusCode::OK);
        let report = front.proxy.health_report();
        assert_eq!(report.nodes["named"].last_failure, Some(FailureKind::Name));
        names.say(Says::Addresses(vec![node.address]));
        until_it_says(&front, "late").await;
    }
}

#[tokio::test]
async fn the_last_good_address_is_used_while_the_name_is_gone() {
    tokio::join!(
        restarts_without_its_name(Says::Nothing),
        restarts_without_its_name(Says::Failure),
        restarts_without_its_name(Says::Silence),
    );
}

async fn restarts_without_its_name(gone: Says) {
    let node = forgetful("first").await;
    let address = node.address;
    let names = Names::saying(Says::Addresses(vec![address]));
    let front = Setup::new().add(named(80)).with(|config| names.configure(config)).start().await;
    assert_eq!(front.get(NAMED).await.body, "first");
    // The node restarts, and its name is gone when it is asked for again.
    names.say(gone);
    drop(node);
    until_asked_again(&front, &names).await;
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 4096]).await);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nback";
            drop(stream.write_all(answer).await);
        }
    });
    until_it_says(&front, "back").await;
}

#[tokio::test]
async fn a_node_that_moved_is_found_at_its_new_address() {
    let old = forgetful("old").await;
    let names = Names::saying(Says::Addresses(vec![old.address]));
    let front = Setup::new().add(named(80)).with(|config| names.configure(config)).start().await;
    assert_eq!(front.get(NAMED).await.body, "old");

    drop(old);
    let new = forgetful("new").await;
    // First its name is gone, then it is there with another address.
    names.say(Says::Failure);
    assert_eq!(front.get(NAMED).await.status, StatusCode::BAD_GATEWAY);
    until_asked_again(&front, &names).await;
    names.say(Says::Addresses(vec![new.address]));
    until_it_says(&front, "new").await;
}

#[tokio::test]
async fn an_address_that_refuses_is_passed_over() {
    let node = forgetful("second").await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody_v6 = SocketAddr::new("::1".parse().unwrap(), node.address.port());
    let names = Names::saying(Says::Addresses(vec![nobody_v6, nobody, node.address]));
    let front = Setup::new().add(named(80)).with(|config| names.configure(config)).start().await;
    assert_eq!(front.get(NAMED).await.body, "second");
}

async fn until_it_says(front: &Front, text: &str) {
    let asking = async {
        while front.get(NAMED).await.body != text {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it to be found");
}

async fn until_asked_again(front: &Front, names: &Names) {
    let asked = names.asked();
    let asking = async {
        while names.asked() == asked {
            front.get(NAMED).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("another question");
}
