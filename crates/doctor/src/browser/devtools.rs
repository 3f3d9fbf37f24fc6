//! Steering Chromium: JSON messages over a WebSocket on loopback.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message},
};

/// The longest a call waits for its answer.
const ANSWER: Duration = Duration::from_secs(15);
/// Events that came while a call waited; older ones are dropped.
const MAX_WAITING: usize = 4096;

/// A connection to a browser.
pub(super) struct Devtools {
    socket: WebSocketStream<TcpStream>,
    calls: u64,
    waiting: VecDeque<Value>,
}

/// Why a browser does not do what it is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevtoolsError {
    #[error("`{0}` is no address of a browser")]
    Address(String),
    #[error("no connection to the browser")]
    Connect(#[source] std::io::Error),
    #[error("the connection to the browser broke")]
    Socket(#[from] tungstenite::Error),
    #[error("the browser has gone")]
    Gone,
    #[error("the browser does not answer `{0}`")]
    Silent(String),
    #[error("the browser refuses `{call}`: {why}")]
    Refused { call: String, why: String },
}

impl Devtools {
    /// Connects to the address that the browser printed.
    pub(super) async fn open(address: &str) -> Result<Self, DevtoolsError> {
        let bad = || DevtoolsError::Address(address.to_owned());
        let rest = address.strip_prefix("ws://").ok_or_else(bad)?;
        let (place, _) = rest.split_once('/').ok_or_else(bad)?;
        let stream = TcpStream::connect(place).await.map_err(DevtoolsError::Connect)?;
        let (socket, _) = client_async(address, stream).await?;
        Ok(Self { socket, calls: 0, waiting: VecDeque::new() })
    }

    /// Tells it something and gives its answer.
    pub(super) async fn call(
        &mut self,
        method: &str,
        parameters: Value,
        session: Option<&str>,
    ) -> Result<Value, DevtoolsError> {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = Value::from(session);
        }
        self.socket.send(Message::text(message.to_string())).await?;
        let answered = timeout(ANSWER, async {
            loop {
                let mut message = self.next().await?;
                if message["id"] == id {
                    if let Some(why) = message.pointer("/error/message").and_then(Value::as_str) {
                        let (call, why) = (method.to_owned(), why.to_owned());
                        return Err(DevtoolsError::Refused { call, why });
                    }
                    return Ok(message["result"].take());
                }
                if self.waiting.len() >= MAX_WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(message);
            }
        });
        answered.await.unwrap_or_else(|_| Err(DevtoolsError::Silent(method.to_owned())))
    }

    /// The next thing that happened.
    pub(super) async fn event(&mut self) -> Result<Value, DevtoolsError> {
        match self.waiting.pop_front() {
            Some(event) => Ok(event),
            None => self.next().await,
        }
    }

    async fn next(&mut self) -> Result<Value, DevtoolsError> {
        loop {
            match self.socket.next().await.ok_or(DevtoolsError::Gone)?? {
                Message::Text(text) => {
                    if let Ok(message) = serde_json::from_str(&text) {
                        return Ok(message);
                    }
                }
                Message::Close(_) => return Err(DevtoolsError::Gone),
                _ => {}
            }
        }
    }
}
