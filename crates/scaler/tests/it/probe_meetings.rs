//! The doctor's own meeting on a node that a scaler watches and whose events its tenants
//! have hooks for.

use std::{path::PathBuf, time::Duration};

use bluegate_doctor::{Bounds, Config, Patient, Subject, examine};
use bluegate_simnode::{CallbackKind, Fault, FaultAction};
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::eventually,
    node_callbacks::Calling,
    node_hooks::{hook, kind, live},
};

/// Those whose meeting IDs are others on nodes, and those whose are not.
const TENANTS: [&str; 2] = ["physics", "default"];

/// What the doctor is told of the first node; the cluster's proxy is nobody's matter here.
fn doctor(calling: &Calling) -> Config {
    let config = calling.simulated.cluster.config();
    let node = config.nodes[0].clone();
    Config {
        subject: Subject {
            origin: "http://127.0.0.1:1".parse().unwrap(),
            file: PathBuf::from("/etc/bluegate/bluegate.toml"),
            nodes: vec![Patient { node: node.node, secrets: node.secrets }],
        },
        tls: config.node_tls,
        // It waits for its answers as long as this test looks at its meeting.
        bounds: Bounds { request: Duration::from_secs(120), ..Bounds::default() },
        browser: None,
    }
}

#[tokio::test]
async fn the_doctors_meeting_is_nobodys_load_list_or_event() {
    for release in ["2.7.17", "3.0.28"] {
        let mut calling = Calling::prepare(&[kind(release)]).await;
        for tenant in TENANTS {
            let (end, ended) = (calling.receiver.url("/end"), calling.receiver.url("/ended"));
            let defaults = format!(
                r#"{{"create": {{"meta_endCallbackUrl": {{"default": "{end}"}},
                    "meetingEndedURL": {{"default": "{ended}"}}}}}}"#
            );
            calling.simulated.cluster.set_tenant(tenant, &defaults);
        }
        calling.simulated.cluster.boot().await;
        let frontends = TENANTS.map(|tenant| calling.simulated.cluster.frontend(tenant));
        for frontend in &frontends {
            hook(&calling, frontend, &calling.receiver.url("/hook"), "").await;
            hook(&calling, frontend, &calling.receiver.url("/raw"), "&getRaw=true").await;
        }
        let (node, scaler) = (calling.node(), calling.simulated.cluster.scaler());
        let at_rest = scaler.nodes();

        // Its meeting has had its user, and would be ended now.
        node.faults().order(Fault::on_call("end", 1, FaultAction::Hang)).unwrap();
        let config = doctor(&calling);
        let examination =
            tokio::spawn(async move { examine(&config, &CancellationToken::new(), |_| {}).await });
        eventually("all is done but the end", async || node.faults().waiting().is_empty()).await;
        let probe = node.meetings().remove(0);
        assert!(probe.metadata.contains_key("bluegate-probe"), "{probe:?}");
        let polls = || {
            let records = node.records();
            records.iter().filter(|record| record.call.as_deref() == Some("getMeetings")).count()
        };
        let before = polls();
        eventually("the scaler has looked", async || polls() > before + 2).await;
        for frontend in &frontends {
            assert_eq!(frontend.listed().await, Vec::<String>::new(), "{release}");
            let query = format!("meetingID={}", probe.meeting_id);
            assert_eq!(frontend.get("getMeetingInfo", &query).await.failure(), "notFound");
            assert_eq!(frontend.get("end", &query).await.failure(), "notFound");
        }
        let (seen, rest) = (&scaler.nodes()[0], &at_rest[0]);
        let loads = [seen, rest].map(|node| (node.load, node.meetings, node.users));
        assert_eq!(loads[0], loads[1], "{release}");
        assert_eq!(loads[0], (0.0, 0, 0), "{release}");
        examination.abort();

        let query = format!("meetingID={}", probe.meeting_id);
        calling.simulated.direct().get("end", &query).await.answer();
        let events = || {
            let sent = node.callbacks().into_iter();
            let of_it = sent.filter(|event| event.body.contains(&probe.internal_meeting_id));
            let of_it = of_it.filter(|event| event.kind == CallbackKind::Webhook);
            of_it.map(|event| event.status).collect::<Vec<_>>()
        };
        // Begin and end, in both forms: the scaler takes them, and tells nobody.
        eventually("the node has told", async || events().len() >= 4).await;
        assert!(events().iter().all(|status| *status == Some(200)), "{:?}", events());
        assert_eq!(calling.receiver.count(), 0, "{:?}", calling.receiver.got());

        // What comes first is the next meeting of somebody's.
        live(&frontends[0], "class").await;
        eventually("told", async || calling.receiver.count() >= 4).await;
        for got in calling.receiver.got() {
            let is_probes = got.body.contains("bluegate-doctor") || got.body.contains(&probe.name);
            assert!(!is_probes, "{release}: {}", got.body);
        }
    }
}
