//! New connections, one request each.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    Target,
    client::{Client, is_resumed},
    print,
    tally::{Tallied, Tally},
    wire::{Request, Wire},
};

#[derive(Serialize)]
struct Outcome {
    resumed: usize,
    #[serde(flatten)]
    tallied: Tallied,
}

pub(crate) async fn run(
    target: &Target,
    connections: usize,
    at_once: usize,
    resume: bool,
) -> Result<(), anyhow::Error> {
    let client = Client::new(target, false, resume)?;
    let asked = target.requests()?;
    if resume {
        // A ticket for each of the first.
        for request in asked.iter().cycle().take(at_once) {
            once(&client, target, request).await?;
        }
    }
    let (next, resumed) = (Cell::new(0), Cell::new(0));
    let began = Instant::now();
    let workers = (0..at_once).map(|_| async {
        let mut tally = Tally::default();
        while next.get() < connections {
            let index = next.get();
            next.set(index + 1);
            let Some(request) = asked.get(index % asked.len()) else { break };
            let began = Instant::now();
            let result = once(&client, target, request).await;
            let took: Duration = began.elapsed();
            let result = result.map(|was| resumed.set(resumed.get() + usize::from(was)));
            tally.count(took, result);
        }
        tally
    });
    let tallies = join_all(workers).await;
    let resumed = resumed.get();
    ensure!(!resume || resumed * 10 >= connections * 9, "only {resumed} handshakes were resumed");
    print(&Outcome { resumed, tallied: Tally::of(tallies, began.elapsed()) })
}

/// Whether the handshake was resumed.
async fn once(client: &Client, target: &Target, request: &Request) -> Result<bool, anyhow::Error> {
    let stream = client.connect(target).await?;
    let resumed = is_resumed(&stream);
    Wire::new(stream).ask(request, target.status).await?;
    Ok(resumed)
}
