//! Browsers that all come at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
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
    errors: usize,
    bytes: u64,
    /// Of the time until a browser has all.
    #[serde(flatten)]
    spread: Spread,
    /// The first error.
    error: Option<String>,
}

#[derive(Default)]
struct Browser {
    time: Duration,
    bytes: u64,
    errors: Vec<anyhow::Error>,
}

pub(crate) async fn run(
    target: &Target,
    connections: usize,
) -> std::result::Result<(), anyhow::Error> {
    let client = Client::new(target, true, false)?;
    let began = Instant::now();
    let browsers = join_all((0..connections).map(|_| browse(&client, target, began))).await;
    let seconds = began.elapsed().as_secs_f64();
    let times = browsers.iter().map(|browser| browser.time).collect();
    let bytes = browsers.iter().map(|browser| browser.bytes).sum();
    let errors: Vec<_> = browsers.into_iter().flat_map(|browser| browser.errors).collect();
    let error = errors.first().map(|error| format!("{error:#}"));
    print(&Result { seconds, errors: errors.len(), bytes, spread: Spread::of(times), error })
}

async fn browse(client: &Client, target: &Target, began: Instant) -> Browser {
    let mut browser = Browser::default();
    let sender = async { Sender::on(client.connect(target).await?, true).await };
    match sender.await {
        Ok(Sender::Two(sender)) => {
            let asked = target.paths.iter().map(|path| {
                let mut sender = Sender::Two(sender.clone());
                async move { sender.get(target, path).await }
            });
            for answer in join_all(asked).await {
                match answer {
                    Ok(bytes) => browser.bytes += bytes,
                    Err(error) => browser.errors.push(error),
                }
            }
        }
        Ok(Sender::One(_)) => {}
        Err(error) => browser.errors.push(error),
    }
    browser.time = began.elapsed();
    browser
}
