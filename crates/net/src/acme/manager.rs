//! Keeps the certificates of some names present and fresh.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bluegate_cluster::with_causes;
use rustls::{ClientConfig, ServerConfig};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    ALPN, Challenges, Named, Names,
    account::OpenAccount,
    folder::{Folder, FolderError, Pending},
    http::Http,
    issue::{IssueError, Proof, Task},
    kept::{Kept, certified, read_certificate},
    schedule::{Window, wait_after},
};
use crate::tls::{Slot, TlsError, server};

/// What a manager needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where account and certificates are kept. Several processes may share it.
    pub folder: PathBuf,
    /// The authority's directory URL; see [`super::DEFAULT_DIRECTORY`].
    pub directory: String,
    /// How the authority itself is verified: see [`crate::tls::client_config`].
    pub directory_tls: Arc<ClientConfig>,
    /// The mail address the authority may write to.
    pub contact: String,
    /// The host names to have certificates for, the default one first.
    pub names: Vec<String>,
    /// Whether a [`crate::Redirect`] answers HTTP-01 on port 80 of the names.
    /// Without it only TLS-ALPN-01 is used.
    pub http: bool,
    /// Its clocks.
    pub pace: Pace,
}

/// How often a manager does things.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Between two looks at the folder and the calendar. Default 1 s.
    pub look: Duration,
    /// From a written challenge until every process that shares the folder has
    /// read it; more than `look`. Default 3 s.
    pub settle: Duration,
    /// How soon and how late the authority is asked again when it wants a
    /// certificate renewed, whatever it says itself. Default 1 minute, 1 day.
    pub ask: (Duration, Duration),
    /// The wait after the authority first refused, an eighth of it after it
    /// could not be reached; doubled with each failure, up to 6 h. Default
    /// 2 minutes, which makes five attempts in the first hour: public
    /// authorities count failed validations by the hour.
    pub retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            settle: Duration::from_secs(3),
            ask: (Duration::from_secs(60), Duration::from_secs(86_400)),
            retry: Duration::from_secs(120),
        }
    }
}

/// Why a manager cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No authority gives certificates for such a name.
    #[error("`{0}` is not a host name that an ACME authority gives certificates for")]
    Name(String),
    /// The directory is not reached by https.
    #[error("the ACME directory `{0}` is not an https URL")]
    Directory(String),
}

/// Certificates by ACME for some names. Hand [`Manager::server_config`] to
/// listeners, [`Manager::challenges`] to the redirect, then [`Manager::run`].
pub struct Manager {
    config: Config,
    folder: Folder,
    http: Http,
    account: OpenAccount,
    challenges: Arc<Challenges>,
    pending: Vec<Pending>,
    kept: Vec<Kept>,
    names: Arc<Names>,
    /// Further names, which change.
    others: Option<watch::Receiver<Vec<String>>>,
}

/// Opens the folder and shows what certificates it has.
///
/// # Errors
/// [`SetupError`], naming what to mend. That the authority does not answer is
/// none: [`Manager::run`] keeps asking.
pub fn build(config: Config) -> Result<Manager, SetupError> {
    if let Some(name) = config.names.iter().find(|name| !is_host_name(name)) {
        return Err(SetupError::Name(name.clone()));
    }
    if !config.directory.starts_with("https://") {
        return Err(SetupError::Directory(config.directory));
    }
    let folder = Folder::open(&config.folder, &config.directory)?;
    let challenges = Arc::<Challenges>::default();
    let mut manager = Manager {
        http: Http::new(Arc::clone(&config.directory_tls)),
        config,
        folder,
        account: OpenAccount::default(),
        names: Arc::new(Names::new(Vec::new(), Arc::clone(&challenges))),
        challenges,
        pending: Vec::new(),
        kept: Vec::new(),
        others: None,
    };
    for name in manager.config.names.clone() {
        manager.keep(name);
    }
    manager.show();
    Ok(manager)
}

impl Manager {
    /// Keeps certificates for these names too, as they now are and change: a new
    /// one is fetched, and one that goes is shown no more. What is no host name,
    /// and what exceeds [`Manager::MOST_OTHERS`], is left out with a warning.
    #[must_use]
    pub fn following(mut self, mut names: watch::Receiver<Vec<String>>) -> Self {
        names.mark_changed();
        self.others = Some(names);
        self.follow();
        self
    }

