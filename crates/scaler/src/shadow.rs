//! Another balancer's calls, decided here without acting.
//!
//! Calls come from its access log ([`Shadow::see_line`]) or from a copy of its
//! stream ([`shadow_router`]). No node is ever called: there is no client for
//! one. What is on the nodes is reckoned from the calls themselves, for us and
//! for the other balancer by the same rules, so that only the placements differ:
//! whoever joins stays for a fixed time, and a meeting is over when it is ended or
//! has been empty for a while.

mod judge;
mod line;
mod morning;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::State, http::Uri};
use bluegate_bbb_api::{Call, Parameters, checksum::Presented, meeting_id_of_create};
use bluegate_cluster::{Mount, Origin, TenantName};
use http::StatusCode;

use crate::{
    clock,
    config::{NodeConfig, Placement, TenantConfig},
    placement::{Bar, Candidate, Polled, Question, Release, Wishes, book, decide, expect},
    tenants::{merge::merge, usage::LimitKind},
};
use judge::Judge;
use line::Line;
use morning::{Morning, Place};
pub use report::{Change, Difference, LimitShare, NodeShare, Refusal, ShadowReport};

/// Paths of the API.
const API: &str = "/bigbluebutton/api/";
/// Most differences and refusals that are kept one by one.
const MOST_KEPT: usize = 20;

/// What a shadow decides by.
#[derive(Clone, Debug)]
pub struct ShadowConfig {
    /// The nodes.
    pub nodes: Vec<NodeConfig>,
    /// Those that get no new meetings.
    pub cordoned: BTreeSet<Mount>,
    /// Weights that were set at run time.
    pub weights: BTreeMap<Mount, f64>,
    /// Who calls; of two that clash, the first is in force.
    pub tenants: Vec<TenantConfig>,
    /// How nodes are chosen.
    pub placement: Placement,
    /// How long whoever joins is taken to stay.
    pub stay: Duration,
    /// Whether calls are a copy of a stream, which has no answers in it.
    pub mirrored: bool,
}

/// A balancer that only looks.
#[derive(Debug)]
pub struct Shadow {
    config: ShadowConfig,
    /// The tenants in force.
    tenants: Vec<Arc<TenantConfig>>,
    judge: Judge,
    morning: Morning,
    calls: BTreeMap<String, u64>,
    lines_skipped: u64,
    unsigned: u64,
    refusals: Vec<Refusal>,
    refused: u64,
}

/// A call as it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When, in ms since 1970.
    pub at: i64,
    /// Path and query.
    pub target: &'a str,
    /// Where the other balancer sent the user.
    pub location: Option<&'a str>,
}

impl Shadow {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(config: ShadowConfig) -> Self {
        let names = config.nodes.iter().map(|node| node.node.name.clone()).collect();
        let tenants = merge(&config.tenants).in_force.into_iter().cloned();
        Self {
            tenants: tenants.map(Arc::new).collect(),
            morning: Morning::new(names, config.stay),
            judge: Judge::default(),
            calls: BTreeMap::new(),
            lines_skipped: 0,
            unsigned: 0,
            refusals: Vec::new(),
            refused: 0,
            config,
        }
    }

    /// A line of an access log in nginx' combined format, with the `Location` of
    /// the answer in quotes behind it where that is logged.
    pub fn see_line(&mut self, text: &str) {
        match Line::read(text) {
            Some(line) => {
                self.see(Seen { at: line.at, target: line.target, location: line.location })
            }
            None => self.lines_skipped += u64::from(!text.trim().is_empty()),
        }
    }

    /// A call, in the order of time.
    pub fn see(&mut self, seen: Seen<'_>) {
        let (path, query) = seen.target.split_once('?').unwrap_or((seen.target, ""));
        let Some((_, call)) = path.split_once(API).filter(|(before, _)| is_ours(before)) else {
            self.lines_skipped += 1;
            return;
        };
        let call = call.trim_end_matches('/');
        // What others call themselves is not ours to remember without bound.
        let known = Call::named(call).map_or("other", |call| call.name());
        *self.calls.entry(known.to_owned()).or_default() += 1;
        let decided = ["create", "join", "end"].contains(&call);
        let Some(tenant) = self.signer(call, query) else {
            self.unsigned += u64::from(decided);
            return;
        };
        self.morning.pass(seen.at);
        let in_time = self.judge.request(&tenant, seen.at);
        let mut parameters = Parameters::of_query(query);
        let meeting = parameters.text("meetingID").filter(|id| !id.is_empty());
        let Some(meeting) = meeting.filter(|_| decided) else { return };
        match call {
            "create" if in_time => self.create(seen.at, &tenant, &meeting, &mut parameters),
            "create" => {
                let reason = judge::describe(LimitKind::Requests).to_owned();
                self.refuse(seen.at, (tenant.name.clone(), meeting), reason);
            }
            // A browser that is told to wait asks again by itself.
            "join" => self.join(seen, &tenant, meeting, &mut parameters),
            _ => self.morning.end(&(tenant.name.clone(), meeting)),
        }
    }

    /// What came of it so far.
    #[must_use]
    pub fn report(&mut self) -> ShadowReport {
        self.morning.close();
        report::of(self)
    }

