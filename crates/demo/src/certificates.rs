//! The demo's own certificate authority, made on first use and kept.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

/// Names that the one leaf certificate is for.
const NAMES: [&str; 4] = ["cluster.localhost", "*.cluster.localhost", "localhost", "127.0.0.1"];

/// PEM texts for every listener of the demo, and the CA that signed them.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// The file a person imports to trust the demo.
    pub(crate) ca_file: PathBuf,
    /// The leaf certificate.
    pub(crate) chain: String,
    /// The leaf's key.
    pub(crate) key: String,
}

/// The demo's certificates could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file of the CA could not be read or written.
    #[error("cannot keep the demo's certificate authority in `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A kept file is not what we once wrote.
    #[error("`{path}` is damaged; remove the folder and a new authority is made")]
    Damaged {
        /// The folder with the CA.
        path: PathBuf,
        /// What is wrong with it.
        source: rcgen::Error,
    },
}

impl Certificates {
    /// Takes the CA from `folder`, or makes it there, and signs a leaf for the
    /// demo's names.
    pub(crate) fn from_folder(folder: &Path) -> Result<Self, CertificateError> {
        let ca_file = folder.join("ca.pem");
        let key_file = folder.join("ca-key.pem");
        if !ca_file.exists() || !key_file.exists() {
            make_authority(folder, &ca_file, &key_file)?;
        }
        let damaged = |source| CertificateError::Damaged { path: folder.to_owned(), source };
        let ca_key = KeyPair::from_pem(&read(&key_file)?).map_err(damaged)?;
        let issuer = Issuer::new(authority_params(), ca_key);

        let key = KeyPair::generate().map_err(damaged)?;
        let mut leaf =
            CertificateParams::new(NAMES.map(str::to_owned).to_vec()).map_err(damaged)?;
        leaf.distinguished_name = name("Bluegate demo");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Browsers refuse leaves that are valid for more than 398 days.
        let year = std::time::Duration::from_secs(365 * 86_400);
        leaf.not_before = (std::time::SystemTime::now() - DAY).into();
        leaf.not_after = (std::time::SystemTime::now() + year).into();
        let leaf = leaf.signed_by(&key, &issuer).map_err(damaged)?;
        Ok(Self { ca_file, chain: leaf.pem(), key: key.serialize_pem() })
    }
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Bluegate demo authority (this machine only)");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Should its key leak, it still speaks for nothing but this machine.
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![
            rcgen::GeneralSubtree::DnsName("localhost".to_owned()),
            rcgen::GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn make_authority(folder: &Path, ca_file: &Path, key_file: &Path) -> Result<(), CertificateError> {
    let damaged = |source| CertificateError::Damaged { path: folder.to_owned(), source };
    fs::create_dir_all(folder)
        .map_err(|source| CertificateError::File { path: folder.to_owned(), source })?;
    let key = KeyPair::generate().map_err(damaged)?;
    let certificate = authority_params().self_signed(&key).map_err(damaged)?;
    write(key_file, &key.serialize_pem(), 0o600)?;
    write(ca_file, &certificate.pem(), 0o644)
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn read(path: &Path) -> Result<String, CertificateError> {
    fs::read_to_string(path)
        .map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path);
    file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_made_once_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let authority = || fs::read_to_string(folder.path().join("ca.pem")).unwrap();
        let first = Certificates::from_folder(folder.path()).unwrap();
        let kept = authority();
        let second = Certificates::from_folder(folder.path()).unwrap();
        assert_eq!(authority(), kept);
        assert_ne!(first.chain, second.chain);
        let key = fs::metadata(folder.path().join("ca-key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}