    /// Shows what is there for the names that are followed as they are by now,
    /// before [`Manager::run`] looks for the first time.
    #[must_use]
    pub fn caught_up(mut self) -> Self {
        self.follow();
        self
    }

    /// Most names that are followed.
    pub const MOST_OTHERS: usize = 1000;

    /// Takes over the further names when they have changed.
    fn follow(&mut self) {
        let Some(others) = &mut self.others else { return };
        if !others.has_changed().unwrap_or(false) {
            return;
        }
        let others = others.borrow_and_update().clone();
        let mut wanted = self.config.names.clone();
        for name in others {
            if !is_host_name(&name) || wanted.len() >= self.config.names.len() + Self::MOST_OTHERS {
                tracing::warn!(%name, "no certificate is fetched for this name");
            } else if !wanted.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                wanted.push(name);
            }
        }
        let is_in = |names: &[String], name: &str| {
            names.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        self.kept.retain(|kept| is_in(&wanted, &kept.name));
        for name in wanted {
            if !self.kept.iter().any(|kept| kept.name.eq_ignore_ascii_case(&name)) {
                self.keep(name);
            }
        }
        self.show();
    }

    /// One more name, with the certificate that is there for it.
    fn keep(&mut self, name: String) {
        let mut kept = Kept::new(name);
        kept.take(read_certificate(&self.folder, &kept.name, None), &self.folder);
        if kept.held.is_none() {
            tracing::warn!(name = %kept.name, "no certificate yet: https is refused until there is one");
        }
        self.kept.push(kept);
    }

    fn show(&self) {
        let named = self.kept.iter().map(|kept| Named {
            name: kept.name.clone(),
            slot: Arc::clone(&kept.slot),
            status: Arc::clone(&kept.status),
        });
        self.names.set(named.collect());
    }

