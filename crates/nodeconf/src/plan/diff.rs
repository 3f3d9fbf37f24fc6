//! Changes as people and programs are shown them.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use similar::TextDiff;

use super::{Change, redact::redact};
use crate::host::FileState;

/// Unchanged lines shown around changed ones.
const CONTEXT: usize = 3;

impl Change {
    /// What is done: `create`, `change` or `remove`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "create",
            (Some(_), Some(_)) => "change",
            (Some(_), None) => "remove",
        }
    }

    /// The unified diff, with secrets hidden.
    #[must_use]
    pub fn diff(&self) -> String {
        let text = |state: &Option<FileState>| {
            let bytes = state.as_ref().map_or(&[][..], |state| &state.bytes);
            redact(&String::from_utf8_lossy(bytes))
        };
        let name = |state: &Option<FileState>| match state {
            Some(_) => self.path.clone(),
            None => "/dev/null".to_owned(),
        };
        TextDiff::from_lines(&text(&self.before), &text(&self.after))
            .unified_diff()
            .context_radius(CONTEXT)
            .header(&name(&self.before), &name(&self.after))
            .to_string()
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.after.as_ref().or(self.before.as_ref());
        let mut out = serializer.serialize_struct("Change", 8)?;
        out.serialize_field("path", &self.path)?;
        out.serialize_field("action", self.action())?;
        out.serialize_field("kind", &self.kind)?;
        out.serialize_field("owner", &state.map(|state| &state.owner))?;
        out.serialize_field("mode", &state.map(|state| format!("{:04o}", state.mode)))?;
        out.serialize_field("reasons", &self.reasons)?;
        out.serialize_field("restart", &self.restart)?;
        out.serialize_field("diff", &self.diff())?;
        out.end()
    }
}
