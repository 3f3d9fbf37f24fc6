use std::path::Path;

use super::*;

struct Pems {
    certificate: String,
    key: String,
}

fn pems() -> Pems {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    Pems { certificate: cert.pem(), key: signing_key.serialize_pem() }
}

#[test]
fn a_bad_pair_of_files_is_named_with_its_fault() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (good, other) = (pems(), pems());
    let certificate = write("cert.pem", &good.certificate);
    let key = write("key.pem", &good.key);
    let empty = write("empty.pem", "");
    let broken =
        write("broken.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    let foreign = write("foreign.pem", &other.key);
    let missing = folder.path().join("missing.pem");

    let fault = |certificate: &Path, key: &Path| {
        let error = server_config(certificate, key).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    assert!(server_config(&certificate, &key).is_ok());
    assert_eq!(fault(&missing, &key), "cannot read `missing.pem`");
    assert_eq!(fault(&certificate, &missing), "cannot read `missing.pem`");
    assert_eq!(
        fault(&empty, &key),
        "`empty.pem` holds no certificate (`-----BEGIN CERTIFICATE-----`)"
    );
    assert_eq!(fault(&broken, &key), "`broken.pem` is not a PEM file");
    assert_eq!(
        fault(&certificate, &certificate),
        "`cert.pem` holds no private key (`-----BEGIN PRIVATE KEY-----`)"
    );
    assert_eq!(
        fault(&certificate, &foreign),
        "the certificate in `cert.pem` cannot be used with the key in `foreign.pem`"
    );
}

#[test]
fn an_extra_authority_is_read_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pems().certificate).unwrap();
    let config = client_config(Some(&path)).unwrap();
    assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);

    std::fs::write(&path, "no certificate").unwrap();
    assert!(matches!(client_config(Some(&path)), Err(TlsError::NoCertificate { .. })));
}
