//! Requests at a fixed rate, whatever the server does: an open loop.
//!
//! A closed loop waits for each answer before it asks again, so a server that
//! hangs for a second is asked once in that second, and its answers look fast.
//! Here each request is due at a time of its own, and what it takes counts from
//! then, waiting for a connection included.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use crate::{
    Target,
    client::{Client, Stream},
    print,
    spread::Spread,
    tally::{Tallied, Tally},
    wire::{Request, Wire},
};

/// Longer than the load takes to set itself up.
const HEAD_START: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    tallied: Tallied,
    /// How late requests were begun: what the load itself adds to their times,
    /// because it is busy or has no connection left.
    late: Spread,
}

/// A request that is due.
struct Due {
    index: usize,
    at: Instant,
}

pub(crate) async fn run(
    target: &Target,
    rate: u32,
    during: Duration,
    connections: usize,
    new: bool,
) -> Result<(), anyhow::Error> {
    let client = Client::new(target, false, false)?;
    let asked = target.requests()?;
    let count = u32::try_from((during * rate).as_secs()).unwrap_or(u32::MAX);
    // Room for all: the clock never waits for the server.
    let (sender, receiver) = mpsc::channel(count.max(1) as usize);
    let receiver = Mutex::new(receiver);
    let late = RefCell::default();
    let ask = Asking { client: &client, target, asked: &asked, new, late: &late };
    let mut wires = Vec::new();
    for _ in 0..if new { 0 } else { connections } {
        wires.push(Wire::new(client.connect(target).await?));
    }
    if new {
        // The first handshake of a process gathers entropy, for tens of milliseconds in
        // which hundreds of others would become due.
        client.connect(target).await?;
    }
    let began = Instant::now() + HEAD_START;
    let clock = std::thread::spawn(move || keep_time(&sender, began, rate, count));
    let mut wires = wires.into_iter();
    let workers = (0..connections).map(|_| ask.work(wires.next(), &receiver));
    let tallies = join_all(workers).await;
    let took = began.elapsed();
    clock.join().expect("the clock does not panic");
    print(&Outcome { tallied: Tally::of(tallies, took), late: Spread::of(late.take()) })
}

/// Says when each request is due. A thread of its own: the runtime's timer is
/// only as fine as a millisecond.
#[expect(clippy::disallowed_methods, reason = "a thread that does nothing else")]
fn keep_time(sender: &mpsc::Sender<Due>, began: Instant, rate: u32, count: u32) {
    for index in 0..count {
        let at = began + Duration::from_secs(1) * index / rate;
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if sender.try_send(Due { index: index as usize, at }).is_err() {
            return;
        }
    }
}

struct Asking<'a> {
    client: &'a Client,
    target: &'a Target,
    asked: &'a [Request],
    new: bool,
    late: &'a RefCell<Vec<Duration>>,
}

impl Asking<'_> {
    /// Asks what is due, one after the other.
    async fn work(
        &self,
        mut wire: Option<Wire<Stream>>,
        queue: &Mutex<mpsc::Receiver<Due>>,
    ) -> Tally {
        let mut tally = Tally::default();
        loop {
            let due = queue.lock().await.recv().await;
            let Some(Due { index, at }) = due else { return tally };
            self.late.borrow_mut().push(at.elapsed());
            let Some(request) = self.asked.get(index % self.asked.len()) else { return tally };
            let kept = wire.take().filter(|_| !self.new);
            let result = async {
                let mut wire = match kept {
                    Some(wire) => wire,
                    None => Wire::new(self.client.connect(self.target).await?),
                };
                wire.ask(request, self.target.status).await?;
                Ok(wire)
            };
            let result: Result<_, anyhow::Error> = result.await;
            let took = at.elapsed();
            let result = result.map(|asked| wire = Some(asked).filter(|_| !self.new));
            tally.count(took, result);
        }
    }
}
