//! Connections that stay.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::{
    Target,
    client::{Client, Sender},
    print,
};

/// Handshakes at once.
const AT_ONCE: usize = 64;

#[derive(Serialize)]
struct Result {
    open: usize,
}

pub(crate) async fn run(
    target: &Target,
    connections: usize,
    http2: bool,
) -> std::result::Result<(), anyhow::Error> {
    let client = Client::new(target, http2, false)?;
    let path = target.paths.first().map_or("/", String::as_str);
    let open: Vec<Sender> = stream::iter(0..connections)
        .map(|_| async {
            let mut sender = Sender::on(client.connect(target).await?, http2).await?;
            sender.get(target, path).await?;
            Ok::<_, anyhow::Error>(sender)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    print(&Result { open: open.len() })?;
    // The connections' tasks go on meanwhile.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    drop(open);
    Ok(())
}
