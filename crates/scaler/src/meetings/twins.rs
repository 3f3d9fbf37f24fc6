//! One meeting, alive on two nodes: which copy goes on. Pure.
//!
//! It happens when a node was given up, its meeting was placed anew, and the
//! node returns with the old copy still in it. The copy with users in it is
//! kept, an empty one is ended; while both have users nobody is thrown out.

/// What is known of the copy that calls are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Users in it by a poll of its node begun after it came to life; unknown
    /// without one.
    pub(crate) users: Option<u32>,
    /// Whether users have had the time to come.
    pub(crate) settled: bool,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// End the copy that came back.
    EndOther,
    /// Send calls to the copy that came back, and end ours.
    KeepOther,
    /// Leave both, and say so.
    KeepBoth,
}

/// Decides, with `other` users in the copy that came back.
pub(crate) fn resolve(own: Own, other: u32) -> Resolution {
    match (other, own.users) {
        (0, _) => Resolution::EndOther,
        (_, Some(0)) if own.settled => Resolution::KeepOther,
        _ => Resolution::KeepBoth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_thrown_out() {
        for (users, settled, other, wanted) in [
            (None, false, 0, Resolution::EndOther),
            (Some(0), true, 0, Resolution::EndOther),
            (Some(30), true, 0, Resolution::EndOther),
            (Some(0), true, 1, Resolution::KeepOther),
            (Some(0), false, 30, Resolution::KeepBoth),
            (None, true, 30, Resolution::KeepBoth),
            (Some(1), true, 30, Resolution::KeepBoth),
        ] {
            assert_eq!(resolve(Own { users, settled }, other), wanted, "{users:?} {other}");
        }
    }
}
