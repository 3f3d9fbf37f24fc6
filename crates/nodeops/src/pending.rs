//! What a node still waits for, kept on the node between two runs: services
//! that have not read their files yet, and being let back into its balancer.

use std::time::SystemTime;

use bluegate_nodeconf::{FileState, HostError, Service, services};
use serde::{Deserialize, Serialize};

use crate::{
    backup::stamp,
    machine::{Machine, MachineError},
};

/// Where it is kept on a node.
const FILE: &str = "/var/lib/bluegate/nodeconf/pending.json";

/// The form of what is written; another one is refused.
const FORMAT: u32 = 1;

/// What a node waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    #[serde(default)]
    format: u32,
    /// Since when, RFC 3339; empty when it waits for nothing.
    #[serde(default)]
    pub since: String,
    /// Whether systemd has to read its units again.
    #[serde(default)]
    pub daemon_reload: bool,
    /// What has to read its files again, in the order of restarts.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Why we cordoned it, if we did.
    #[serde(default)]
    pub cordoned: Option<CordonedFor>,
}

/// Why we cordoned a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CordonedFor {
    /// An operator drains it.
    Drain,
    /// Services wait until its meetings have ended.
    Restart,
}

/// What a node waits for cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    /// It could not be read.
    #[error("cannot look at what the node waits for")]
    Read(#[from] HostError),
    /// It could not be written.
    #[error("cannot note what the node waits for")]
    Write(#[from] MachineError),
    /// It is not as it was written.
    #[error(
        "`{FILE}` is of another release of bluegate: remove it and restart the services yourself"
    )]
    Broken,
}

impl Pending {
    /// What `machine` waits for.
    ///
    /// # Errors
    /// [`PendingError`] when that cannot be told.
    pub fn read(machine: &dyn bluegate_nodeconf::Host) -> Result<Self, PendingError> {
        let Some(file) = machine.file(FILE)? else { return Ok(Self::default()) };
        let pending: Option<Self> = serde_json::from_slice(&file.bytes).ok();
        pending.filter(|pending| pending.format == FORMAT).ok_or(PendingError::Broken)
    }

    /// Whether it waits for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.daemon_reload && self.services.is_empty() && self.cordoned.is_none()
    }

    /// Whether what is to be restarted would disturb running meetings.
    #[must_use]
    pub fn hurts(&self) -> bool {
        self.services.iter().any(|service| service.hurts.is_some())
    }

    /// The names of the services it waits for.
    #[must_use]
    pub fn names(&self) -> String {
        self.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Adds services that have to read their files again.
    #[must_use]
    pub fn with(mut self, daemon_reload: bool, more: &[Service]) -> Self {
        self.daemon_reload |= daemon_reload;
        let is_in = |all: &[Service], name: &str| all.iter().any(|service| service.name == name);
        let mut all: Vec<Service> = services();
        all.retain(|one| is_in(&self.services, &one.name) || is_in(more, &one.name));
        self.services = all;
        self
    }

    /// Keeps it on `machine`, or removes it when it waits for nothing. An image
    /// waits for nothing: its services have not started yet.
    pub(crate) fn keep(
        mut self,
        machine: &dyn Machine,
        now: SystemTime,
    ) -> Result<(), PendingError> {
        if self.is_empty() || !machine.is_live() {
            return Ok(machine.remove(FILE)?);
        }
        self.format = FORMAT;
        if self.since.is_empty() {
            self.since = stamp(now, "%Y-%m-%dT%H:%M:%SZ");
        }
        let text = serde_json::to_string_pretty(&self).expect("plain data is JSON");
        let file =
            FileState { bytes: text.into_bytes(), owner: "root:root".to_owned(), mode: 0o644 };
        Ok(machine.write(FILE, &file)?)
    }
}
