//! What a node tells frontends by calling their URLs.
//!
//! A queue takes what happened in meetings, and [`run`] tells it on: `bbb-web`'s
//! two calls at a meeting's end ([`ended`]), the scripts' about a published
//! recording ([`ready`]) and about what people did ([`analytics`]), and
//! [`webhooks`]. What was sent is kept for tests to look at.

mod analytics;
mod ended;
mod ready;
mod send;
mod token;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub(crate) use ready::RecordingReady;

use crate::{meeting::Happening, state::NodeState, webhooks};

/// How many callbacks are remembered; older ones are forgotten.
pub const CALLBACKS_KEPT: usize = 20_000;

/// How much news may wait to be told; what comes on top is not told.
const NEWS_WAITING: usize = 20_000;

/// How many requests to frontends are under way at a time; others wait.
const SENDING_AT_ONCE: usize = 32;

/// Between the attempts of `bbb-web` to tell that a meeting has ended; after the
/// last one it is dropped.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// Which callback it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallbackKind {
    /// `meetingEndedURL`.
    MeetingEnded,
    /// `meta_endCallbackUrl`.
    End,
    /// `meta_bbb-recording-ready-url`.
    RecordingReady,
    /// `meta_analytics-callback-url`.
    Analytics,
    /// An event for a hook of bbb-webhooks.
    Webhook,
}

/// One request of a node to a frontend, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callback {
    /// Which callback.
    pub kind: CallbackKind,
    /// The method.
    pub method: &'static str,
    /// Where it went, with all that was appended.
    pub url: String,
    /// The headers that say something: names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// The status that came back; `None` when no answer came.
    pub status: Option<u16>,
}

/// What is to be told.
#[derive(Debug)]
pub(crate) enum News {
    /// Something happened in a meeting.
    Happened(Happening),
    /// A format of a recording was published.
    RecordingReady(RecordingReady),
}

/// The node's callbacks: a queue of news, and what was sent.
#[derive(Debug)]
pub(crate) struct Callbacks {
    news: mpsc::Sender<News>,
    sent: Mutex<VecDeque<Callback>>,
    sending: Semaphore,
}

impl Callbacks {
    /// Callbacks, and the news that [`run`] is to tell.
    pub(crate) fn new() -> (Self, mpsc::Receiver<News>) {
        let (news, waiting) = mpsc::channel(NEWS_WAITING);
        let sending = Semaphore::new(SENDING_AT_ONCE);
        (Self { news, sent: Mutex::default(), sending }, waiting)
    }

    /// Takes news; whether there was room for it.
    pub(crate) fn tell(&self, news: News) -> bool {
        self.news.try_send(news).is_ok()
    }

    /// What was sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<Callback> {
        self.lock().iter().cloned().collect()
    }

    /// How much of it is remembered.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Callback>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, callback: Callback) {
        let mut sent = self.lock();
        if sent.len() >= CALLBACKS_KEPT {
            sent.pop_front();
        }
        sent.push_back(callback);
    }
}

/// Sends a callback once and keeps it; the status that came back. A node without
/// power sends nothing.
pub(crate) async fn send_once(node: &NodeState, mut callback: Callback) -> Option<u16> {
    let Ok(_permit) = node.callbacks.sending.acquire().await else { return None };
    let sending = send::send(&callback);
    callback.status = node.power().run_until_cancelled_owned(sending).await.flatten();
    let status = callback.status;
    node.callbacks.keep(callback);
    status
}

/// Tells news until `stop`.
pub(crate) async fn run(
    node: Arc<NodeState>,
    mut news: mpsc::Receiver<News>,
    stop: CancellationToken,
) {
    let mut lanes = webhooks::Lanes::new(Arc::clone(&node), stop.clone());
    while let Some(news) = news.recv().await {
        match news {
            News::Happened(happening) => {
                lanes.tell(&happening);
                if let Happening::Ended(meeting) = happening {
                    for callback in ended::callbacks(&meeting) {
                        in_background(&node, &stop, insistently(Arc::clone(&node), callback));
                    }
                    let analytics = analytics::callback(&node, &meeting);
                    in_background(&node, &stop, once(Arc::clone(&node), analytics));
                }
            }
            News::RecordingReady(ready) => {
                let callback = ready.callback(&node.services.web().secret);
                in_background(&node, &stop, once(Arc::clone(&node), Some(callback)));
            }
        }
    }
}

fn in_background(
    node: &NodeState,
    stop: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) {
    node.tasks.spawn(stop.clone().run_until_cancelled_owned(work));
}

/// The scripts try once.
async fn once(node: Arc<NodeState>, callback: Option<Callback>) {
    if let Some(callback) = callback {
        send_once(&node, callback).await;
    }
}

/// `bbb-web` tries five times, unless it is restarted meanwhile.
async fn insistently(node: Arc<NodeState>, callback: Callback) {
    let power = node.power();
    let mut pauses = PAUSES.into_iter();
    while !send::is_success(send_once(&node, callback.clone()).await) {
        let Some(pause) = pauses.next() else { return };
        if power.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}
