//! Whether a node is as its plan wants it.

use std::fmt;

use bluegate_nodeconf::{FileState, HostError};
use serde::Serialize;

use crate::machine::Machine;

/// A file that is not as it shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its path on the node.
    pub path: String,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.what)
    }
}

/// Which of `files` are not as they shall be.
///
/// # Errors
/// [`HostError`] when one cannot be read.
pub fn verify<'a>(
    machine: &dyn Machine,
    files: impl IntoIterator<Item = (&'a str, Option<&'a FileState>)>,
) -> Result<Vec<Fault>, HostError> {
    let mut faults = Vec::new();
    for (path, wanted) in files {
        let present = machine.file(path)?;
        if let Some(what) = difference(machine, present.as_ref(), wanted) {
            faults.push(Fault { path: path.to_owned(), what });
        }
    }
    Ok(faults)
}

pub(crate) fn difference(
    machine: &dyn Machine,
    present: Option<&FileState>,
    wanted: Option<&FileState>,
) -> Option<&'static str> {
    match (present, wanted) {
        (None, Some(_)) => Some("is missing"),
        (Some(_), None) => Some("is there again"),
        (Some(present), Some(wanted)) if present.bytes != wanted.bytes => {
            Some("holds something else")
        }
        (Some(present), Some(wanted)) if present.mode != wanted.mode => Some("has another mode"),
        // The users of an image may not exist yet.
        (Some(present), Some(wanted)) if machine.is_live() && present.owner != wanted.owner => {
            Some("has another owner")
        }
        _ => None,
    }
}
