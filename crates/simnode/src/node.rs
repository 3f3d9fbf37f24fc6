//! Starting, watching and stopping a simulated node.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backend::BackEnds,
    callbacks::{self, Callback, News, RecordingReady},
    client::ClientFiles,
    effective::ReadError,
    fault::Faults,
    handler::Listening,
    meeting::{Happening, MeetingSummary},
    nginx::{Certificate, NginxError, RealNginx},
    record::Record,
    recording::Recording,
    server::{self, Port},
    service::{RestartError, Services, Unit},
    spool::{self, SpoolError},
    state::NodeState,
    stun::StunServer,
};

/// How often meetings are looked at for their end.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long [`SimNode::shutdown`] waits for what it has cut.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a node is started. Origin, secret and release are not here: the node
/// knows them from its files alone, as a real one does.
#[derive(Debug)]
pub struct Settings {
    /// The node's name, shown in its client.
    pub name: String,
    /// The folder that stands for `/`.
    pub root: PathBuf,
    /// The port it serves.
    pub listener: std::net::TcpListener,
    /// TLS, unless it is served in the clear.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whether the client drops the port of its page when it looks for the API,
    /// as the real 3.x client does (which then cannot work on other ports).
    pub strict: bool,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration files cannot be used.
    #[error("cannot start the simulated node from its files")]
    Files(#[from] ReadError),
    /// nginx does not start.
    #[error("cannot start nginx for the simulated node")]
    Nginx(#[from] NginxError),
    /// A file that nginx is to serve cannot be written.
    #[error("cannot write the files that nginx serves")]
    Spool(#[from] SpoolError),
    /// The runtime ended meanwhile.
    #[error("the runtime is stopping")]
    Stopped,
    /// The listener cannot be used.
    #[error("cannot use the listener")]
    Listener(#[source] io::Error),
}

/// Why a node could not be switched on again.
#[derive(Debug, thiserror::Error)]
pub enum PowerOnError {
    /// Somebody else took a port meanwhile.
    #[error("cannot listen on {address} again")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// nginx does not start again.
    #[error("nginx does not start again")]
    Nginx(#[source] NginxError),
}

/// A running node. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct SimNode {
    state: Arc<NodeState>,
    ports: Vec<Arc<Port>>,
    stop: CancellationToken,
}

/// How a node with a real nginx is started. Its files were written by
/// [`install_with_ports`](crate::install_with_ports) for the ports of `back_ends`
/// and an origin whose port is that of `address`.
#[derive(Debug)]
pub struct NginxSettings {
    /// The node's services.
    pub services: BackEndSettings,
    /// Where nginx listens, as its site file says.
    pub address: SocketAddr,
    /// A folder for nginx's logs and the like, outside the node's root.
    pub run: PathBuf,
    /// The certificate, when the node's origin is HTTPS.
    pub certificate: Option<Certificate>,
}

/// How the services of a node are started behind a real nginx.
#[derive(Debug)]
pub struct BackEndSettings {
    /// The node's name, shown in its client.
    pub name: String,
    /// The folder that stands for `/`.
    pub root: PathBuf,
    /// Where the services listen.
    pub back_ends: BackEnds,
    /// As in [`Settings`].
    pub strict: bool,
}

/// Starts a node inside the running tokio runtime.
///
/// # Errors
///
/// When its files are such that a real node's services would not start.
pub async fn start(settings: Settings) -> Result<SimNode, StartError> {
    let services = Services::start(settings.root)?;
    let listeners = vec![(Listening::Front, settings.listener)];
    run(settings.name, services, listeners, settings.tls, settings.strict).await
}

/// Starts the services of a node without anything in front of them. The client's
/// files and those of presentations are written below the root, for nginx to serve.
///
/// # Errors
///
/// When its files are such that a real node's services would not start, or when
/// files cannot be written.
pub async fn start_back_ends(settings: BackEndSettings) -> Result<SimNode, StartError> {
    let services = Services::start_behind_nginx(settings.root)?;
    let listeners = settings.back_ends.into_listeners();
    let listeners =
        listeners.map(|(back_end, listener)| (Listening::Behind(back_end), listener)).collect();
    run(settings.name, services, listeners, None, settings.strict).await
}

/// Starts a node whose web server is this machine's nginx.
///
/// # Errors
///
/// As [`start_back_ends`], and when nginx is missing or refuses its files.
pub async fn start_with_nginx(settings: NginxSettings) -> Result<SimNode, StartError> {
    let NginxSettings { services, address, run, certificate } = settings;
    let root = services.root.clone();
    let node = start_back_ends(services).await?;
    let started = tokio::task::spawn_blocking(move || {
        RealNginx::start(&root, &run, address, certificate.as_ref())
    });
    let nginx = started.await.map_err(|_| StartError::Stopped)??;
    node.state.put_nginx_in_front(nginx);
    Ok(node)
}

async fn run(
    name: String,
    services: Services,
    listeners: Vec<(Listening, std::net::TcpListener)>,
    tls: Option<Arc<rustls::ServerConfig>>,
    strict: bool,
) -> Result<SimNode, StartError> {
    let ports: Vec<(Listening, Arc<Port>)> = listeners
        .into_iter()
        .map(|(listening, listener)| Ok((listening, Arc::new(Port::new(listener)?))))
        .collect::<io::Result<_>>()
        .map_err(StartError::Listener)?;
    let client = ClientFiles::shared(&services.release, strict);
    let stun = StunServer::bind().await.map_err(StartError::Listener)?;
    if services.is_behind_nginx() {
        let (client, root) = (Arc::clone(&client), services.root().to_owned());
        let meteor = services.release.has_meteor();
        // Making them takes seconds of a processor.
        let written =
            tokio::task::spawn_blocking(move || spool::write_client(&client, &root, meteor));
        written.await.map_err(|_| StartError::Stopped)??;
    }
    let (state, outages, news) = NodeState::new(name, services, stun.address(), client);
    let state = Arc::new(state);
    let stop = CancellationToken::new();
    let tasks = state.tasks.clone();
    for (listening, port) in &ports {
        tasks.spawn(server::serve(
            Arc::clone(&state),
            *listening,
            Arc::clone(port),
            tls.clone(),
            stop.clone(),
        ));
    }
    let ports: Vec<Arc<Port>> = ports.into_iter().map(|(_, port)| port).collect();
    let telling = callbacks::run(Arc::clone(&state), news, stop.clone());
    tasks.spawn(stop.clone().run_until_cancelled_owned(telling));
    tasks.spawn(stop.clone().run_until_cancelled_owned(stun.run()));
    tasks.spawn(stop.clone().run_until_cancelled_owned(end_meetings(Arc::clone(&state))));
    tasks.spawn(stop.clone().run_until_cancelled_owned(suffer_outages(
        Arc::clone(&state),
        ports.clone(),
        outages,
    )));
    Ok(SimNode { state, ports, stop })
}

impl SimNode {
    /// Where browsers reach the node.
    pub fn address(&self) -> SocketAddr {
        match self.state.nginx() {
            Some(nginx) => nginx.address(),
            None => self.control_address(),
        }
    }

    /// Where `/_simnode/` is: the node's only port, or that of `bbb-web` behind an
    /// nginx, which shows it to nobody.
    pub fn control_address(&self) -> SocketAddr {
        self.ports.first().map(|port| port.address()).expect("a node has at least one port")
    }

    /// The last requests, oldest first; see [`RECORDS_KEPT`](crate::RECORDS_KEPT).
    pub fn records(&self) -> Vec<Record> {
        self.state.records.all()
    }

    /// The running meetings.
    pub fn meetings(&self) -> Vec<MeetingSummary> {
        self.state.read(|meetings| meetings.iter().map(MeetingSummary::of).collect())
    }

    /// Adds a recording, as if its meeting had taken place here.
    pub fn add_recording(&self, recording: Recording) {
        self.state.recordings(|recordings| recordings.insert(recording));
    }

    /// The recordings that are kept, deleted ones too, by record ID.
    pub fn recordings(&self) -> Vec<Recording> {
        self.state.recordings(|recordings| recordings.all().cloned().collect())
    }

    /// Deletes a recording's files by hand: no call finds it any more.
    pub fn lose_recording(&self, record_id: &str) {
        self.state.recordings(|recordings| recordings.lose(record_id));
    }

    /// The faults ordered of this node.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// What was sent to frontends, oldest first; see
    /// [`CALLBACKS_KEPT`](crate::CALLBACKS_KEPT).
    pub fn callbacks(&self) -> Vec<Callback> {
        self.state.callbacks.sent()
    }

    /// How many of them were sent and are remembered.
    pub fn callback_count(&self) -> usize {
        self.state.callbacks.count()
    }

    /// Sends a callback as it is, once more; the status that came back.
    pub async fn send_again(&self, callback: &Callback) -> Option<u16> {
        callbacks::send_once(&self.state, callback.clone()).await
    }

    /// Tells a frontend that a format of a recording was published: `url` is its
    /// meeting's `bbb-recording-ready-url`.
    pub fn recording_ready(&self, meeting_id: &str, record_id: &str, url: &str) {
        let (meeting_id, record_id) = (meeting_id.to_owned(), record_id.to_owned());
        let ready = RecordingReady { meeting_id, record_id, url: url.to_owned() };
        self.state.callbacks.tell(News::RecordingReady(ready));
    }

    /// A step of a recording's processing began or ended: hooks are told of it as
    /// `event_id`, such as `rap-process-started`. `false` when there is no such
    /// recording here.
    pub fn recording_step(&self, event_id: &'static str, record_id: &str) -> bool {
        let recording = self.state.recordings(|recordings| recordings.get(record_id).cloned());
        let Some(recording) = recording.map(Box::new) else { return false };
        self.state.callbacks.tell(News::Happened(Happening::Step { event_id, recording }))
    }

    /// The URLs of the hooks that bbb-webhooks has, oldest first.
    pub fn hooks(&self) -> Vec<String> {
        self.state.hooks.urls()
    }

    /// Loses the hooks of bbb-webhooks, as an emptied Redis does.
    pub fn lose_hooks(&self) {
        self.state.hooks.forget_all();
    }

    /// Starts a service again, so that it reads its files anew; nginx is reloaded.
    /// As on a real node, `bbb-web` and `bbb-apps-akka` take the running meetings
    /// with them.
    ///
    /// # Errors
    ///
    /// When its files are such that it does not start; it is down then, and only
    /// nginx goes on with what it had.
    pub fn restart(&self, unit: Unit) -> Result<(), RestartError> {
        self.state.restart(unit)
    }

    /// Pulls the plug: the port refuses connections, running ones are cut,
    /// meetings are lost. Records and ordered faults stay.
    pub fn power_off(&self) {
        self.state.stop_nginx();
        self.ports.iter().for_each(|port| port.close());
        self.state.lose_power();
    }

    /// The version of the real nginx that it has, if it has one.
    pub fn nginx_version(&self) -> Option<String> {
        self.state.nginx().map(|nginx| nginx.version().to_owned())
    }

    /// What `nginx -t` says.
    ///
    /// # Errors
    ///
    /// [`NginxError::Refused`] with its words when it refuses; the node has to
    /// have a real nginx.
    pub fn test_nginx(&self) -> Result<String, NginxError> {
        self.state.nginx().ok_or(NginxError::Missing)?.test()
    }

    /// Boots again on the same port, without meetings.
    ///
    /// # Errors
    ///
    /// When somebody else took a port meanwhile, or nginx refuses its files.
    pub fn power_on(&self) -> Result<(), PowerOnError> {
        self.state.regain_power();
        open(&self.ports)?;
        match self.state.nginx() {
            Some(nginx) => nginx.run().map_err(PowerOnError::Nginx),
            None => Ok(()),
        }
    }

    /// Stops for good and waits, at most five seconds, for what was running.
    pub async fn shutdown(self) {
        self.power_off();
        self.stop.cancel();
        self.state.tasks.close();
        // What has not ended by then holds nothing but its own memory.
        drop(timeout(SHUTDOWN_TIMEOUT, self.state.tasks.wait()).await);
    }
}

impl Drop for SimNode {
    fn drop(&mut self) {
        self.power_off();
        self.stop.cancel();
    }
}

async fn end_meetings(node: Arc<NodeState>) {
    let mut ticks = interval(EXPIRY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = node.clock.now();
        if node.read(|meetings| meetings.iter().any(|meeting| meeting.is_due(now))) {
            node.change(|meetings, now| meetings.end_due(now));
        }
    }
}

async fn suffer_outages(
    node: Arc<NodeState>,
    ports: Vec<Arc<Port>>,
    mut outages: mpsc::Receiver<Duration>,
) {
    while let Some(length) = outages.recv().await {
        node.stop_nginx();
        ports.iter().for_each(|port| port.close());
        node.lose_power();
        tokio::time::sleep(length).await;
        node.regain_power();
        let nginx = node.nginx();
        let back = tokio::task::spawn_blocking(move || nginx.map_or(Ok(()), |nginx| nginx.run()));
        if open(&ports).is_err() || !matches!(back.await, Ok(Ok(()))) {
            return;
        }
    }
}

fn open(ports: &[Arc<Port>]) -> Result<(), PowerOnError> {
    ports.iter().try_for_each(|port| {
        port.open().map_err(|source| PowerOnError::Listen { address: port.address(), source })
    })
}
