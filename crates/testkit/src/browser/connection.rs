//! One WebSocket to the browser, shared by all pages: commands out, answers and events in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::events;
use super::records::Records;

/// How long the browser may take for any one command.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Commands on their way to the browser.
const COMMAND_QUEUE: usize = 256;

/// The largest message read: a screenshot of a large page is one.
const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answer = Result<Value, String>;

/// The connection and what came in over it.
#[derive(Debug)]
pub(super) struct Connection {
    commands: mpsc::Sender<Command>,
    records: Arc<Mutex<Records>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Command {
    session: Option<String>,
    method: String,
    parameters: Value,
    answer: oneshot::Sender<Answer>,
}

impl Connection {
    /// Connects to the address that the browser has told.
    pub(super) async fn open(address: &str) -> Result<Arc<Self>> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let (socket, _) = connect_async_with_config(address, Some(config), true)
            .await
            .context("cannot connect to the browser")?;
        let (commands, queue) = mpsc::channel(COMMAND_QUEUE);
        let records = Arc::new(Mutex::new(Records::default()));
        let task = tokio::spawn(run(socket, queue, Arc::clone(&records)));
        Ok(Arc::new(Self { commands, records, task }))
    }

    /// Has every page, those opened later included, watched from before its first request.
    pub(super) async fn watch_pages(&self) -> Result<()> {
        let filter = json!([{ "type": "page" }, { "exclude": true }]);
        let parameters = json!({
            "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": filter,
        });
        self.call("Target.setAutoAttach", parameters).await?;
        Ok(())
    }

    /// Sends a command to the browser itself.
    pub(super) async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.send(None, method, parameters).await
    }

    /// Sends a command to a page.
    pub(super) async fn call_page(
        &self,
        session: &str,
        method: &str,
        parameters: Value,
    ) -> Result<Value> {
        self.send(Some(session.to_owned()), method, parameters).await
    }

    async fn send(
        &self,
        session: Option<String>,
        method: &str,
        parameters: Value,
    ) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        let command = Command { session, method: method.to_owned(), parameters, answer };
        let exchange = async {
            self.commands.send(command).await.map_err(|_| anyhow!("the browser is gone"))?;
            answered.await.map_err(|_| anyhow!("the browser is gone"))
        };
        match tokio::time::timeout(CALL_LIMIT, exchange).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(message))) => bail!("{method}: {message}"),
            Ok(Err(error)) => Err(error.context(method.to_owned())),
            Err(_) => bail!("{method}: no answer within {CALL_LIMIT:?}"),
        }
    }

    /// What was seen so far.
    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut socket: Socket, mut queue: mpsc::Receiver<Command>, records: Arc<Mutex<Records>>) {
    let mut waiting: HashMap<u64, oneshot::Sender<Answer>> = HashMap::new();
    let mut last = 0_u64;
    loop {
        let outgoing: Vec<Value> = tokio::select! {
            command = queue.recv() => {
                let Some(command) = command else { return };
                last += 1;
                waiting.insert(last, command.answer);
                vec![message(last, command.session, &command.method, &command.parameters)]
            }
            incoming = socket.next() => {
                let Some(Ok(incoming)) = incoming else { return };
                let Message::Text(text) = incoming else { continue };
                let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                match value["id"].as_u64() {
                    Some(id) => {
                        // The answers to our own follow-up commands have nobody waiting.
                        if let Some(waiter) = waiting.remove(&id) {
                            drop(waiter.send(answer(value)));
                        }
                        Vec::new()
                    }
                    None => {
                        let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                        let follow_up = events::take(&mut records, &value);
                        follow_up
                            .into_iter()
                            .map(|(session, method, parameters)| {
                                last += 1;
                                message(last, Some(session), method, &parameters)
                            })
                            .collect()
                    }
                }
            }
        };
        for value in outgoing {
            if socket.send(Message::text(value.to_string())).await.is_err() {
                return;
            }
        }
    }
}

fn message(id: u64, session: Option<String>, method: &str, parameters: &Value) -> Value {
    let mut value = json!({ "id": id, "method": method, "params": parameters });
    if let Some(session) = session {
        value["sessionId"] = Value::String(session);
    }
    value
}

fn answer(mut value: Value) -> Answer {
    match value.get("error") {
        Some(error) => Err(error["message"].as_str().unwrap_or("an error").to_owned()),
        None => Ok(value["result"].take()),
    }
}
