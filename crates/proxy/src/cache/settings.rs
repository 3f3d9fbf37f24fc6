//! What the cache can be told.

use std::{path::PathBuf, time::Duration};

/// The shared cache's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Whether there is one at all. Default yes.
    pub enabled: bool,
    /// Bytes of all contents with their variants, each counted once however
    /// many mounts serve it. None means no cache. Default 256 MiB.
    pub memory: usize,
    /// Bytes of the largest file kept; at most half of `memory`. Larger ones
    /// stream through. Default 32 MiB.
    pub max_object: usize,
    /// Keys remembered. Default 16,384.
    pub max_entries: usize,
    /// Where files are kept over restarts. Default none: in memory only.
    pub folder: Option<PathBuf>,
    /// Bytes of that folder. Default 2 GiB.
    pub disk: u64,
    /// Whether browsers are told to reuse a file of one mount for the same
    /// file of another (RFC 9842). Default yes.
    pub share_builds: bool,
    /// Whether brotli, zstd and gzip are made in the background. Default yes.
    pub precompress: bool,
    /// How long after the start that begins: the first users need the
    /// processor more. Default 5 s.
    pub precompress_after: Duration,
    /// Whether a node's client is fetched before users ask for it. Default
    /// yes.
    pub warm: bool,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            memory: 256 << 20,
            max_object: 32 << 20,
            max_entries: 16 << 10,
            folder: None,
            disk: 2 << 30,
            share_builds: true,
            precompress: true,
            precompress_after: Duration::from_secs(5),
            warm: true,
        }
    }
}

impl CacheConfig {
    /// No cache: everything is relayed.
    #[must_use]
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.enabled && self.memory > 0
    }

    /// What is left to decide between the two bounds on one file.
    pub(super) fn largest(&self) -> usize {
        self.max_object.min(self.memory / 2).min(u32::MAX as usize)
    }
}
