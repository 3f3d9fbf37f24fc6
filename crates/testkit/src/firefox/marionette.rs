//! The protocol: JSON arrays, each after its length and a colon, over TCP.
//!
//! A command is `[0, id, name, parameters]`, its answer `[1, id, error, result]`. Firefox begins by
//! saying which version it speaks.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// The version that is spoken here.
const VERSION: u64 = 3;

/// The longest message taken, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// A connection; one command at a time.
#[derive(Debug)]
pub(super) struct Marionette {
    stream: Mutex<(u64, BufReader<TcpStream>)>,
}

impl Marionette {
    pub(super) async fn connect(port: u16) -> Result<Self> {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
        let greeting = read(&mut stream).await?;
        ensure!(greeting["marionetteProtocol"] == VERSION, "Firefox speaks {greeting}");
        Ok(Self { stream: Mutex::new((0, stream)) })
    }

    /// Sends a command and gives its result.
    pub(super) async fn call(&self, name: &str, parameters: Value) -> Result<Value> {
        let mut guard = self.stream.lock().await;
        let (last, stream) = &mut *guard;
        *last += 1;
        let message = json!([0, *last, name, parameters]).to_string();
        let framed = format!("{}:{message}", message.len());
        stream.write_all(framed.as_bytes()).await.with_context(|| format!("sending {name}"))?;
        loop {
            let mut answer = read(stream).await.with_context(|| format!("waiting for {name}"))?;
            // What was given up before may still be answered.
            if answer[1] != *last {
                continue;
            }
            if !answer[2].is_null() {
                bail!("{name}: {}: {}", answer[2]["error"], answer[2]["message"]);
            }
            return Ok(answer[3].take());
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Result<Value> {
    let mut length = 0;
    loop {
        match stream.read_u8().await? {
            b':' => break,
            digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
            other => bail!("a length has digits, not {other}"),
        }
        ensure!(length <= LONGEST, "a message of {length} bytes");
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    serde_json::from_slice(&message).context("a message is JSON")
}
