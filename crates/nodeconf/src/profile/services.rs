//! The services of a node, as data.

use serde::{Deserialize, Serialize};

const SERVICES: &str = include_str!("../../../../profiles/services.toml");

/// A service that reads its configuration only when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The systemd unit, without `.service`.
    pub name: String,
    /// What makes it read its configuration again.
    pub action: Action,
    /// What that does to running meetings; absent when they do not notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hurts: Option<String>,
}

/// What makes a service read its configuration again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// `systemctl restart`
    Restart,
    /// `systemctl reload`
    Reload,
}

impl Action {
    /// The word of `systemctl`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFile {
    service: Vec<Service>,
}

/// All services, in the order in which they are restarted.
#[must_use]
pub fn services() -> Vec<Service> {
    let file: ServiceFile = toml::from_str(SERVICES).expect("a test reads the services");
    file.service
}
