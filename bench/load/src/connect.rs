//! New connections, one request each.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures_util::future::try_join_all;
use rustls::HandshakeKind;
use serde::Serialize;

use crate::{
    Target,
    client::{Client, Sender},
    print,
    spread::Spread,
};

#[derive(Serialize)]
struct Result {
    seconds: f64,
    resumed: usize,
    #[serde(flatten)]
    spread: Spread,
}

pub(crate) async fn run(
    target: &Target,
    connections: usize,
    at_once: usize,
    resume: bool,
) -> std::result::Result<(), anyhow::Error> {
    let client = Client::new(target, false, resume)?;
    if resume {
        // A ticket for each of the first.
        for _ in 0..at_once {
            once(&client, target).await?;
        }
    }
    let left = Cell::new(connections);
    let began = Instant::now();
    let workers = (0..at_once).map(|_| async {
        let mut times: Vec<(Duration, bool)> = Vec::new();
        while left.get() > 0 {
            left.set(left.get() - 1);
            let began = Instant::now();
            let resumed = once(&client, target).await?;
            times.push((began.elapsed(), resumed));
        }
        Ok::<_, anyhow::Error>(times)
    });
    let times = try_join_all(workers).await?.concat();
    let resumed = times.iter().filter(|(_, resumed)| *resumed).count();
    ensure!(!resume || resumed * 10 >= connections * 9, "only {resumed} handshakes were resumed");
    print(&Result {
        seconds: began.elapsed().as_secs_f64(),
        resumed,
        spread: Spread::of(times.into_iter().map(|(time, _)| time).collect()),
    })
}

/// Whether the handshake was resumed.
async fn once(client: &Client, target: &Target) -> std::result::Result<bool, anyhow::Error> {
    let stream = client.connect(target).await?;
    let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
    let mut sender = Sender::on(stream, false).await?;
    sender.get(target, target.paths.first().map_or("/", String::as_str)).await?;
    Ok(resumed)
}
