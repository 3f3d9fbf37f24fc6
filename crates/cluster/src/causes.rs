//! Errors, as one line tells them.

use std::{error::Error, iter::successors};

/// An error and all that it came from, in one line: each says no more than its own part.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let all = successors(Some(error), |&error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn every_cause_is_told_once_the_first_at_the_end() {
        let cause = Told("the file is empty", None);
        let cause = Told("it cannot be read", Some(Box::new(cause)));
        assert_eq!(with_causes(&cause), "it cannot be read: the file is empty");
        let error = Told("nothing is kept", Some(Box::new(cause)));
        assert_eq!(with_causes(&error), "nothing is kept: it cannot be read: the file is empty");
    }
}
