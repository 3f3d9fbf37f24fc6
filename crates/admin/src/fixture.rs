//! What the tests serve: two routes and a cache of one answer per mount.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use bluegate_cluster::{Mount, Node, Routes, Secret, TenantName};

use crate::{
    Answering, AuditEntry, AuditSource, CacheReport, CacheSource, CallbackEntry, CallbackStanding,
    CallbacksSource, ClusterHealth, DiskReport, DrainStatus, HealthSource, Losing, MeetingEntry,
    MeetingLife, MountReport, NodeChange, NodeHealthReport, NodeRemoved, NodeReport, NodeSpec,
    NodesReport, NotLost, RecordingEntry, RecordingWish, RecordingsSource, Role, ScalerNode,
    ScalerRefusal, ScalerSource, Sources, StoredToken, TenantEdit, TenantEdited, TenantEntry,
    TenantRefusal, TenantRefusalKind, TenantsReport, TenantsSource, TokenSource, Tokens, hashing,
    issued::NewToken,
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

/// One dead letter of `school-a`, one that waits of `school-b`.
#[derive(Debug)]
pub(crate) struct FakeCallbacks;

impl FakeCallbacks {
    fn all() -> [CallbackEntry; 2] {
        [("dead", "school-a"), ("queued", "school-b")].map(|(state, tenant)| CallbackEntry {
            id: format!("{state}-of-{tenant}"),
            tenant: tenant.to_owned(),
            meeting_id: "m-1".to_owned(),
            kind: "meeting-ended".to_owned(),
            state: state.to_owned(),
            target: format!("https://{tenant}.example.org"),
            attempts: 3,
            created_at: 1_000,
            next_at: 2_000,
            error: Some("the receiver answered 500".to_owned()),
        })
    }

    fn has(id: &str, tenant: Option<&TenantName>) -> bool {
        Self::all().iter().any(|callback| {
            callback.id == id && tenant.is_none_or(|tenant| tenant.as_str() == callback.tenant)
        })
    }
}

impl CallbacksSource for FakeCallbacks {
    fn list(
        &self,
        state: CallbackStanding,
        tenant: Option<TenantName>,
        limit: u32,
    ) -> Answering<'_, Vec<CallbackEntry>> {
        let state = match state {
            CallbackStanding::Queued => "queued",
            CallbackStanding::Delivered => "delivered",
            CallbackStanding::Dead => "dead",
        };
        let listed = Self::all().into_iter().filter(move |callback| {
            callback.state == state
                && tenant.as_ref().is_none_or(|tenant| tenant.as_str() == callback.tenant)
        });
        let listed = listed.take(limit as usize).collect();
        Box::pin(async move { Ok(listed) })
    }

    fn retry(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool> {
        Box::pin(async move { Ok(Self::has(&id, tenant.as_ref())) })
    }

    fn remove(&self, id: String, tenant: Option<TenantName>) -> Answering<'_, bool> {
        self.retry(id, tenant)
    }
}

/// A recording of `school-a` and one of `school-b`.
#[derive(Debug)]
pub(crate) struct FakeRecordings;

impl RecordingsSource for FakeRecordings {
    fn list(&self, wish: RecordingWish, limit: u32) -> Vec<RecordingEntry> {
        let recordings = ["school-a", "school-b"].map(|tenant| RecordingEntry {
            tenant: tenant.to_owned(),
            record_id: format!("r-of-{tenant}"),
            meeting_id: "m-1".to_owned(),
            state: "published".to_owned(),
            started_at: 1_000,
            keepers: vec!["bbb-01".to_owned()],
        });
        let wanted = |recording: &RecordingEntry| {
            wish.tenant.as_ref().is_none_or(|tenant| tenant.as_str() == recording.tenant)
                && wish.record_id.as_ref().is_none_or(|id| *id == recording.record_id)
                && wish.state.is_none_or(|state| state.as_str() == recording.state)
        };
        recordings.into_iter().filter(wanted).take(limit as usize).collect()
    }

    fn publish(&self, tenant: TenantName, id: String, _: bool) -> Answering<'_, ()> {
        self.delete(tenant, id)
    }

    fn delete(&self, tenant: TenantName, id: String) -> Answering<'_, ()> {
        let is_there = id == format!("r-of-{tenant}");
        Box::pin(
            async move { if is_there { Ok(()) } else { Err(refusal("unknown_recording", 404)) } },
        )
    }
}

/// A scaler with a meeting of `school-a` and one of `school-b`.
#[derive(Debug)]
pub(crate) struct FakeScaler;

impl ScalerSource for FakeScaler {
    fn nodes(&self) -> BTreeMap<String, ScalerNode> {
        let node = ScalerNode {
            origin: "https://bbb-01.example.org".to_owned(),
            source: "file".to_owned(),
            health: "healthy".to_owned(),
            weight: 1.0,
            ..ScalerNode::default()
        };
        [("bbb-01".to_owned(), node.clone()), ("bbb-03".to_owned(), node)].into()
    }

