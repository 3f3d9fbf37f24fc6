//! A picture of a node in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileState, Host, HostError};
use crate::Plan;

/// A node's files as they were, or as they would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Files by their absolute path.
    pub files: BTreeMap<String, FileState>,
    /// Where symbolic links point, by their path.
    pub links: BTreeMap<String, String>,
    /// Packages, by the path they bring.
    pub packages: BTreeMap<String, String>,
}

impl Snapshot {
    /// The node as it is once `plan` has been applied.
    #[must_use]
    pub fn after(mut self, plan: &Plan) -> Self {
        for change in &plan.changes {
            match &change.after {
                Some(after) => drop(self.files.insert(change.path.clone(), after.clone())),
                None => drop(self.files.remove(&change.path)),
            }
        }
        self
    }

    fn target<'a>(&'a self, path: &'a str) -> &'a str {
        self.links.get(path).map_or(path, String::as_str)
    }
}

impl Host for Snapshot {
    fn file(&self, path: &str) -> Result<Option<FileState>, HostError> {
        Ok(self.files.get(self.target(path)).cloned())
    }

    fn exists(&self, path: &str) -> Result<bool, HostError> {
        let below = format!("{}/", path.trim_end_matches('/'));
        Ok(self.files.contains_key(self.target(path))
            || self
                .files
                .range(below.clone()..)
                .next()
                .is_some_and(|(at, _)| at.starts_with(&below)))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, HostError> {
        let below = format!("{}/", folder.trim_end_matches('/'));
        let paths = self.files.keys().chain(self.links.keys());
        let names: BTreeSet<&str> =
            paths.filter_map(|path| path.strip_prefix(below.as_str())?.split('/').next()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn link(&self, path: &str) -> Result<Option<String>, HostError> {
        Ok(self.links.get(path).cloned())
    }

    fn package(&self, path: &str) -> Result<Option<String>, HostError> {
        Ok(self.packages.get(path).cloned())
    }
}
