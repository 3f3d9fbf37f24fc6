//! Starting, watching and stopping a simulated node.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::ClientFiles,
    effective::{Effective, ReadError},
    fault::Faults,
    meeting::MeetingSummary,
    record::Record,
    server::{self, Port},
    state::NodeState,
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
    /// The listener cannot be used.
    #[error("cannot use the listener")]
    Listener(#[source] io::Error),
}

/// Why a node could not be switched on again.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} again")]
pub struct PowerOnError {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub source: io::Error,
}

/// A running node. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct SimNode {
    state: Arc<NodeState>,
    port: Arc<Port>,
    stop: CancellationToken,
}

/// Starts a node inside the running tokio runtime.
///
/// # Errors
///
/// When its files are such that a real node's services would not start.
pub async fn start(settings: Settings) -> Result<SimNode, StartError> {
    let effective = Effective::read(&settings.root)?;
    let port = Arc::new(Port::new(settings.listener).map_err(StartError::Listener)?);
    let client = ClientFiles::shared(&effective.release, settings.strict);
    let (state, outages) = NodeState::new(settings.name, effective, client);
    let state = Arc::new(state);
    let stop = CancellationToken::new();
    let tasks = state.tasks.clone();
    tasks.spawn(server::serve(Arc::clone(&state), Arc::clone(&port), settings.tls, stop.clone()));
    tasks.spawn(stop.clone().run_until_cancelled_owned(end_meetings(Arc::clone(&state))));
    tasks.spawn(stop.clone().run_until_cancelled_owned(suffer_outages(
        Arc::clone(&state),
        Arc::clone(&port),
        outages,
    )));
    Ok(SimNode { state, port, stop })
}

impl SimNode {
    /// Where the node listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The last requests, oldest first; see [`RECORDS_KEPT`](crate::RECORDS_KEPT).
    pub fn records(&self) -> Vec<Record> {
        self.state.records.all()
    }

    /// The running meetings.
    pub fn meetings(&self) -> Vec<MeetingSummary> {
        self.state.read(|meetings| meetings.iter().map(MeetingSummary::of).collect())
    }

    /// The faults ordered of this node.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Pulls the plug: the port refuses connections, running ones are cut,
    /// meetings are lost. Records and ordered faults stay.
    pub fn power_off(&self) {
        self.port.close();
        self.state.lose_power();
    }

    /// Boots again on the same port, without meetings.
    ///
    /// # Errors
    ///
    /// When somebody else took the port meanwhile.
    pub fn power_on(&self) -> Result<(), PowerOnError> {
        self.state.regain_power();
        self.port.open().map_err(|source| PowerOnError { address: self.port.address(), source })
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
    port: Arc<Port>,
    mut outages: mpsc::Receiver<Duration>,
) {
    while let Some(length) = outages.recv().await {
        port.close();
        node.lose_power();
        tokio::time::sleep(length).await;
        node.regain_power();
        if port.open().is_err() {
            return;
        }
    }
}
