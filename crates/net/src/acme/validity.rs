//! What a certificate says of its time.

use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

use super::schedule::Validity;

/// From when to when `certificate` is good.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity { from: time(validity.not_before)?, until: time(validity.not_after)? })
}

/// When `certificate` ends.
pub(crate) fn end(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    of(certificate).map(|validity| validity.until)
}

fn time(time: ASN1Time) -> Option<SystemTime> {
    let seconds = u64::try_from(time.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
