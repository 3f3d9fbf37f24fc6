//! How many connections the system lets us have.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewer than this many connections make no listener for a cluster.
const FEWEST: u32 = 512;

/// The limit of open files leaves too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit of open files is {limit}, too few for {fewest} connections besides the {besides} files for nodes, logs and the store; raise it to {needed} or more (`LimitNOFILE=` in the systemd unit, `ulimit -n` in a shell)"
)]
pub struct TooFewDescriptors {
    limit: u64,
    fewest: u32,
    besides: u64,
    needed: u64,
}

/// Raises the limit of open files as far as the system allows without asking
/// anybody, and says what it is; `u64::MAX` where there is none.
///
/// # Errors
/// When the system does not let us raise our own limit.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum.unwrap_or(u64::MAX))
}

/// The connections to accept at most: `wanted`, or as many as `limit` open
/// files leave when `besides` are kept for other things.
///
/// # Errors
/// [`TooFewDescriptors`] when what is left is not worth starting with.
pub fn fit_connections(limit: u64, wanted: u32, besides: u64) -> Result<u32, TooFewDescriptors> {
    let left = u32::try_from(limit.saturating_sub(besides)).unwrap_or(u32::MAX);
    let fewest = wanted.min(FEWEST);
    if left < fewest {
        let needed = besides.saturating_add(wanted.into());
        return Err(TooFewDescriptors { limit, fewest, besides, needed });
    }
    Ok(wanted.min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_limit_or_are_refused_with_a_number() {
        assert_eq!(fit_connections(65_536, 20_000, 1_000), Ok(20_000));
        assert_eq!(fit_connections(u64::MAX, 20_000, 1_000), Ok(20_000));
        assert_eq!(fit_connections(4_096, 20_000, 1_000), Ok(3_096));
        assert_eq!(fit_connections(200, 50, 100), Ok(50));
        let error = fit_connections(1_024, 20_000, 600).unwrap_err();
        assert!(error.to_string().contains("is 1024") && error.to_string().contains("to 20600"));
        assert!(fit_connections(10, 20_000, 600).is_err());
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let limit = raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), limit);
    }
}
