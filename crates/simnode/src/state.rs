//! What all parts of a running node share.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::servlet_session,
    callbacks::{Callbacks, News},
    client::ClientFiles,
    clock::Clock,
    fault::Faults,
    meeting::{Meetings, UserKey},
    nginx::RealNginx,
    record::Records,
    recording::{Recording, Recordings},
    service::{RestartError, Services, Unit},
    spool,
    webhooks::Hooks,
};

/// How many ordered outages may wait for the one in progress.
const OUTAGES_WAITING: usize = 4;

/// The state of one node.
#[derive(Debug)]
pub(crate) struct NodeState {
    /// The node's name, as shown in the client.
    pub(crate) name: String,
    /// Its services, each with what its files said at its start.
    pub(crate) services: Services,
    /// The client's files.
    pub(crate) client: Arc<ClientFiles>,
    /// Its STUN server.
    pub(crate) stun_server: SocketAddr,
    /// Requests seen.
    pub(crate) records: Records,
    /// Faults ordered.
    pub(crate) faults: Faults,
    /// What frontends are told.
    pub(crate) callbacks: Callbacks,
    /// The hooks of bbb-webhooks.
    pub(crate) hooks: Hooks,
    /// The time.
    pub(crate) clock: Clock,
    /// Everything that runs for connections; shutdown waits for it.
    pub(crate) tasks: TaskTracker,
    meetings: Mutex<Meetings>,
    /// They lie in files, which no restart takes away.
    recordings: Mutex<Recordings>,
    /// Counts changes of meetings; sockets wait on it.
    changes: watch::Sender<u64>,
    /// Cancelled when the power goes off; replaced when it comes back.
    power: Mutex<CancellationToken>,
    sockets: AtomicU64,
    /// A real web server in front, when there is one.
    nginx: OnceLock<Arc<RealNginx>>,
    /// Outages ordered over HTTP.
    outages: mpsc::Sender<Duration>,
}

impl NodeState {
    /// A node without meetings, under power, the outages it is to suffer, and the
    /// news it is to tell.
    pub(crate) fn new(
        name: String,
        services: Services,
        stun_server: SocketAddr,
        client: Arc<ClientFiles>,
    ) -> (Self, mpsc::Receiver<Duration>, mpsc::Receiver<News>) {
        let (outages, ordered) = mpsc::channel(OUTAGES_WAITING);
        let (callbacks, news) = Callbacks::new();
        let state = Self {
            name,
            services,
            stun_server,
            client,
            records: Records::default(),
            faults: Faults::default(),
            callbacks,
            hooks: Hooks::default(),
            clock: Clock::start(),
            tasks: TaskTracker::new(),
            meetings: Mutex::default(),
            recordings: Mutex::default(),
            changes: watch::Sender::new(0),
            power: Mutex::default(),
            sockets: AtomicU64::new(0),
            nginx: OnceLock::new(),
            outages,
        };
        (state, ordered, news)
    }

    /// Takes note of the nginx that was started for this node.
    pub(crate) fn put_nginx_in_front(&self, nginx: RealNginx) {
        // A node is given one once, when it starts; a second one would stop here.
        drop(self.nginx.set(Arc::new(nginx)));
    }

    /// The real web server in front.
    pub(crate) fn nginx(&self) -> Option<Arc<RealNginx>> {
        self.nginx.get().cloned()
    }

    /// Stops the real web server in front.
    pub(crate) fn stop_nginx(&self) {
        if let Some(nginx) = self.nginx.get() {
            nginx.stop();
        }
    }

    /// Orders an outage; whether there was room for one more.
    pub(crate) fn order_outage(&self, length: Duration) -> bool {
        self.outages.try_send(length).is_ok()
    }

    /// Looks at the meetings.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Meetings) -> T) -> T {
        look(&self.meetings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the meetings; `now` is handed in. Sockets are told.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Meetings, u64) -> T) -> T {
        let mut meetings = self.meetings.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut meetings, self.clock.now());
        let made = meetings.take_made();
        // In the order in which it happened, so before others change anything.
        for happening in meetings.take_happened() {
            self.callbacks.tell(News::Happened(happening));
        }
        let ended = meetings.take_recorded();
        drop(meetings);
        if !ended.is_empty() {
            let now = self.clock.now();
            self.recordings(|recordings| {
                ended
                    .iter()
                    .for_each(|meeting| recordings.insert(Recording::of_ended(meeting, now)));
            });
        }
        if self.services.is_behind_nginx() {
            for presentation in made {
                // What cannot be written nginx does not find: that is seen there.
                drop(spool::write_presentation(self.services.root(), &presentation));
            }
        }
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    /// Looks at recordings, or changes them.
    pub(crate) fn recordings<T>(&self, act: impl FnOnce(&mut Recordings) -> T) -> T {
        act(&mut self.recordings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes at every change of the meetings.
    pub(crate) fn watch_changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The user whom a session token and the request's cookie prove.
    pub(crate) fn authorize(&self, session_token: &str, headers: &HeaderMap) -> Option<UserKey> {
        let lenient = self.services.web().properties.is_true("allowRequestsWithoutSession");
        self.read(|meetings| meetings.authorize(session_token, servlet_session(headers), lenient))
    }

    /// The token that is cancelled when the power goes off.
    pub(crate) fn power(&self) -> CancellationToken {
        self.power.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts a service again. Meetings live in bbb-web and akka.
    pub(crate) fn restart(&self, unit: Unit) -> Result<(), RestartError> {
        if let (Unit::Nginx, Some(nginx)) = (unit, self.nginx()) {
            return Ok(nginx.reload()?);
        }
        let started = self.services.restart(unit);
        if matches!(unit, Unit::Web | Unit::Akka) {
            self.change(|meetings, _| meetings.forget_all());
        }
        Ok(started?)
    }

    /// Cuts everything that runs and forgets all meetings, as a reboot does.
    pub(crate) fn lose_power(&self) {
        self.power().cancel();
        self.change(|meetings, _| meetings.forget_all());
    }

    /// Power is back.
    pub(crate) fn regain_power(&self) {
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
    }

    /// A number for the next socket.
    pub(crate) fn next_socket(&self) -> u64 {
        self.sockets.fetch_add(1, Ordering::Relaxed)
    }
}
