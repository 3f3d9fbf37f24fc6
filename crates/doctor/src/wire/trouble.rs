//! Why there is no answer, in an operator's words.

use std::fmt;

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The host name leads nowhere.
    Name(String),
    /// No connection.
    Connect(String),
    /// The certificate would not be believed by a browser.
    Certificate(CertificateTrouble),
    /// The TLS handshake failed otherwise.
    Tls(String),
    /// Nothing within the time a request may take.
    TimedOut,
    /// The connection broke, or what came was not HTTP.
    Broken(String),
    /// More bytes than a body may have.
    TooLarge,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateTrouble {
    /// It has run out.
    Expired,
    /// It does not hold yet.
    NotYetValid,
    /// Nobody we trust signed it, or an intermediate certificate is missing.
    UnknownIssuer,
    /// It is for other names.
    WrongName,
    /// Something else.
    Other(String),
}

impl Trouble {
    /// What rustls found.
    pub(crate) fn of_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Found;
        let rustls::Error::InvalidCertificate(found) = error else {
            return Self::Tls(error.to_string());
        };
        Self::Certificate(match found {
            Found::Expired | Found::ExpiredContext { .. } => CertificateTrouble::Expired,
            Found::NotValidYet | Found::NotValidYetContext { .. } => {
                CertificateTrouble::NotYetValid
            }
            Found::UnknownIssuer => CertificateTrouble::UnknownIssuer,
            Found::NotValidForName | Found::NotValidForNameContext { .. } => {
                CertificateTrouble::WrongName
            }
            other => CertificateTrouble::Other(other.to_string()),
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(host) => write!(f, "the name `{host}` cannot be resolved"),
            Self::Connect(cause) => write!(f, "no connection: {cause}"),
            Self::Certificate(trouble) => write!(f, "the certificate {trouble}"),
            Self::Tls(cause) => write!(f, "the TLS handshake failed: {cause}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Broken(cause) => write!(f, "the connection broke: {cause}"),
            Self::TooLarge => f.write_str("the answer is too large"),
        }
    }
}

impl fmt::Display for CertificateTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("has expired"),
            Self::NotYetValid => f.write_str("is not valid yet"),
            Self::UnknownIssuer => f.write_str(
                "is signed by nobody we trust (self-signed, or its intermediate is missing)",
            ),
            Self::WrongName => f.write_str("is for other names"),
            Self::Other(cause) => write!(f, "is unusable: {cause}"),
        }
    }
}
