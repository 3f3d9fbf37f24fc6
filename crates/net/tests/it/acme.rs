use std::{fs, os::unix::fs::PermissionsExt as _};

use bluegate_net::acme::build;
use bluegate_testkit::Pebble;
use tokio::time::sleep;

use crate::{
    authority::Authority,
    site::{NAME, Sockets, ask, config, eventually, pace, within},
};

/// A socket that nobody listens on.
fn nobody() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_first_certificate_comes_by_http_01_while_https_waits() {
    let sockets = Sockets::open();
    let pebble = Pebble::start(sockets.http(), nobody()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let site = sockets.serve(config(root.path(), &pebble.directory, &pebble.ca, true));

    let chain = within(site.certificate(|_| true)).await;
    let mut connection = site.connect(&chain).await.unwrap();
    within(ask(&mut connection)).await;
    let answer = site.ask_redirect().await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains(&format!("location: https://{NAME}/a?b\r\n")), "{answer}");

    // What is kept is kept private, and nothing of the order is left.
    let folder = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    for file in ["account.key", &format!("{NAME}.pem")] {
        let mode = fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(fs::read_dir(folder.join("challenges")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_first_certificate_comes_by_tls_alpn_01_and_outlives_a_restart() {
    let sockets = Sockets::open();
    let pebble = Pebble::start(nobody(), sockets.https()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let settings = config(root.path(), &pebble.directory, &pebble.ca, false);
    let site = sockets.serve(settings.clone());
    let chain = within(site.certificate(|_| true)).await;
    within(ask(&mut site.connect(&chain).await.unwrap())).await;
    drop(site);

    // Without an authority that answers, what is there is shown at once.
    drop(pebble);
    let again = Sockets::open().serve(settings);
    assert_eq!(again.slot.current().unwrap().cert, chain);
    within(ask(&mut again.connect(&chain).await.unwrap())).await;
}

#[tokio::test]
async fn names_that_come_while_it_serves_get_certificates_and_those_that_go_lose_them() {
    const OTHER: &str = "school-b.example.org";
    let sockets = Sockets::open();
    let pebble = Pebble::start(sockets.http(), nobody()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let (tells, follows) = tokio::sync::watch::channel(Vec::new());
    let manager = build(config(root.path(), &pebble.directory, &pebble.ca, true)).unwrap();
    let site = sockets.serve_manager(manager.following(follows));
    let first = within(site.certificate(|_| true)).await;

    // One that no authority would take stands in nobody's way.
    tells.send_replace(vec!["no host".to_owned(), OTHER.to_owned(), NAME.to_uppercase()]);
    let names =
        || -> Vec<String> { site.names.all().iter().map(|named| named.name.clone()).collect() };
    let other = eventually(|| {
        let all = site.names.all();
        let named = all.iter().find(|named| named.name == OTHER)?;
        Some(named.slot.current()?.cert.clone())
    })
    .await;
    assert_eq!(names(), [NAME, OTHER]);
    assert_ne!(other, first);
    within(ask(&mut site.connect_to(OTHER, &other).await.unwrap())).await;
    within(ask(&mut site.connect(&first).await.unwrap())).await;

    tells.send_replace(Vec::new());
    eventually(|| (names() == [NAME]).then_some(())).await;
    site.connect_to(OTHER, &other).await.unwrap_err();
    // A successor shows what is kept for it at once, before it asks anybody.
    let (tells_again, follows) = tokio::sync::watch::channel(Vec::new());
    let again = build(config(root.path(), &pebble.directory, &pebble.ca, true)).unwrap();
    let again = again.following(follows);
    tells_again.send_replace(vec![OTHER.to_owned()]);
    let shown = again.caught_up().slot(OTHER).unwrap().current().unwrap();
    assert_eq!(shown.cert, other);
    // Back again, it has what was kept for it.
    tells.send_replace(vec![OTHER.to_owned()]);
    eventually(|| (names().len() == 2).then_some(())).await;
    within(ask(&mut site.connect_to(OTHER, &other).await.unwrap())).await;
}

#[tokio::test]
async fn one_way_that_is_closed_is_followed_by_the_other() {
    let sockets = Sockets::open();
    // HTTP-01, which is tried first, leads nowhere.
    let pebble = Pebble::start(nobody(), sockets.https()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let site = sockets.serve(config(root.path(), &pebble.directory, &pebble.ca, true));
    within(site.certificate(|_| true)).await;
}

#[tokio::test]
async fn a_process_answers_for_another_that_shares_its_folder() {
    let (asking, answering) = (Sockets::open(), Sockets::open());
    let pebble = Pebble::start(nobody(), answering.https()).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let settings = config(root.path(), &pebble.directory, &pebble.ca, false);
    // It trusts nobody, so it cannot ask the authority itself.
    let cut_off = bluegate_net::acme::Config {
        directory_tls: bluegate_net::tls::client_config(None).unwrap(),
        ..settings.clone()
    };
    let answering = answering.serve(cut_off);
    let asking = asking.serve(settings);
    let chain = within(asking.certificate(|_| true)).await;
    assert_eq!(within(answering.certificate(|_| true)).await, chain);
    within(ask(&mut answering.connect(&chain).await.unwrap())).await;
}

#[tokio::test]
async fn until_there_is_a_certificate_everyone_is_told_so() {
    let sockets = Sockets::open();
    let root = tempfile::tempdir().unwrap();
    let authority = Authority::start(None);
    let directory = format!("https://localhost:{}/", nobody().port());
    let site = sockets.serve(config(root.path(), &directory, &authority.ca, true));
    let answer = site.ask_redirect().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("waiting for its certificate"), "{answer}");
    let (_, certificate, _) = crate::site::authority_for_localhost();
    let trusted = rustls::pki_types::pem::PemObject::from_pem_slice(certificate.as_bytes());
    let refused = site.connect(&[trusted.unwrap()]).await.unwrap_err();
    assert!(refused.to_string().contains("AccessDenied"), "{refused}");
}

#[tokio::test]
async fn a_certificate_is_renewed_when_the_authority_says() {
    let authority = Authority::start(Some(30));
    let root = tempfile::tempdir().unwrap();
    let site =
        Sockets::open().serve(config(root.path(), &authority.directory, &authority.ca, true));
    let first = within(site.certificate(|_| true)).await;
    let mut old = site.connect(&first).await.unwrap();
    within(ask(&mut old)).await;

    // Asked several times, it is in no hurry.
    eventually(|| (authority.record(|record| record.questions) > 2).then_some(())).await;
    assert_eq!(authority.record(|record| record.replaced.len()), 1);

    authority.record(|record| record.renew_in_days = Some(-2));
    let orders = || authority.record(|record| record.replaced.clone());
    eventually(|| (orders().len() > 1).then_some(())).await;
    authority.record(|record| record.renew_in_days = Some(30));
    let second = within(site.certificate(|chain| chain != first)).await;
    // The order named the certificate it replaces by its issuer and serial.
    let replaced = orders()[1].clone().unwrap();
    assert!(replaced.ends_with(".AQ"), "{replaced}");
    within(ask(&mut site.connect(&second).await.unwrap())).await;
    within(ask(&mut old)).await;
    assert_eq!(authority.record(|record| record.accounts), 1);
}

#[tokio::test]
async fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
    let authority = Authority::start(None);
    authority.record(|record| record.age_in_days = 61);
    let root = tempfile::tempdir().unwrap();
    let site =
        Sockets::open().serve(config(root.path(), &authority.directory, &authority.ca, true));
    let first = within(site.certificate(|_| true)).await;
    authority.record(|record| record.age_in_days = 50);
    within(site.certificate(|chain| chain != first)).await;
    for _ in 0..20 {
        sleep(pace().look).await;
    }
    // The one to renew, at most one more of its kind, and the fresh one.
    let orders = authority.record(|record| record.replaced.len());
    assert!((2..=3).contains(&orders), "{orders} orders");
}

#[tokio::test]
async fn a_damaged_account_key_is_never_replaced() {
    let authority = Authority::start(None);
    let root = tempfile::tempdir().unwrap();
    let settings = config(root.path(), &authority.directory, &authority.ca, true);
    drop(Sockets::open().serve(settings.clone()));
    let folder = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    fs::write(folder.join("account.key"), "half a key").unwrap();
    let site = Sockets::open().serve(settings);
    for _ in 0..30 {
        sleep(pace().look).await;
    }
    assert!(site.slot.current().is_none());
    assert_eq!(fs::read_to_string(folder.join("account.key")).unwrap(), "half a key");
    assert_eq!(authority.record(|record| record.accounts), 0);
}
