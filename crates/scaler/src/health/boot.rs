//! Whether a node that is heard again has started anew. Pure.
//!
//! The BBB API does not say since when a server is up. But all of its meetings
//! live in the memory of one process: when a node returns from a silence and
//! not one of the meetings it had is there, that process is another one. Each
//! meeting is still asked for by its ID before it is closed.

use std::collections::HashSet;

/// What a node had before it fell silent, and what it has now, by internal
/// meeting ID.
pub(crate) fn is_new<'a>(
    before: impl IntoIterator<Item = &'a str>,
    now: impl IntoIterator<Item = &'a str>,
) -> bool {
    let now: HashSet<&str> = now.into_iter().collect();
    let mut before = before.into_iter().peekable();
    before.peek().is_some() && before.all(|meeting| !now.contains(meeting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_meetings_at_once_are_gone_with_a_boot() {
        for (before, now, wanted) in [
            (&[][..], &[][..], false),
            (&[], &["x"], false),
            (&["a"], &[], true),
            (&["a", "b"], &["x"], true),
            (&["a", "b"], &["b"], false),
            (&["a", "b"], &["a", "b", "c"], false),
        ] {
            let is_new = is_new(before.iter().copied(), now.iter().copied());
            assert_eq!(is_new, wanted, "{before:?} {now:?}");
        }
    }
}
