//! What `bbb-apps-akka` knows: the client settings of meetings made from now on.

use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::{OWN_CLIENT_SETTINGS, ReadError, client_settings, root::Files};
use crate::{files::yaml, release::Release};

/// The configuration in force since its start, on 3.0 and later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Akka {
    /// The public client settings: package file and `bbb-html5.yml` merged.
    pub(crate) public_settings: Arc<Value>,
}

impl Akka {
    /// Reads `settings.yml`, then `bbb-html5.yml` (deep merge, arrays replaced).
    /// On 2.x Meteor does, and this service knows nothing of the client.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        if release.has_meteor() {
            return Ok(Self::default());
        }
        let files = Files { root };
        let settings =
            files.merged_yaml(client_settings(release), OWN_CLIENT_SETTINGS, yaml::deep_merge)?;
        let public = settings.get("public").cloned().unwrap_or_default();
        Ok(Self { public_settings: Arc::new(public) })
    }
}
