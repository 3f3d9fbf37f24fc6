//! Tenants that come and go while the scaler runs.

use bluegate_scaler::{TenantChange, TenantClash, TenantError};
use bluegate_tenant::{Form, Settings};
use bluegate_testkit::Postgres;

use crate::cluster::{Cluster, eventually, quick, secret};

fn settings(json: &str) -> Settings {
    serde_json::from_str::<Form>(json).unwrap().try_into().unwrap()
}

async fn add(cluster: &Cluster, name: &str, json: &str) -> Result<(), TenantError> {
    let secrets = vec![secret(&format!("{name}-secret"))];
    cluster.scaler().add_tenant(name.parse().unwrap(), secrets, settings(json)).await
}

fn names(cluster: &Cluster) -> Vec<String> {
    cluster.scaler().tenants().iter().map(|tenant| tenant.name.to_string()).collect()
}

#[tokio::test]
async fn an_added_tenant_calls_at_once_and_after_a_restart() {
    let mut cluster = Cluster::start(1).await;
    let chemistry = cluster.frontend("chemistry");
    assert_eq!(chemistry.get("getMeetings", "").await.failure(), "checksumError");
    add(&cluster, "chemistry", r#"{"create": {"record": {"set": "false"}}}"#).await.unwrap();
    chemistry.get("create", "name=x&meetingID=lab&record=true").await.answer();
    let meeting = cluster.nodes[0].meetings().remove(0);
    assert_eq!(
        (meeting.external.as_str(), meeting.parameters["record"].as_str()),
        ("bg1.chemistry.lab", "false")
    );

    cluster.stop().await;
    cluster.boot().await;
    assert_eq!(cluster.frontend("chemistry").listed().await, ["lab"]);
    let report = cluster.scaler().tenants().remove(0);
    assert_eq!((report.name.as_str(), report.in_file, report.secrets), ("chemistry", false, 1));
}

#[tokio::test]
async fn the_store_does_not_tell_the_secrets() {
    let mut cluster = Cluster::start(1).await;
    add(&cluster, "chemistry", "{}").await.unwrap();
    cluster.stop().await;
    let kept = cluster.store_bytes();
    let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("chemistry") && holds("bgs1."), "the row is there");
    assert!(!holds("chemistry-secret"));

    // With another key the tenant is held back, and nobody gets in.
    cluster.lose_key();
    cluster.boot().await;
    let reply = cluster.frontend("chemistry").get("getMeetings", "").await;
    assert_eq!(reply.failure(), "checksumError");
    let held = cluster.scaler().held_back_tenants().remove(0);
    assert!(held.reason.contains("do not open"), "{}", held.reason);
    // A new secret mends it.
    let name = "chemistry".parse().unwrap();
    let change = TenantChange { secrets: Some(vec![secret("chemistry-secret")]), settings: None };
    cluster.scaler().change_tenant(&name, change).await.unwrap();
    assert!(cluster.scaler().held_back_tenants().is_empty());
    assert_eq!(cluster.frontend("chemistry").listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_tenant_keeps_its_meetings_and_its_counts() {
    let cluster = Cluster::start(1).await;
    add(&cluster, "chemistry", "{}").await.unwrap();
    let chemistry = cluster.frontend("chemistry");
    chemistry.create("lab").await;
    let name = "chemistry".parse().unwrap();
    let change = TenantChange {
        settings: Some(settings(r#"{"enabled": false, "hosts": ["chemistry.example.org"]}"#)),
        secrets: Some(vec![secret("new-secret"), secret("newer-secret")]),
    };
    cluster.scaler().change_tenant(&name, change).await.unwrap();
    assert_eq!(chemistry.get("getMeetings", "").await.failure(), "checksumError");
    let mut renewed = cluster.frontend_with_secret("newer-secret");
    renewed.host = Some("chemistry.example.org".to_owned());
    assert_eq!(renewed.listed().await, ["lab"]);
    let reply = renewed.get("create", "name=x&meetingID=more").await;
    assert_eq!(reply.failure(), "tenantDisabled");
    assert!(cluster.scaler().is_host_of_tenant("chemistry.example.org:443"));
    let report = cluster.scaler().tenants().remove(0);
    assert!(report.requests.keys().any(|(call, _)| *call == "create"), "{:?}", report.requests);

    // Who has meetings is not removed by mistake.
    let refused = cluster.scaler().remove_tenant(&name, false).await;
    assert!(matches!(refused, Err(TenantError::HasMeetings { meetings: 1, .. })));
    renewed.get("end", "meetingID=lab").await.answer();
    eventually("it has ended", async || cluster.scaler().remove_tenant(&name, false).await.is_ok())
        .await;
    assert_eq!(renewed.get("getMeetings", "").await.failure(), "checksumError");
    assert!(!cluster.scaler().is_host_of_tenant("chemistry.example.org"));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let cluster = Cluster::start(1).await;
    add(&cluster, "chemistry", r#"{"hosts": ["c.example.org"]}"#).await.unwrap();
    let before = names(&cluster);
    let scaler = cluster.scaler();
    let physics = "physics".parse().unwrap();
    assert!(matches!(add(&cluster, "physics", "{}").await, Err(TenantError::InFile(_))));
    let change = scaler.change_tenant(&physics, TenantChange::default()).await;
    assert!(matches!(change, Err(TenantError::InFile(_))));
    assert!(matches!(scaler.remove_tenant(&physics, true).await, Err(TenantError::InFile(_))));
    let nobody = "nobody".parse().unwrap();
    assert!(matches!(scaler.remove_tenant(&nobody, true).await, Err(TenantError::Unknown(_))));
    let clash = |result| match result {
        Err(TenantError::Clash { clash, .. }) => clash,
        other => panic!("{other:?}"),
    };
    let chemistry: bluegate_cluster::TenantName = "chemistry".parse().unwrap();
    let again = clash(add(&cluster, "chemistry", "{}").await);
    assert_eq!(again, TenantClash::Name(chemistry.clone()));
    let host = clash(add(&cluster, "biology", r#"{"hosts": ["C.example.org"]}"#).await);
    assert_eq!(host, TenantClash::Host(chemistry.clone(), "c.example.org".parse().unwrap()));
    for (text, other) in [("physics-old", "physics"), ("chemistry-secret", "chemistry")] {
        let secrets = vec![secret("own"), secret(text)];
        let shared = scaler.add_tenant("biology".parse().unwrap(), secrets, settings("{}")).await;
        assert_eq!(clash(shared), TenantClash::Secret(other.parse().unwrap()));
    }
    let none = scaler.add_tenant("biology".parse().unwrap(), vec![], settings("{}")).await;
    assert!(matches!(none, Err(TenantError::NoSecret)));
    let change = TenantChange { secrets: Some(vec![]), settings: None };
    let emptied = scaler.change_tenant(&chemistry, change).await;
    assert!(matches!(emptied, Err(TenantError::NoSecret)));
    assert_eq!(names(&cluster), before);
    assert_eq!(cluster.frontend("chemistry").listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_is_read_again_is_in_force_or_refused_whole() {
    let cluster = Cluster::start(1).await;
    cluster.frontend("physics").create("class").await;
    add(&cluster, "chemistry", "{}").await.unwrap();
    let mut file = cluster.config().tenants;
    // `history` goes, `physics` has another secret and a limit.
    file.retain(|tenant| tenant.name.as_str() != "history");
    let physics = file.iter_mut().find(|tenant| tenant.name.as_str() == "physics").unwrap();
    physics.secrets = vec![secret("renewed")];
    physics.settings = settings(r#"{"limits": {"meetings": 1}}"#);
    let mut with_chemistry = file.clone();
    with_chemistry.push(cluster.tenant("chemistry"));
    let refused = cluster.scaler().reload_tenants(with_chemistry).await;
    assert!(matches!(refused, Err(TenantError::Clash { .. })), "{refused:?}");
    assert_eq!(cluster.frontend("physics").listed().await, ["class"], "nothing has changed");

    cluster.scaler().reload_tenants(file).await.unwrap();
    let renewed = cluster.frontend_with_secret("renewed");
    assert_eq!(renewed.listed().await, ["class"]);
    let reply = renewed.get("create", "name=x&meetingID=more").await;
    assert_eq!(reply.failure(), "meetingLimitReached");
    for gone in ["history", "physics"] {
        let reply = cluster.frontend(gone).get("getMeetings", "").await;
        assert_eq!(reply.failure(), "checksumError", "{gone}");
    }
    assert_eq!(cluster.frontend("chemistry").listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn at_the_start_the_file_wins_over_an_added_tenant_of_its_name() {
    let mut cluster = Cluster::start(1).await;
    cluster.frontend("physics").create("class").await;
    add(&cluster, "chemistry", "{}").await.unwrap();
    cluster.stop().await;
    let mut in_file = cluster.tenant("chemistry");
    in_file.secrets = vec![secret("of-the-file")];
    cluster.add_tenant_to_file(in_file);
    cluster.boot().await;
    assert_eq!(cluster.frontend_with_secret("of-the-file").listed().await, Vec::<String>::new());
    let reply = cluster.frontend("chemistry").get("getMeetings", "").await;
    assert_eq!(reply.failure(), "checksumError");
    let held = cluster.scaler().held_back_tenants();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].reason, "there is a tenant `chemistry` already");
    // The file as it is may be read again; it goes on winning.
    cluster.scaler().reload_tenants(cluster.config().tenants).await.unwrap();
    assert_eq!(cluster.scaler().held_back_tenants(), held);
}

#[tokio::test]
async fn other_scalers_of_the_store_follow() {
    let postgres = Postgres::start().await.unwrap();
    let mut cluster = Cluster::prepare(1).await;
    cluster.set_bounds(bluegate_scaler::Bounds {
        refresh_interval: std::time::Duration::from_millis(20),
        ..quick()
    });
    cluster.store = Some(postgres.database().unwrap());
    cluster.boot().await;
    cluster.add_replica().await;
    add(&cluster, "chemistry", "{}").await.unwrap();
    let other = cluster.frontends("chemistry").remove(1);
    eventually("the other knows it", async || {
        !other.get("getMeetings", "").await.text.contains("FAILED")
    })
    .await;
    // Two scalers that add the same at once do not both succeed.
    let (left, right) =
        tokio::join!(async { add(&cluster, "biology", "{}").await.is_ok() }, async {
            let secrets = vec![secret("another")];
            let scaler = cluster.scalers().nth(1).unwrap();
            scaler.add_tenant("biology".parse().unwrap(), secrets, settings("{}")).await.is_ok()
        });
    assert!(left != right, "{left} {right}");
    cluster.scaler().remove_tenant(&"chemistry".parse().unwrap(), false).await.unwrap();
    eventually("the other forgets it", async || {
        other.get("getMeetings", "").await.text.contains("checksumError")
    })
    .await;
}
