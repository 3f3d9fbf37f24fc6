//! Certificates by ACME for hosts that come while `bluegate serve` runs, from the server
//! that Let's Encrypt tests clients with.

use std::{net::SocketAddr, path::Path, time::Duration};

use bluegate_testkit::{
    Pebble, Process, eventually,
    http::{Request, Response},
};

use crate::{
    admin::TOKEN,
    cluster::{BLUEGATE, sign},
    command_line::{bluegate, free_port, seen},
};

const WITHIN: Duration = Duration::from_secs(60);

/// A scaler with a listener of its own, whose certificates come from `pebble`.
struct Served {
    folder: tempfile::TempDir,
    process: Process,
    pebble: Pebble,
    port: u16,
    admin: u16,
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin, nobody) = (free_port(), free_port(), free_port());
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let pebble = Pebble::start(at(nobody), at(port)).await.unwrap();
        let file = format!(
            "[cluster]\norigin = \"https://bbb.example.org\"\n\
             [scaler]\norigin = \"https://api.example.org:{port}\"\nlisten = \"127.0.0.1:{port}\"\n\
             store = \"sqlite://{folder}/bluegate.db\"\nacme_folder = \"acme\"\n\
             tls = {{ acme = {{ contact = \"a@example.org\", directory = \"{directory}\", \
             directory_ca = \"{ca}\" }} }}\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\ntoken_file = \"token\"\n\
             [[tenant]]\nname = \"school-a\"\nsecret_file = \"token\"\n\
             [[node]]\nname = \"bbb-01\"\norigin = \"http://127.0.0.1:{nobody}\"\n\
             secret_file = \"token\"\n",
            folder = folder.path().display(),
            directory = pebble.directory,
            ca = pebble.ca.display(),
        );
        std::fs::write(folder.path().join("bluegate.toml"), file).unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let file = folder.path().join("bluegate.toml");
        let process = Process::start(Path::new(BLUEGATE), ["serve", "-c", file.to_str().unwrap()]);
        Self { process: process.unwrap(), folder, pebble, port, admin }
    }

    /// A signed getMeetings at this host, of a client that trusts nobody but pebble.
    async fn list(&self, host: &str, secret: &str) -> anyhow::Result<Response> {
        let query = sign("getMeetings", &[], secret);
        let request = Request::get(&format!("/bigbluebutton/api/getMeetings?{query}"))
            .header("Host", &format!("{host}:{}", self.port))
            .trusting(&self.pebble.root);
        request.send(&format!("127.0.0.1:{}", self.port)).await
    }

    /// Waits until a client that trusts pebble is answered at this host.
    async fn answers(&self, host: &str, secret: &str) {
        let answered = eventually("its certificate is there", WITHIN, || async {
            let answer = self.list(host, secret).await.ok()?;
            answer.text().contains("SUCCESS").then_some(())
        });
        answered.await.unwrap_or_else(|error| panic!("{host}: {error}: {}", self.process.stderr()));
    }

    async fn metrics(&self) -> String {
        let request = Request::get("/metrics").header("Authorization", &format!("Bearer {TOKEN}"));
        request.send(&format!("127.0.0.1:{}", self.admin)).await.unwrap().text()
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let file = self.folder.path().join("bluegate.toml");
        bluegate(&[arguments, &["-c", file.to_str().unwrap()]].concat())
    }
}

#[tokio::test]
async fn a_host_of_a_tenant_that_is_added_has_its_certificate_without_a_restart() {
    let served = Served::start().await;
    served.answers("api.example.org", TOKEN).await;
    let host = "school-b.example.org";
    let early = served.list(host, TOKEN).await;
    assert!(early.is_err(), "a certificate for a host that nobody has: {early:?}");

    let added = served.run(&["tenant", "add", "school-b", "--host", host]);
    let text = seen(&added);
    let secret = text.split("shown this once: ").nth(1).unwrap().lines().next().unwrap();
    served.answers(host, secret).await;
    assert!(served.metrics().await.contains(&format!("name=\"{host}\"")));

    // Both go on, and each is its own.
    served.answers("api.example.org", TOKEN).await;
    assert!(served.list("school-c.example.org", TOKEN).await.is_err());
}
