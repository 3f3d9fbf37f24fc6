//! What the processes of a Meteor client (2.x) know: their environment and the
//! client settings that they write into the page.

use std::path::Path;

use serde_json::Value;

use super::{OWN_CLIENT_SETTINGS, ReadError, client_settings, root::Files};
use crate::{
    files::{environment, yaml},
    release::Release,
};

/// Which process answers browsers depends on this file.
const ROLES: &str = "/usr/share/meteor/bundle/bbb-html5-with-roles.conf";

/// The operator's copy of it.
const OWN_ROLES: &str = "/etc/bigbluebutton/bbb-html5-with-roles.conf";

/// The configuration in force since their start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meteor {
    /// `ROOT_URL`.
    pub(crate) root_url: String,
    /// The path of `ROOT_URL`, without trailing slash: Meteor answers below it only.
    pub(crate) prefix: String,
    /// `DDP_DEFAULT_CONNECTION_URL`, empty when the page's own place is meant.
    pub(crate) ddp_url: String,
    /// The client settings: package file and `bbb-html5.yml` merged.
    pub(crate) settings: Value,
}

impl Meteor {
    /// Reads units, drop-ins and environment files. Browsers are served by the
    /// frontends, or by the backends where an operator wants no frontends.
    /// There are none since 3.0.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        if !release.has_meteor() {
            return Ok(Self::default());
        }
        let files = Files { root };
        let roles = match files.optional(OWN_ROLES)? {
            Some(text) => Some(text),
            None => files.optional(ROLES)?,
        };
        let roles = environment::parse(roles.as_deref().unwrap_or_default());
        let has_frontends = roles
            .get("NUMBER_OF_FRONTEND_NODEJS_PROCESSES")
            .is_none_or(|number| number.trim() != "0");
        let frontend = files.service_environment("bbb-html5-frontend@")?;
        let backend = files.service_environment("bbb-html5-backend@")?;
        let variables = if has_frontends { frontend } else { backend };
        let value = |name: &str| variables.get(name).cloned().unwrap_or_default();
        let root_url = match value("ROOT_URL") {
            // What the start script falls back to.
            empty if empty.is_empty() => "http://127.0.0.1/html5client".to_owned(),
            given => given,
        };
        let (_, place) = root_url.split_once("://").unwrap_or(("", &root_url));
        let prefix = place.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        let settings =
            files.merged_yaml(client_settings(release), OWN_CLIENT_SETTINGS, yaml::deep_merge)?;
        Ok(Self { prefix, ddp_url: value("DDP_DEFAULT_CONNECTION_URL"), root_url, settings })
    }
}
