//! What the probes found: answers by probe, and what a session showed.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{
    browser::BrowserVisit,
    cookie::Cookie,
    probe::Probe,
    stun::ServerProbe,
    wire::{Answer, Certificate, Exchange, Trouble},
};

/// What was found at the cluster's own origin.
#[derive(Clone, Debug)]
pub struct ClusterEvidence {
    /// When it was looked at.
    pub now: SystemTime,
    /// Whether the name leads anywhere.
    pub name: Result<(), Trouble>,
    /// Its certificate; absent without TLS.
    pub certificate: Option<Result<Certificate, Trouble>>,
    /// Its front page.
    pub front: Option<Exchange>,
}

/// What was found of one node.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// When it was looked at.
    pub now: SystemTime,
    /// Whether the name of its origin leads anywhere.
    pub name: Result<(), Trouble>,
    /// Its certificate; absent without TLS.
    pub certificate: Option<Result<Certificate, Trouble>>,
    /// One exchange per probe that was made.
    pub exchanges: BTreeMap<Probe, Exchange>,
    /// The files that the client's page names, asked for through the proxy.
    pub assets: Vec<Exchange>,
    /// What a probe meeting showed; absent without an API secret.
    pub session: Option<Session>,
}

/// What a probe meeting showed.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// `isMeetingRunning` signed with each hash function, by its name.
    pub checksums: Vec<(&'static str, Exchange)>,
    /// `create`.
    pub create: Option<Exchange>,
    /// `join`; its `Location` still holds the session token.
    pub join: Option<Exchange>,
    /// Where `join` leads, without the token.
    pub client_url: Option<String>,
    /// The cookie that `join` set.
    pub cookie: Option<Cookie>,
    /// Whether a browser would send that cookie from the cluster's pages.
    pub cookie_is_sent: bool,
    /// The client that `join` led to, as it came in the end.
    pub client: Option<Exchange>,
    /// The call that gives a page its settings.
    pub entered: Option<Exchange>,
    /// The same call without the cookie.
    pub without_cookie: Option<Exchange>,
    /// The client settings in force: the tree under `public`.
    pub settings: Option<Value>,
    /// The STUN and TURN servers the node names.
    pub stuns: Option<Exchange>,
    /// What these servers answered.
    pub servers: Vec<ServerProbe>,
    /// Whether the GraphQL socket (of Meteor: DDP) took the session.
    pub socket: Option<(Exchange, Result<(), String>)>,
    /// The socket of video and screen sharing, with the session.
    pub sfu: Option<Exchange>,
    /// The socket of SIP audio, with the session.
    pub sip: Option<Exchange>,
    /// An export of shared notes, with the session.
    pub pad_export: Option<Exchange>,
    /// Where a guest is sent who has to wait, without the token.
    pub guest_url: Option<String>,
    /// The page a guest waits on.
    pub guest_page: Option<Exchange>,
    /// What the waiting page asks for.
    pub guest_wait: Option<Exchange>,
    /// The data of the learning dashboard.
    pub dashboard: Option<Exchange>,
    /// What a real browser met, when one was to be started.
    pub browser: Option<Result<BrowserVisit, String>>,
    /// `end`.
    pub end: Option<Exchange>,
    /// Whether a create went out, so that the meeting may exist.
    pub(crate) was_sent: bool,
    /// Texts that must not be kept anywhere: tokens, passwords, ids.
    pub(crate) secrets: Vec<String>,
}

impl Evidence {
    /// Nothing yet.
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            now,
            name: Ok(()),
            certificate: None,
            exchanges: BTreeMap::new(),
            assets: Vec::new(),
            session: None,
        }
    }

    /// What a probe brought, when it was made.
    #[must_use]
    pub fn of(&self, probe: Probe) -> Option<&Exchange> {
        self.exchanges.get(&probe)
    }

    /// A probe's answer, when there was one.
    #[must_use]
    pub fn answer(&self, probe: Probe) -> Option<&Answer> {
        self.of(probe).and_then(Exchange::answer)
    }

    /// How far the node's clock is ahead of ours (negative: behind), by the
    /// `Date` of an answer; it tells whole seconds.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<(bool, Duration)> {
        let answer = self.answer(Probe::IndexOnNode)?;
        let theirs = httpdate::parse_http_date(answer.header(&http::header::DATE)?).ok()?;
        Some(match theirs.duration_since(answer.at) {
            Ok(ahead) => (true, ahead),
            Err(behind) => (false, behind.duration()),
        })
    }
}