    /// The names and their certificates, which change with those that are
    /// followed.
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names)
    }

    /// The answers to challenges, for [`crate::Redirect`].
    #[must_use]
    pub fn challenges(&self) -> Arc<Challenges> {
        Arc::clone(&self.challenges)
    }

    /// Where the certificate of `name` is shown; empty until there is one.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        let found = self.kept.iter().find(|kept| kept.name.eq_ignore_ascii_case(name));
        found.map(|kept| Arc::clone(&kept.slot))
    }

    /// A server's side of TLS that shows each name its certificate, and
    /// answers TLS-ALPN-01.
    ///
    /// # Errors
    /// [`TlsError::Setup`] when the provider lacks what it needs.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        server::config(self.names(), &[ALPN]).map(Arc::new)
    }

    /// Issues and renews until `shutdown`. Failures are logged and tried again,
    /// ever more slowly.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut pace = interval(self.config.pace.look);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let round = async {
                pace.tick().await;
                self.round().await;
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = round => {}
            }
        }
    }

    async fn round(&mut self) {
        self.follow();
        self.look().await;
        for index in 0..self.kept.len() {
            self.ask_for_window(index).await;
            if self.kept[index].is_due(SystemTime::now()) {
                // A future of its own size on the heap: an order is a long story.
                Box::pin(self.attempt(index)).await;
            }
            self.kept[index].tell();
        }
    }

    /// Picks up what another process that shares the folder wrote.
    async fn look(&mut self) {
        let folder = self.folder.clone();
        let names: Vec<_> = self.kept.iter().map(|kept| (kept.name.clone(), kept.stamp)).collect();
        let looked = spawn_blocking(move || {
            let found: Vec<_> =
                names.iter().map(|(name, stamp)| read_certificate(&folder, name, *stamp)).collect();
            (folder.challenges(), found)
        });
        let Ok((pending, found)) = looked.await else { return };
        for (kept, found) in self.kept.iter_mut().zip(found) {
            kept.take(found, &self.folder);
        }
        match pending {
            Ok(pending) if pending != self.pending => {
                if let Err(error) = self.challenges.set(&pending) {
                    tracing::warn!(%error, "cannot answer a challenge of another process");
                }
                self.pending = pending;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = with_causes(&error), "cannot read the challenges")
            }
        }
    }

    /// Asks when the authority wants a certificate renewed (RFC 9773).
    async fn ask_for_window(&mut self, index: usize) {
        let now = SystemTime::now();
        let (soonest, latest) = self.config.pace.ask;
        let Some(held) = self.kept[index].held.as_mut() else { return };
        if now < held.ask_at {
            return;
        }
        held.ask_at = now + latest / 4;
        let Some(id) = held.id.clone() else { return };
        // The account is only opened, never made, for a question.
        if !matches!(self.folder.account_key(), Ok(Some(_))) {
            return;
        }
        let Config { directory, contact, .. } = &self.config;
        let account = self.account.get(&self.folder, &self.http, directory, contact).await;
        let answer = match account {
            Ok(account) => account.renewal_info(&id).await,
            Err(error) => {
                tracing::debug!(error = with_causes(&error), "cannot ask when to renew");
                return;
            }
        };
        match answer {
            Ok((info, again)) => {
                let suggested = info.suggested_window;
                let window =
                    Some(Window { start: suggested.start.into(), end: suggested.end.into() });
                if held.window != window {
                    held.window = window;
                    held.jitter = rand::random();
                    tracing::info!(
                        name = %self.kept[index].name,
                        because = info.explanation_url,
                        "the authority says when to renew"
                    );
                }
                let held = self.kept[index].held.as_mut();
                held.expect("it was there above").ask_at = now + again.clamp(soonest, latest);
            }
            Err(instant_acme::Error::Unsupported(_)) => held.ask_at = now + latest,
            Err(error) => tracing::debug!(error = with_causes(&error), "no answer when to renew"),
        }
    }

    /// One attempt at a certificate, unless another process is at it.
    async fn attempt(&mut self, index: usize) {
        let lock = match self.folder.try_lock() {
            Ok(Some(lock)) => lock,
            Ok(None) => return,
            Err(error) => return self.failed(index, &error.into()),
        };
        // The one that held the lock before may have done it.
        let Kept { name, stamp, .. } = &self.kept[index];
        let found = read_certificate(&self.folder, name, *stamp);
        self.kept[index].take(found, &self.folder);
        if !self.kept[index].is_due(SystemTime::now()) {
            return;
        }
        let issued = self.issue(index).await;
        self.pending.clear();
        let kept = &mut self.kept[index];
        let stored = issued.and_then(|pem| {
            // Nothing is kept that could not be shown.
            if certified(&pem).is_none() {
                return Err(IssueError::Unusable(kept.name.clone()));
            }
            Ok(self.folder.put_certificate(&kept.name, &pem)?)
        });
        drop(lock);
        match stored {
            Ok(()) => {
                let found = read_certificate(&self.folder, &kept.name, kept.stamp);
                kept.take(found, &self.folder);
                kept.failures = 0;
            }
            Err(error) => self.failed(index, &error),
        }
    }

    async fn issue(&mut self, index: usize) -> Result<String, IssueError> {
        let Config { directory, contact, .. } = &self.config;
        let account = self.account.get(&self.folder, &self.http, directory, contact).await?;
        let kept = &self.kept[index];
        let mut proofs = vec![Proof::TlsAlpn];
        if self.config.http {
            proofs.insert(0, Proof::Http);
            // The other way at the next attempt: one port may be closed.
            if !kept.failures.is_multiple_of(2) {
                proofs.reverse();
            }
        }
        Task {
            account: &account,
            folder: &self.folder,
            challenges: &self.challenges,
            name: &kept.name,
            proofs: &proofs,
            replaces: kept.held.as_ref().and_then(|held| held.id.clone()),
            settle: self.config.pace.settle,
        }
        .run()
        .await
    }

    fn failed(&mut self, index: usize, error: &IssueError) {
        // Whatever it was, the directory is read anew before the next attempt.
        self.account.forget();
        let kept = &mut self.kept[index];
        kept.failures = kept.failures.saturating_add(1);
        let wait =
            wait_after(self.config.pace.retry, kept.failures, error.failure(), rand::random());
        let now = SystemTime::now();
        kept.not_before = now + wait;
        let left = kept.held.as_ref().and_then(|held| held.validity.until.duration_since(now).ok());
        tracing::warn!(
            name = %kept.name,
            error = with_causes(error),
            attempts = kept.failures,
            next_in_seconds = wait.as_secs(),
            days_left = left.map_or(0, |left| left.as_secs() / 86_400),
            "no new certificate"
        );
    }
}

/// A name with a dot that is no address.
fn is_host_name(name: &str) -> bool {
    name.contains('.')
        && !name.starts_with('.')
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}
