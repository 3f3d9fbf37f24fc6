//! Requests as fast as they are answered, on connections that are kept.

use std::{cell::Cell, time::Instant};

use futures_util::future::{join_all, try_join_all};

use crate::{
    Target,
    client::{Client, Stream},
    print,
    tally::Tally,
    wire::{Request, Wire},
};

pub(crate) async fn run(
    target: &Target,
    connections: usize,
    requests: usize,
) -> Result<(), anyhow::Error> {
    let client = Client::new(target, false, false)?;
    let asked = target.requests()?;
    let connect = || async { Ok::<_, anyhow::Error>(Wire::new(client.connect(target).await?)) };
    let wires = try_join_all((0..connections).map(|_| connect())).await?;
    let next = Cell::new(0);
    let began = Instant::now();
    let workers = wires.into_iter().map(|wire| work(wire, &asked, target.status, &next, requests));
    let tallies = join_all(workers).await;
    print(&Tally::of(tallies, began.elapsed()))
}

/// Asks what is next until so many are asked.
async fn work(
    mut wire: Wire<Stream>,
    asked: &[Request],
    status: u16,
    next: &Cell<usize>,
    requests: usize,
) -> Tally {
    let mut tally = Tally::default();
    while next.get() < requests {
        let index = next.get();
        next.set(index + 1);
        let Some(request) = asked.get(index % asked.len()) else { break };
        let began = Instant::now();
        let result = wire.ask(request, status).await;
        tally.count(began.elapsed(), result);
    }
    tally
}
