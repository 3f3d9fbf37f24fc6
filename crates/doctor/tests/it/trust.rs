//! TLS: certificates that browsers believe, and others.

use std::{sync::Arc, time::Duration};

use bluegate_net::tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use time::OffsetDateTime;

use crate::cluster::{TlsOf, assert_finds, cluster};

/// An authority that can do what a good one would not.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a certificate is to be like.
struct Wanted {
    name: &'static str,
    days: i64,
}

const GOOD: Wanted = Wanted { name: "*.cluster.localhost", days: 90 };

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).unwrap() }
    }

    fn server(&self, wanted: &Wanted) -> Arc<rustls::ServerConfig> {
        let mut parameters = CertificateParams::new(vec![wanted.name.to_owned()]).unwrap();
        let now = OffsetDateTime::now_utc();
        parameters.not_before = now - Duration::from_secs(200 * 86_400);
        parameters.not_after = now + time::Duration::days(wanted.days) + time::Duration::hours(1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let (chain, key) = (certificate.pem(), key.serialize_pem());
        tls::server_config_from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    fn client(&self) -> Arc<rustls::ClientConfig> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.issuer.pem()).unwrap();
        tls::client_config(Some(file.path())).unwrap()
    }
}

fn of(cluster: &Wanted, nodes: &Wanted) -> TlsOf {
    let authority = Authority::new();
    TlsOf {
        cluster: authority.server(cluster),
        nodes: authority.server(nodes),
        client: authority.client(),
    }
}

#[tokio::test]
async fn a_cluster_over_tls_gives_no_finding() {
    for release in ["2.7.17", "3.0.28"] {
        let report = cluster(release).over(of(&GOOD, &GOOD)).start().await.examine().await;
        assert_finds(&report, &[]);
    }
}

#[tokio::test]
async fn certificates_that_expire() {
    let in_days = |days| Wanted { days, ..GOOD };
    for (days, state) in [(20, (0, 0, 1)), (13, (0, 1, 0)), (6, (1, 0, 0)), (22, (0, 0, 0))] {
        let tls = of(&GOOD, &in_days(days));
        let report = cluster("3.0.28").over(tls).start().await.examine().await;
        let summary = &report.summary;
        assert_eq!((summary.problems, summary.warnings, summary.notes), state, "{report}");
        let expiring: &[&str] = &["bbb-01 node-certificate-expiry "];
        assert_finds(&report, if days < 21 { expiring } else { &[] });
    }
    let tls = of(&in_days(13), &GOOD);
    let report = cluster("3.0.28").over(tls).start().await.examine().await;
    assert_finds(&report, &["cluster cluster-certificate-expiry "]);
}

#[tokio::test]
async fn certificates_that_browsers_do_not_believe() {
    let other = Authority::new();
    let expired = Wanted { days: -2, ..GOOD };
    let misnamed = Wanted { name: "bbb.example.org", ..GOOD };
    for wanted in [Some(&expired), Some(&misnamed), None] {
        let mut tls = of(&GOOD, wanted.unwrap_or(&GOOD));
        if wanted.is_none() {
            tls.nodes = other.server(&GOOD);
        }
        let cluster_of = async |tls| {
            let cluster = cluster("3.0.28").over(tls).start().await;
            (cluster.examine().await, cluster.subject)
        };
        let (report, subject) = cluster_of(tls.clone()).await;
        let served = subject.nodes[0].node.origin.authority();
        let file = format!("the certificate that `{served}` serves");
        assert_finds(&report, &[&format!("bbb-01 node-certificate {file}")]);

        // The same at the cluster's own origin.
        std::mem::swap(&mut tls.nodes, &mut tls.cluster);
        let (report, subject) = cluster_of(tls).await;
        let file = format!("the certificate that `{}` serves", subject.origin.authority());
        assert_finds(&report, &[&format!("cluster cluster-certificate {file}")]);
    }
}

/// No name of a test's own leads anywhere but to loopback, where http will do: those that do
/// not are a finding of their own.
#[tokio::test]
async fn a_cluster_that_is_not_https() {
    let report = cluster("3.0.28").elsewhere("http://bbb.invalid").start().await.examine().await;
    let wanted = ["cluster cluster-name ", "cluster cluster-https /etc/bluegate/bluegate.toml"];
    assert_finds(&report, &wanted);
}

#[tokio::test]
async fn a_cluster_on_a_port_that_the_client_drops() {
    let report = cluster("3.0.28").by_address().start().await.examine().await;
    assert_finds(&report, &["cluster cluster-port /etc/bluegate/bluegate.toml"]);
    // Meteor's client keeps it.
    let report = cluster("2.7.17").by_address().start().await.examine().await;
    assert_finds(&report, &[]);
}

/// The usual port is fine, and the node is not of its site.
#[tokio::test]
async fn a_name_of_the_cluster_that_leads_nowhere() {
    let report = cluster("3.0.28").elsewhere("https://bbb.invalid").start().await.examine().await;
    let wanted = ["cluster cluster-name ", "bbb-01 same-site /etc/bluegate/bluegate.toml"];
    assert_finds(&report, &wanted);
}

#[tokio::test]
async fn a_node_that_is_not_https() {
    let plan = cluster("3.0.28").elsewhere("https://bbb.invalid").nodes_under("invalid");
    let report = plan.start().await.examine().await;
    let wanted = [
        "cluster cluster-name ",
        "bbb-01 node-name ",
        "bbb-01 node-https /etc/bluegate/bluegate.toml",
    ];
    assert_finds(&report, &wanted);
}