    fn create(
        &mut self,
        at: i64,
        tenant: &TenantConfig,
        meeting: &str,
        parameters: &mut Parameters,
    ) {
        let key = (tenant.name.clone(), meeting.to_owned());
        self.judge.shape_create(tenant, parameters);
        if self.morning.is_open(&key) {
            return;
        }
        let refusal = match (meeting_id_of_create(parameters), Wishes::read(parameters)) {
            (Err(failure), _) => Some(failure.key().to_owned()),
            (_, Err(error)) => Some(error.to_string()),
            (Ok(_), Ok(wishes)) => {
                let there = self.morning.held_by(&tenant.name);
                match self.judge.new_meeting(tenant, there) {
                    Some(limit) => Some(judge::describe(limit).to_owned()),
                    None => self.place(at, key.clone(), &wishes.and(&tenant.settings.tags)),
                }
            }
        };
        if let Some(reason) = refusal {
            self.refuse(at, key, reason);
        }
    }

    /// A create that is refused: its meeting goes on at the other balancer only.
    fn refuse(&mut self, at: i64, key: morning::Key, reason: String) {
        if self.morning.is_open(&key) {
            return;
        }
        self.refused += 1;
        if self.refusals.len() < MOST_KEPT {
            let (tenant, meeting) = (key.0.to_string(), key.1.clone());
            self.refusals.push(Refusal { at, tenant, meeting, reason });
        }
        self.morning.begin(at, key, Place::Nowhere, 0);
    }

    fn join(
        &mut self,
        seen: Seen<'_>,
        tenant: &TenantConfig,
        meeting: String,
        parameters: &mut Parameters,
    ) {
        self.judge.shape_join(tenant, parameters);
        let theirs = seen.location.and_then(|location| self.node_of(location));
        let key = (tenant.name.clone(), meeting);
        let is_nowhere = self.morning.is_nowhere(&key);
        let there = || self.morning.held_by(&tenant.name).users;
        let comes = !is_nowhere && self.judge.new_user(tenant, there);
        self.morning.join(seen.at, key, theirs, comes);
    }

    /// Places a meeting; why not, when no node can take it.
    fn place(&mut self, at: i64, key: (TenantName, String), wishes: &Wishes) -> Option<String> {
        let expected = expect(&[], wishes, self.config.placement.reserved_users);
        let (polls, open) = self.morning.polls(at);
        let candidates: Vec<Candidate<'_>> = self
            .config
            .nodes
            .iter()
            .map(|node| Candidate {
                node: &node.node.name,
                release: node.node.bbb.clone().map(Release::Version),
                terms: &node.terms,
                bar: self.config.cordoned.contains(&node.node.name).then_some(Bar::Cordoned),
                found_broken: false,
                weight: self.config.weights.get(&node.node.name).copied(),
                returned_at: None,
            })
            .collect();
        // Equals take turns, the same each time the log is read.
        let seed = self.morning.placed();
        let question = Question { wishes, is_room: false, expected, now: at, seed };
        let polls: Vec<(&Mount, &dyn Polled)> = self
            .config
            .nodes
            .iter()
            .zip(&polls)
            .map(|(node, polled)| (&node.node.name, polled as &dyn Polled))
            .collect();
        let booked = book(&polls, &open, &self.config.placement, at);
        let decision = decide(&question, &candidates, booked, &self.config.placement);
        let node = decision.node.as_deref().and_then(|name| name.parse::<Mount>().ok());
        match node {
            Some(node) => {
                self.morning.begin(at, key, Place::At(node), expected.users);
                None
            }
            None => Some(format!("no node can take it: {}", decision.describe_excluded())),
        }
    }

    /// Whose secret signed the call.
    fn signer(&self, call: &str, query: &str) -> Option<Arc<TenantConfig>> {
        let presented = Presented::read(call, query, None).ok()?;
        let signed = |tenant: &&Arc<TenantConfig>| {
            tenant.secrets.iter().any(|secret| presented.is_signed_by(secret))
        };
        self.tenants.iter().find(signed).cloned()
    }

    /// The node that a `Location` leads to.
    fn node_of(&self, location: &str) -> Option<Mount> {
        let (scheme, rest) = location.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        let origin: Origin = format!("{scheme}://{authority}").parse().ok()?;
        let node = self.config.nodes.iter().find(|node| node.node.origin == origin)?;
        Some(node.node.name.clone())
    }
}

/// What may stand before the API's path: nothing, or a tenant.
fn is_ours(before: &str) -> bool {
    before.is_empty() || before.strip_prefix("/t/").is_some_and(|name| !name.contains('/'))
}

/// Takes a copy of another balancer's requests, as nginx' `mirror` sends it: each
/// is answered 204 and decided.
pub fn shadow_router(shadow: Arc<Mutex<Shadow>>) -> Router {
    Router::new().fallback(mirrored).with_state(shadow)
}

async fn mirrored(State(shadow): State<Arc<Mutex<Shadow>>>, uri: Uri) -> StatusCode {
    let target = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    let mut shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
    shadow.see(Seen { at: clock::now(), target, location: None });
    StatusCode::NO_CONTENT
}
