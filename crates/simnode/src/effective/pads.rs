//! What `etherpad` knows.

use std::path::Path;

use serde_json::Value;

use super::{ReadError, root::Files};

/// The configuration in force since its start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pads {
    /// `cluster_proxies` of `etherpad.json`.
    pub(crate) cluster_proxies: Vec<String>,
}

impl Pads {
    /// Reads `etherpad.json`.
    pub(crate) fn read(root: &Path) -> Result<Self, ReadError> {
        let files = Files { root };
        let absolute = "/etc/bigbluebutton/etherpad.json";
        let Some(text) = files.optional(absolute)? else { return Ok(Self::default()) };
        let value: Value = serde_json::from_str(&text)
            .map_err(|source| ReadError::ParseJson { path: files.path(absolute), source })?;
        let list = value.get("cluster_proxies").and_then(Value::as_array);
        let cluster_proxies =
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { cluster_proxies })
    }
}