    fn add_node(&self, _: NodeSpec) -> Answering<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn change_node(&self, _: Mount, _: NodeChange) -> Answering<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn remove_node(&self, name: Mount, _: bool) -> Answering<'_, NodeRemoved> {
        Box::pin(async move { Ok(NodeRemoved { name: name.to_string(), meetings_left: 0 }) })
    }

    fn drain(&self, _: Mount) -> Answering<'_, DrainStatus> {
        Box::pin(async { Ok(DrainStatus::default()) })
    }

    fn meetings(&self) -> Vec<MeetingEntry> {
        let meeting = |tenant: &str| MeetingEntry {
            tenant: tenant.to_owned(),
            meeting_id: "m-1".to_owned(),
            node: "bbb-01".to_owned(),
            state: "live".to_owned(),
            ..MeetingEntry::default()
        };
        ["school-a", "school-b"].map(meeting).into()
    }

    fn meeting(&self, tenant: TenantName, _: String) -> Answering<'_, Vec<MeetingLife>> {
        let meetings = self.meetings().into_iter();
        let lives = meetings.filter(|meeting| meeting.tenant == tenant.as_str());
        let decision = Some(serde_json::json!({"node": "bbb-01"}));
        let lives = lives.map(|meeting| MeetingLife { meeting, decision: decision.clone() });
        let lives = lives.collect();
        Box::pin(async move { Ok(lives) })
    }

    fn end_meeting(&self, _: TenantName, _: String) -> Answering<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Tokens and an audit log in memory.
#[derive(Debug, Default)]
pub(crate) struct FakeStore {
    pub(crate) tokens: Mutex<Vec<StoredToken>>,
    pub(crate) audit: Mutex<Vec<AuditEntry>>,
    /// Does not answer.
    pub(crate) down: AtomicBool,
}

impl FakeStore {
    /// A token of this role; hashing takes a while.
    pub(crate) fn issue(&self, name: &str, role: Role) -> String {
        let new = NewToken::random();
        self.tokens.lock().unwrap().push(StoredToken {
            id: new.id.clone(),
            name: name.to_owned(),
            role,
            hash: hashing::hash(&new.secret).unwrap(),
            created_at: 1_000,
            created_by: crate::TOKEN_FILE.to_owned(),
        });
        new.text()
    }

    fn answer<T: Send + 'static>(&self, answer: T) -> Answering<'_, T> {
        let down = self.down.load(Ordering::SeqCst);
        Box::pin(
            async move { if down { Err(refusal("store_unavailable", 503)) } else { Ok(answer) } },
        )
    }
}

fn refusal(code: &'static str, status: u16) -> ScalerRefusal {
    let status = http::StatusCode::from_u16(status).unwrap();
    ScalerRefusal { status, code, message: code.replace('_', " ") }
}

impl TokenSource for FakeStore {
    fn find(&self, id: String) -> Answering<'_, Option<StoredToken>> {
        let found = self.tokens.lock().unwrap().iter().find(|token| token.id == id).cloned();
        self.answer(found)
    }

    fn list(&self) -> Answering<'_, Vec<StoredToken>> {
        let tokens = self.tokens.lock().unwrap().clone();
        self.answer(tokens)
    }

    fn add(&self, token: StoredToken) -> Answering<'_, StoredToken> {
        let mut tokens = self.tokens.lock().unwrap();
        if tokens.iter().any(|other| other.name == token.name) {
            return Box::pin(async { Err(refusal("name_taken", 409)) });
        }
        tokens.push(token.clone());
        drop(tokens);
        self.answer(token)
    }

    fn remove(&self, name: String) -> Answering<'_, bool> {
        let mut tokens = self.tokens.lock().unwrap();
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        let found = tokens.len() < before;
        drop(tokens);
        self.answer(found)
    }

    fn remove_of(&self, tenant: TenantName) -> Answering<'_, ()> {
        self.tokens.lock().unwrap().retain(|token| token.role.tenant() != Some(&tenant));
        self.answer(())
    }
}

impl AuditSource for FakeStore {
    fn record(&self, entry: AuditEntry) -> Answering<'_, ()> {
        let mut audit = self.audit.lock().unwrap();
        let position = audit.len() as i64 + 1;
        audit.push(AuditEntry { position, ..entry });
        drop(audit);
        self.answer(())
    }

    fn list(
        &self,
        before: i64,
        actor: Option<String>,
        limit: u32,
    ) -> Answering<'_, Vec<AuditEntry>> {
        let audit = self.audit.lock().unwrap();
        let listed = audit.iter().rev().filter(|entry| {
            entry.position < before && actor.as_ref().is_none_or(|actor| *actor == entry.actor)
        });
        let listed = listed.take(limit as usize).cloned().collect();
        drop(audit);
        self.answer(listed)
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
        callbacks: Some(Arc::new(FakeCallbacks)),
        recordings: Some(Arc::new(FakeRecordings)),
        tokens: None,
        audit: None,
        doctor: Some(Arc::new(|| serde_json::json!({"at": 1_000, "report": {}}))),
        tenants: Some(Arc::new(FakeTenants::default())),
        ready: Arc::new(crate::Readiness::default),
        metrics: vec![Arc::new(|out| {
            out.single("bluegate_test_total", crate::Kind::Counter, "From a role", 42);
        })],
        version: "0.1.0",
        started: UNIX_EPOCH + Duration::from_secs(1_000),
    }
}
