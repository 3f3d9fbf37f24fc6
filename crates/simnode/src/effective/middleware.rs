//! What `bbb-graphql-middleware` knows.

use std::path::Path;

use serde_json::Value;

use super::{ReadError, root::Files};
use crate::{files::yaml, release::Release};

/// The configuration in force since its start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Middleware {
    /// `server.authorized_cross_origin`: a host, with its port when it has one.
    pub(crate) authorized_cross_origin: String,
}

impl Middleware {
    /// Reads `config.yml`, then `bbb-graphql-middleware.yml`, whose empty values
    /// cannot blank out a default. There is none on 2.x.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        if release.has_meteor() {
            return Ok(Self::default());
        }
        let merged = Files { root }.merged_yaml(
            "/usr/share/bbb-graphql-middleware/config.yml",
            "/etc/bigbluebutton/bbb-graphql-middleware.yml",
            yaml::merge_non_empty,
        )?;
        let authorized_cross_origin = merged
            .pointer("/server/authorized_cross_origin")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Ok(Self { authorized_cross_origin })
    }
}
