//! One name and the certificate that is shown for it.

use std::{path::Path, sync::Arc, time::SystemTime};

use bluegate_cluster::with_causes;
use instant_acme::CertificateIdentifier;
use rustls::sign::CertifiedKey;

use super::{
    folder::{Folder, FolderError, Stamp},
    schedule::{Validity, Window},
    status::Status,
    validity,
};
use crate::tls::{Slot, server};

/// One name and its certificate.
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) slot: Arc<Slot>,
    pub(super) stamp: Option<Stamp>,
    pub(super) held: Option<Held>,
    pub(super) failures: u32,
    pub(super) status: Arc<Status>,
    pub(super) not_before: SystemTime,
}

/// What the certificate shown says of itself, and what the authority does.
pub(super) struct Held {
    pub(super) validity: Validity,
    pub(super) id: Option<CertificateIdentifier<'static>>,
    pub(super) window: Option<Window>,
    pub(super) ask_at: SystemTime,
    pub(super) jitter: f64,
}

impl Kept {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            slot: Arc::default(),
            stamp: None,
            held: None,
            failures: 0,
            status: Arc::default(),
            not_before: SystemTime::UNIX_EPOCH,
        }
    }

    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        now >= self.next_attempt()
    }

    fn next_attempt(&self) -> SystemTime {
        let renew_at =
            self.held.as_ref().map(|held| held.validity.renew_at(held.window, held.jitter));
        renew_at.map_or(self.not_before, |at| at.max(self.not_before))
    }

    /// Tells those outside.
    pub(super) fn tell(&self) {
        self.status.set(self.failures, self.next_attempt());
    }

    /// Shows what was found, if anything new was.
    pub(super) fn take(&mut self, found: Found, folder: &Folder) {
        let (stamp, pem) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(error = with_causes(&error), "cannot look at a certificate");
                return;
            }
        };
        self.stamp = Some(stamp);
        let Some((certified, validity)) = certified(&pem) else {
            let path = folder.certificate_path(&self.name);
            tracing::error!(file = %path.display(), "not a private key and its certificate: ignored");
            return;
        };
        self.held = Some(Held {
            validity,
            id: CertificateIdentifier::try_from(&certified.cert[0]).ok().map(|id| id.into_owned()),
            window: None,
            ask_at: SystemTime::UNIX_EPOCH,
            jitter: rand::random(),
        });
        self.slot.put(certified);
        let left = validity.until.duration_since(SystemTime::now()).unwrap_or_default();
        tracing::info!(
            target: "bluegate::state", event = "certificate.in_use", name = %self.name,
            days_left = left.as_secs() / 86_400, "certificate in use"
        );
    }
}

/// What the folder has for a name, when it is not what was seen before.
pub(super) type Found = Result<Option<(Stamp, String)>, FolderError>;

pub(super) fn read_certificate(folder: &Folder, name: &str, seen: Option<Stamp>) -> Found {
    // Looked at before it is read: a change in between is seen next time.
    let Some(stamp) = folder.certificate_stamp(name).filter(|stamp| Some(*stamp) != seen) else {
        return Ok(None);
    };
    Ok(folder.certificate(name)?.map(|pem| (stamp, pem)))
}

pub(super) fn certified(pem: &str) -> Option<(CertifiedKey, Validity)> {
    let path = Path::new("certificate");
    let certified = server::certified_key(pem.as_bytes(), path, pem.as_bytes(), path).ok()?;
    let validity = validity::of(certified.cert.first()?)?;
    Some((certified, validity))
}
