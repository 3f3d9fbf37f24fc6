//! What the tests serve: two routes and a cache of one answer per mount.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use bluegate_cluster::{Mount, Node, Routes, Secret};

use crate::{
    CacheReport, CacheSource, ClusterHealth, DiskReport, HealthSource, Losing, MountReport,
    NodeHealthReport, NodeReport, NodesReport, NotLost, Sources, TenantEdit, TenantEdited,
    TenantEntry, TenantRefusal, TenantRefusalKind, TenantsReport, TenantsSource, Tokens,
};

pub(crate) const TOKEN: &str = "an-admin-token";

#[derive(Debug)]
pub(crate) struct FakeCache(Mutex<CacheReport>);

impl CacheSource for FakeCache {
    fn report(&self) -> Option<CacheReport> {
        Some(self.0.lock().unwrap().clone())
    }

    fn purge(&self, mount: Option<&Mount>) -> usize {
        let mut report = self.0.lock().unwrap();
        let before = report.mounts.len();
        report.mounts.retain(|name, _| mount.is_some_and(|mount| mount.as_str() != name));
        before - report.mounts.len()
    }
}

/// A scaler whose `bbb-01` answers and whose `bbb-02` is silent.
pub(crate) struct FakeHealth;

impl HealthSource for FakeHealth {
    fn report(&self) -> ClusterHealth {
        let node = |health: &str| NodeHealthReport {
            health: health.to_owned(),
            breaker: "closed".to_owned(),
            ..NodeHealthReport::default()
        };
        let nodes = [("bbb-01", "healthy"), ("bbb-02", "lost")];
        let nodes = nodes.map(|(name, health)| (name.to_owned(), node(health)));
        ClusterHealth { nodes: nodes.into(), ..ClusterHealth::default() }
    }

    fn lose<'a>(&'a self, node: &'a Mount) -> Losing<'a> {
        let outcome = match node.as_str() {
            "bbb-01" => Err(NotLost::Answers),
            "bbb-02" => Ok(()),
            "bbb-03" => Err(NotLost::Store),
            _ => Err(NotLost::Unknown),
        };
        Box::pin(async move { outcome })
    }
}

/// `school-a`, and what was asked to change.
#[derive(Debug, Default)]
pub(crate) struct FakeTenants(pub(crate) Mutex<Vec<String>>);

impl TenantsSource for FakeTenants {
    fn report(&self) -> TenantsReport {
        let settings = serde_json::json!({
            "hosts": ["a.example.org"],
            "limits": {"meetings": 5},
            "create": {"record": {"set": "false"}}
        });
        let entry = TenantEntry {
            name: "school-a".to_owned(),
            source: "api".to_owned(),
            secrets: 2,
            meetings: 3,
            users: 40,
            refused: [("meetings".to_owned(), 1)].into(),
            settings: serde_json::from_value(settings).unwrap(),
        };
        TenantsReport { tenants: vec![entry], held_back: Vec::new() }
    }

    fn edit(&self, edit: TenantEdit) -> TenantEdited {
        let unknown =
            matches!(&edit, TenantEdit::Remove { name, .. } if name.as_str() != "school-a");
        let made = matches!(&edit, TenantEdit::Add { secrets, .. } if secrets.is_empty());
        self.0.lock().unwrap().push(format!("{edit:?}"));
        Box::pin(async move {
            if unknown {
                let message = "there is no such tenant".to_owned();
                return Err(TenantRefusal { kind: TenantRefusalKind::Unknown, message });
            }
            Ok(made.then(|| Secret::new("made-for-it").unwrap()))
        })
    }
}

pub(crate) fn tokens() -> Tokens {
    Tokens::new(&[Secret::new(TOKEN).unwrap()])
}

pub(crate) fn sources() -> Sources {
    let node = |name: &str, address: Option<&str>| Node {
        name: name.parse().unwrap(),
        origin: format!("https://{name}.example.org").parse().unwrap(),
        address: address.map(|address| address.parse().unwrap()),
        bbb: address.map(|_| "3.0.28".parse().unwrap()),
        proxied: true,
    };
    let nodes = [node("bbb-01", Some("10.0.0.11:443")), node("bbb-02", None)];
    let routes = Arc::new(Routes::new("https://bbb.example.org".parse().unwrap(), nodes).unwrap());
    let part = MountReport { entries: 3, bytes: 4_096 };
    let cache = FakeCache(Mutex::new(CacheReport {
        memory: 268_435_456,
        bytes: 8_192,
        contents: 4,
        entries: 6,
        evicted: 1,
        answers: [("hit", 10), ("miss", 2)].map(|(name, n)| (name.to_owned(), n)).into(),
        fetches: 7,
        deltas: 5,
        packed_away: 4_000,
        disk: Some(DiskReport {
            limit: 1 << 30,
            bytes: 16_384,
            files: 9,
            recalled: 3,
            dropped: 1,
            paused: false,
        }),
        mounts: ["bbb-01", "bbb-02"].map(|mount| (mount.to_owned(), part.clone())).into(),
    }));
    Sources {
        routes: Arc::new(move || Arc::clone(&routes)),
        book: None,
        nodes: Some(Arc::new(|| {
            let node = NodeReport { state: "healthy".to_owned(), probes: 3, ..Default::default() };
            let nodes = [("bbb-01".to_owned(), node)].into();
            NodesReport { panicking: false, nodes, scaler: None }
        })),
        health: Some(Arc::new(FakeHealth)),
        cache: Some(Arc::new(cache)),
        scaler: None,
        doctor: Some(Arc::new(|| serde_json::json!({"at": 1_000, "report": {}}))),
        tenants: Some(Arc::new(FakeTenants::default())),
        ready: Arc::new(|| true),
        metrics: vec![Arc::new(|out| {
            out.single("bluegate_test_total", crate::Kind::Counter, "From a role", 42);
        })],
        version: "0.1.0",
        started: UNIX_EPOCH + Duration::from_secs(1_000),
    }
}
