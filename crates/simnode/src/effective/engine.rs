//! What `bbb-graphql-server` (Hasura) knows.

use std::path::Path;

use super::{ReadError, root::Files};
use crate::{cors::HasuraCors, release::Release};

/// The configuration in force since its start.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// `HASURA_GRAPHQL_CORS_DOMAIN`.
    pub(crate) cors: HasuraCors,
}

impl Engine {
    /// Reads the unit with its drop-ins and environment files. There is none on 2.x.
    pub(crate) fn read(root: &Path, release: &Release) -> Result<Self, ReadError> {
        if release.has_meteor() {
            return Ok(Self { cors: HasuraCors::parse("*") });
        }
        let variables = Files { root }.service_environment("bbb-graphql-server")?;
        let domain = variables.get("HASURA_GRAPHQL_CORS_DOMAIN").map_or("*", String::as_str);
        Ok(Self { cors: HasuraCors::parse(domain) })
    }
}
