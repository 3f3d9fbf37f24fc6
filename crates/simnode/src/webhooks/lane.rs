//! Sending events: for each hook in order, one at a time, again and again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Hook,
    event::{Event, events},
};
use crate::{
    callbacks::{Callback, CallbackKind, send_once},
    checksum::Algorithm,
    effective::Webhooks,
    meeting::Happening,
    query::{encode, encode_as_java},
    state::NodeState,
};

/// Events that may wait for one hook; what comes on top is lost.
const EVENTS_WAITING: usize = 10_000;

/// Between attempts, in milliseconds; after the last one the hook is removed.
const PAUSES: [u64; 12] =
    [100, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 30_000, 60_000, 60_000, 60_000, 60_000];

/// An event on its way: its text and when it was told.
struct Told {
    event: Value,
    timestamp: u64,
}

/// The queues of all hooks.
pub(crate) struct Lanes {
    node: Arc<NodeState>,
    stop: CancellationToken,
    lanes: HashMap<String, mpsc::Sender<Told>>,
}

impl Lanes {
    /// No queues yet: each is made with the first event for its hook.
    pub(crate) fn new(node: Arc<NodeState>, stop: CancellationToken) -> Self {
        Self { node, stop, lanes: HashMap::new() }
    }

    /// Queues what happened for every hook that wants it.
    pub(crate) fn tell(&mut self, happening: &Happening) {
        let hooks = self.node.hooks.all();
        self.lanes.retain(|id, _| hooks.iter().any(|hook| hook.id == *id));
        if hooks.is_empty() {
            return;
        }
        let third = self.node.services.release.has_webhooks_3();
        for event in events(happening, self.node.clock.now(), third) {
            for hook in hooks.iter().filter(|hook| hook.wants(&event)) {
                let told = Told {
                    event: if hook.raw { event.raw.clone() } else { event.mapped.clone() },
                    timestamp: self.node.clock.now(),
                };
                // A full queue loses the event.
                drop(self.lane(hook).try_send(told));
            }
        }
    }

    fn lane(&mut self, hook: &Hook) -> &mpsc::Sender<Told> {
        self.lanes.entry(hook.id.clone()).or_insert_with(|| {
            let (sender, told) = mpsc::channel(EVENTS_WAITING);
            let work = deliver(Arc::clone(&self.node), hook.clone(), told);
            self.node.tasks.spawn(self.stop.clone().run_until_cancelled_owned(work));
            sender
        })
    }
}

impl Hook {
    /// Whether the hook hears of an event. With a list of events, it is looked up
    /// in what is sent, and BBB's own messages have no such name.
    fn wants(&self, event: &Event) -> bool {
        let has_name = !self.raw || event.raw.get("data").is_some();
        let listed = self
            .event_ids
            .as_ref()
            .is_none_or(|ids| has_name && ids.iter().any(|id| id == event.id));
        listed && self.meeting_id.as_ref().is_none_or(|bound| *bound == event.meeting_id)
    }
}

async fn deliver(node: Arc<NodeState>, hook: Hook, mut events: mpsc::Receiver<Told>) {
    while let Some(told) = events.recv().await {
        let mut pauses = PAUSES.into_iter();
        loop {
            let Some(config) = node.services.webhooks() else { return };
            let callback = callback(&node, &config, &hook, &told);
            let status = send_once(&node, callback).await;
            // A receiver that refuses has been reached.
            if status.is_some_and(|status| (200..300).contains(&status) || status == 401) {
                break;
            }
            let Some(pause) = pauses.next() else {
                node.hooks.remove(&hook.id);
                return;
            };
            sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// The POST: 3.x signs its body as it is sent, 2.x the JSON of what is in it.
fn callback(node: &NodeState, config: &Webhooks, hook: &Hook, told: &Told) -> Callback {
    let event = format!("[{}]", told.event);
    let (domain, timestamp) = (&config.domain, told.timestamp);
    let (body, signed) = if node.services.release.has_webhooks_3() {
        let (event, domain) = (encode_as_java(&event), encode_as_java(domain));
        let body = format!("domain={domain}&event={event}&timestamp={timestamp}");
        (body.clone(), body)
    } else {
        let signed = format!(
            r#"{{"event":{},"timestamp":{timestamp},"domain":{}}}"#,
            json!(event),
            json!(domain)
        );
        let (event, domain) = (encode(&event), encode(domain));
        (format!("event={event}&timestamp={timestamp}&domain={domain}"), signed)
    };
    let mut headers =
        vec![("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned())];
    let mut url = hook.callback_url.clone();
    if config.bearer {
        headers.push(("authorization", format!("Bearer {}", config.secret)));
    } else {
        let checksum = Algorithm::Sha1.hex(&format!("{url}{signed}{}", config.secret));
        let joint = if url.contains('?') { '&' } else { '?' };
        url += &format!("{joint}checksum={checksum}");
    }
    Callback { kind: CallbackKind::Webhook, method: "POST", url, headers, body, status: None }
}
