//! What `bbb-webhooks` knows.

use std::path::Path;

use serde_json::Value;

use super::{ReadError, root::Files};
use crate::files::yaml::deep_merge;

/// The package's own configuration; there is none where it is not installed.
pub(crate) const PACKAGE_FILE: &str = "/usr/local/bigbluebutton/bbb-webhooks/config/default.yml";
const OWN_FILE: &str = "/etc/bigbluebutton/bbb-webhooks/production.yml";

/// The configuration in force since its start.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    /// `bbb.serverDomain`.
    pub(crate) domain: String,
    /// `bbb.sharedSecret`.
    pub(crate) secret: String,
    /// `bbb.auth2_0`: the secret goes along as a bearer token, and nothing is
    /// signed.
    pub(crate) bearer: bool,
}

impl Webhooks {
    /// Reads the package's file and the operator's over it; `None` where the
    /// package is not installed.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>, ReadError> {
        let files = Files { root };
        if files.optional(PACKAGE_FILE)?.is_none() {
            return Ok(None);
        }
        let value = files.merged_yaml(PACKAGE_FILE, OWN_FILE, deep_merge)?;
        let text = |path: &str, key| {
            let found = value.pointer(path).and_then(Value::as_str);
            found.map(str::to_owned).ok_or(ReadError::MissingProperty { key })
        };
        Ok(Some(Self {
            domain: text("/bbb/serverDomain", "bbb.serverDomain")?,
            secret: text("/bbb/sharedSecret", "bbb.sharedSecret")?,
            bearer: value.pointer("/bbb/auth2_0").and_then(Value::as_bool).unwrap_or(false),
        }))
    }
}
