//! `Cache-Status` (RFC 9211): what the cache did, for whoever asks why.

use std::{fmt, time::Duration};

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From the cache, and still fresh for so long.
    Hit {
        /// Freshness left.
        ttl: Duration,
    },
    /// From the cache though stale: refreshed behind the answer, or the node
    /// is down.
    Stale,
    /// From the cache after the node confirmed it.
    Revalidated,
    /// From the node, and stored.
    Stored,
    /// From the node because nothing was there, and not stored.
    Miss,
    /// From the node; this kind of request is never answered from the cache.
    Bypass,
}

impl CacheStatus {
    /// One word, for logs and counters.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit { .. } => "hit",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Stored => "stored",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }

    /// Whether the file came from the cache, though its node may have been
    /// asked whether it still holds.
    #[must_use]
    pub fn is_from_memory(self) -> bool {
        matches!(self, Self::Hit { .. } | Self::Stale | Self::Revalidated)
    }

    /// The field's value, without the freshness of a hit.
    #[must_use]
    pub fn fixed(self) -> &'static str {
        match self {
            Self::Hit { .. } => "bluegate; hit",
            Self::Stale => "bluegate; hit; ttl=-1",
            Self::Revalidated => "bluegate; fwd=stale; fwd-status=304",
            Self::Stored => "bluegate; fwd=uri-miss; stored",
            Self::Miss => "bluegate; fwd=uri-miss",
            Self::Bypass => "bluegate; fwd=bypass",
        }
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit { ttl } => write!(f, "{}; ttl={}", self.fixed(), ttl.as_secs()),
            _ => f.write_str(self.fixed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_a_structured_list_member() {
        let hit = CacheStatus::Hit { ttl: Duration::from_millis(5900) };
        assert_eq!(hit.to_string(), "bluegate; hit; ttl=5");
        assert_eq!(CacheStatus::Revalidated.to_string(), "bluegate; fwd=stale; fwd-status=304");
    }
}
