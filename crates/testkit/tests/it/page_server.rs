//! A server of one page, on any name that leads to it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PAGE: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Devices</title><link rel="icon" href="data:,">
<body style="font: 16px sans-serif; padding: 0 2rem">
<h1>Devices</h1>
<button id="microphone">Microphone</button> <button id="camera">Camera</button>
<button id="tab">New tab</button> <p id="result">nothing yet</p>
<script>
  const use = (name, wanted) => document.getElementById(name).addEventListener("click", async () => {
    const before = (await navigator.permissions.query({ name })).state;
    const begun = performance.now();
    const data = document.body.dataset;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      Object.assign(data, { state: "ok", before, took: performance.now() - begun,
        label: stream.getTracks()[0].label });
    } catch (error) {
      Object.assign(data, { state: "failed", before, label: String(error) });
    }
    result.textContent = JSON.stringify(data);
    console.log("used", name);
  });
  use("microphone", { audio: true });
  use("camera", { video: true });
  tab.addEventListener("click", () => window.open("/?second"));
</script>"#;

/// The largest request read.
const LARGEST_REQUEST: usize = 16 * 1024;

/// A running server; it ends when dropped.
pub(crate) struct PageServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl PageServer {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Ok(Self { address, task })
    }

    /// The page's address under a name of its own.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("http://{name}.cluster.localhost:{}/", self.address.port())
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if request.len() > LARGEST_REQUEST || stream.read_buf(&mut request).await.unwrap_or(0) == 0
        {
            return;
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        PAGE.len()
    );
    drop(stream.write_all(format!("{head}{PAGE}").as_bytes()).await);
}
