//! A certificate and its key in two PEM files, read again when they change.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use rustls::sign::CertifiedKey;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Arc, ServerConfig, Slot, TlsError, read, server};

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(3);

/// A certificate from files, followed as they are replaced.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    slot: Arc<Slot>,
    seen: Mutex<Seen>,
}

/// What a look at the files found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Nothing new.
    Unchanged,
    /// New files, shown from now on.
    Replaced,
}

/// What was there at the last look.
#[derive(Debug)]
struct Seen {
    state: State,
    /// The state whose fault was already told.
    told: Option<State>,
    good: bool,
}

/// Both files as the file system describes them; differs whenever either was
/// written or replaced.
type State = (Option<Stamp>, Option<Stamp>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// Also moves when permissions are mended.
    changed: (i64, i64),
}

impl CertificateFiles {
    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsError`], naming the file to mend.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        // Looked at before they are read: a change in between is seen later.
        let state = (stamp(certificate), stamp(key));
        let slot = Arc::new(Slot::holding(load(certificate, key)?));
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let seen = Mutex::new(Seen { state, told: None, good: true });
        Ok(Arc::new(Self { certificate, key, slot, seen }))
    }

    /// A server's side of TLS that always shows the newest good certificate.
    ///
    /// # Errors
    /// [`TlsError::Setup`] when the provider lacks what it needs.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        server::config(Arc::clone(&self.slot) as _, &[]).map(Arc::new)
    }

    /// Where the certificate is kept.
    #[must_use]
    pub fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Looks at the files now, and takes them when they changed. Blocks on
    /// the file system.
    ///
    /// # Errors
    /// [`TlsError`] while new files cannot be used; the old certificate stays.
    pub fn reload(&self) -> Result<Reload, TlsError> {
        let mut seen = self.seen();
        let state = (stamp(&self.certificate), stamp(&self.key));
        if seen.good && state == seen.state {
            return Ok(Reload::Unchanged);
        }
        seen.state = state;
        seen.good = false;
        let loaded = load(&self.certificate, &self.key)?;
        seen.good = true;
        seen.told = None;
        drop(seen);
        self.slot.put(loaded);
        Ok(Reload::Replaced)
    }

    /// Looks now, and says in the log what came of it: each fault once, and
    /// only when it is still there at the second look, since certificate and
    /// key are two files that nobody replaces in one moment.
    pub fn check(&self) {
        let before = self.seen().state;
        match self.reload() {
            Ok(Reload::Unchanged) => {}
            Ok(Reload::Replaced) => {
                tracing::info!(
                    target: "bluegate::state", event = "certificate.replaced",
                    certificate = %self.certificate.display(), "certificate replaced"
                );
            }
            Err(error) => {
                let mut seen = self.seen();
                if seen.state == before && seen.told != Some(before) {
                    seen.told = Some(before);
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(
                        target: "bluegate::state", event = "certificate.refused",
                        %error, cause, "new certificate refused, the old one stays"
                    );
                }
            }
        }
    }

    /// Follows the files until `shutdown`.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut pace = interval(POLL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = pace.tick() => {}
            }
            let files = Arc::clone(&self);
            // The file system may be a slow or a remote one, even one that hangs.
            let checked = tokio::task::spawn_blocking(move || files.check());
            tokio::select! {
                () = shutdown.cancelled() => return,
                checked = checked => if checked.is_err() { return },
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nothing panics while it holds this")
    }

    #[cfg(test)]
    pub(super) fn told_of_a_fault(&self) -> bool {
        self.seen().told.is_some()
    }
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    server::certified_key(&read(certificate)?, certificate, &read(key)?, key)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found: io::Result<fs::Metadata> = fs::metadata(path);
    let found = found.ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}
