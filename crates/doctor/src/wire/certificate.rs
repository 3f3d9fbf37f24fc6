//! The certificate a server shows, believed or not.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use super::{Dialer, Place, Trouble, dial::server_name};

/// What counts of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The names it is for.
    pub names: Vec<String>,
    /// When it runs out.
    pub ends: SystemTime,
    /// Why a browser would not believe it.
    pub trouble: Option<Trouble>,
}

/// Connects once to see a place's certificate; nothing is sent over it.
pub(crate) async fn read_certificate(
    dialer: &Dialer,
    place: &Place,
) -> Result<Certificate, Trouble> {
    let name = server_name(place.origin.host())?;
    let stream = dialer.tcp(&place.addresses).await?;
    let trouble = match dialer.secure(stream, name.clone(), &dialer.tls).await {
        Ok(stream) => return leaf(stream.get_ref().1.peer_certificates(), None),
        Err(trouble @ Trouble::Certificate(_)) => trouble,
        Err(other) => return Err(other),
    };
    // Once more, only to say what is wrong with it.
    let stream = dialer.tcp(&place.addresses).await?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Onlooker(provider)))
        .with_no_client_auth();
    let stream = dialer.secure(stream, name, &Arc::new(config)).await?;
    leaf(stream.get_ref().1.peer_certificates(), Some(trouble))
}

fn leaf(
    chain: Option<&[CertificateDer<'_>]>,
    trouble: Option<Trouble>,
) -> Result<Certificate, Trouble> {
    let unreadable = || Trouble::Tls("the certificate cannot be read".to_owned());
    let leaf = chain.and_then(<[_]>::first).ok_or_else(unreadable)?;
    let (_, parsed) = parse_x509_certificate(leaf).map_err(|_| unreadable())?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    let names = parsed.subject_alternative_name().ok().flatten().map(|extension| {
        let names = extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        names.collect()
    });
    Ok(Certificate {
        names: names.unwrap_or_default(),
        ends: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        trouble,
    })
}

/// Looks at a certificate that was refused already; no request ever goes over
/// such a connection.
#[derive(Debug)]
struct Onlooker(Arc<CryptoProvider>);

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
