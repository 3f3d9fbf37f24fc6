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

/// A listener whose certificate comes from files, and how to reach it.
struct Site {
    folder: tempfile::TempDir,
    files: Arc<CertificateFiles>,
    address: std::net::SocketAddr,
    _shutdown: tokio_util::sync::DropGuard,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = pems();
        std::fs::write(folder.path().join("cert.pem"), &first.certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), &first.key).unwrap();
        let files =
            CertificateFiles::open(&folder.path().join("cert.pem"), &folder.path().join("key.pem"))
                .unwrap();
        let listener = crate::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let shutdown = tokio_util::sync::CancellationToken::new();
        let router = axum::Router::new().route("/", axum::routing::get(async || "here"));
        let serving = crate::serve(
            listener,
            Some(files.server_config().unwrap()),
            Arc::new(crate::RouterService::new(router)),
            crate::Limits::default(),
            shutdown.clone(),
            std::time::Duration::ZERO,
        );
        tokio::spawn(serving);
        Self { folder, files, address, _shutdown: shutdown.drop_guard() }
    }

    /// Replaces a file as certificate tools do: a new one moved over the old.
    fn replace(&self, name: &str, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    async fn connect(
        &self,
        trusted: &str,
    ) -> io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        let authorities = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(authorities.path(), trusted).unwrap();
        let config = client_config(Some(authorities.path())).unwrap();
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let name = "a.test".try_into().unwrap();
        tokio_rustls::TlsConnector::from(config).connect(name, stream).await
    }
}

async fn ask(stream: &mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"here") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed early");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_newcomers_and_disturbs_nobody() {
    let site = Site::start();
    let first = std::fs::read_to_string(site.folder.path().join("cert.pem")).unwrap();
    let mut old = site.connect(&first).await.unwrap();
    assert!(ask(&mut old).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(site.files.reload().unwrap(), Reload::Unchanged);

    let second = pems();
    site.replace("cert.pem", &second.certificate);
    let between = site.files.reload().unwrap_err();
    assert!(matches!(between, TlsError::Pair { .. }), "{between}");
    site.connect(&first).await.expect("the old pair serves until the new one is complete");

    site.replace("key.pem", &second.key);
    assert_eq!(site.files.reload().unwrap(), Reload::Replaced);
    assert_eq!(site.files.reload().unwrap(), Reload::Unchanged);
    site.connect(&second.certificate).await.expect("newcomers see the new certificate");
    assert!(site.connect(&first).await.is_err(), "the old certificate is still shown");
    assert!(ask(&mut old).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_broken_certificate_changes_nothing_and_is_told_once() {
    let site = Site::start();
    let first = std::fs::read_to_string(site.folder.path().join("cert.pem")).unwrap();
    let told = || site.files.told_of_a_fault();
    site.replace("cert.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    site.files.check();
    assert!(!told(), "told at the first look");
    site.files.check();
    assert!(told());
    site.connect(&first).await.expect("the old certificate stays");

    std::fs::remove_file(site.folder.path().join("cert.pem")).unwrap();
    site.files.check();
    site.connect(&first).await.expect("the old certificate stays");

    // The same files again: whole, though they differ from what was read first
    // in nothing but their place on the disk.
    site.replace("cert.pem", &first);
    site.files.check();
    assert!(!told());
    assert_eq!(site.files.reload().unwrap(), Reload::Unchanged);
}

#[tokio::test(start_paused = true)]
async fn files_are_followed_without_being_told() {
    let pause = || tokio::time::sleep(std::time::Duration::from_millis(100));
    let site = Site::start();
    let shutdown = tokio_util::sync::CancellationToken::new();
    tokio::spawn(Arc::clone(&site.files).watch(shutdown.clone()));
    // The look at the start finds nothing new.
    pause().await;
    let shown = || site.files.slot().current().unwrap().cert.clone();
    let (before, second) = (shown(), pems());
    site.replace("cert.pem", &second.certificate);
    site.replace("key.pem", &second.key);
    let followed = async {
        while shown() == before {
            pause().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), followed).await.unwrap();
    shutdown.cancel();
}
