//! The checks: pure functions over evidence, in a table.
//!
//! The table's order is the order in which causes are looked for. A check
//! whose cause may lie in an earlier one names that in `needs`, and is not run
//! once the earlier one found a problem: one cause, one finding.

mod api;
mod browser;
mod calls;
mod client;
mod cluster;
mod inside;
mod media;
mod places;
mod reach;
mod route;
mod session;
mod settings;

pub(crate) use media::BEHIND_AUTH;

use std::collections::BTreeMap;

use bluegate_cluster::{Node, Origin};

use crate::{
    evidence::{ClusterEvidence, Evidence, Session},
    finding::{Finding, Severity},
    probe::Probe,
    release::Release,
    subject::Subject,
    wire::{Answer, Exchange},
};

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its name for ever: words of lower-case letters and hyphens.
    pub id: &'static str,
    /// What it proves, in a few words.
    pub proves: &'static str,
    /// What it cannot prove from outside.
    pub limit: Option<&'static str>,
    /// Where the knowledge comes from.
    pub source: &'static str,
    /// Checks whose problem explains this one's.
    pub needs: &'static [&'static str],
    /// What it looks at.
    pub(crate) run: Run,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Run {
    /// The cluster as a whole.
    Cluster(fn(&ClusterCase<'_>) -> Outcome),
    /// One node.
    Node(fn(&Case<'_>) -> Outcome),
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Passed,
    /// It does not concern this node, or cannot be known; why.
    Skipped(String),
    /// It was not made, because of what another check found.
    Suppressed {
        /// The other check.
        by: &'static str,
    },
    /// Something is wrong.
    Found(Vec<Finding>),
}

/// What checks of the cluster see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterCase<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) evidence: &'a ClusterEvidence,
    /// The nodes that could be looked at.
    pub(crate) nodes: &'a [(&'a Node, &'a Release, &'a Evidence)],
}

/// What checks of a node see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) node: &'a Node,
    pub(crate) release: &'a Release,
    pub(crate) evidence: &'a Evidence,
}

/// Every check there is, causes first.
pub const CHECKS: &[Check] = &[
    cluster::NAME,
    cluster::HTTPS,
    cluster::PORT,
    cluster::CERTIFICATE,
    cluster::EXPIRY,
    cluster::ANSWERS,
    reach::NAME,
    reach::HTTPS,
    reach::SITE,
    reach::CERTIFICATE,
    reach::EXPIRY,
    reach::ANSWERS,
    reach::CLOCK,
    reach::RELEASE,
    reach::RELEASE_IN_FILE,
    client::CONFIGURED,
    client::ON_NODE,
    client::BESIDE,
    route::THROUGH_PROXY,
    route::IDENTICAL,
    route::SLASH,
    client::FILES,
    client::TEXTS,
    client::WASM,
    route::EXPOSED,
    route::LOOK_ALIKE,
    api::INDEX,
    api::INDEX_URLS,
    calls::WEB,
    calls::WEB_OPEN,
    calls::REST,
    calls::REST_OPEN,
    calls::SLIDES,
    calls::ROUND_TRIP,
    calls::SHARED_NOTES,
    calls::PLUGINS,
    media::GRAPHQL,
    media::GRAPHQL_OPEN,
    media::METEOR,
    media::SFU,
    media::SIP,
    media::LIVEKIT,
    media::SHARED_NOTES_SOCKET,
    places::UPLOADS,
    places::PADS,
    places::DASHBOARD,
    places::DASHBOARD_TEXTS,
    places::LOBBY_TEXTS,
    api::SECRET,
    api::CHECKSUMS,
    session::MEETING,
    session::CLIENT_URL,
    session::COOKIE,
    session::CLIENT,
    settings::METEOR,
    session::ENTERED,
    session::BINDING,
    settings::CLIENT,
    inside::SOCKET,
    inside::SFU,
    inside::SIP,
    inside::PAD_EXPORT,
    inside::LOBBY,
    inside::SERVERS,
    browser::PAGE,
    browser::CONSOLE,
    browser::ORIGINS,
    inside::ENDED,
    cluster::BUILDS,
];

/// Outcomes by check, in the table's order.
pub(crate) type Outcomes = Vec<(&'static Check, Outcome)>;

/// Makes the checks of the cluster that come before its nodes'.
pub(crate) fn of_cluster(case: &ClusterCase<'_>) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for check in CHECKS {
        if let Run::Cluster(run) = check.run {
            let outcome = decide(check, &blocked(&outcomes), || run(case));
            outcomes.push((check, outcome));
        }
    }
    outcomes
}

/// Makes the checks of a node, knowing the cluster's.
pub(crate) fn of_node(case: &Case<'_>, cluster: &Outcomes) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for check in CHECKS {
        if let Run::Node(run) = check.run {
            let mut blocked = blocked(&outcomes);
            blocked.extend(self::blocked(cluster));
            let outcome = decide(check, &blocked, || run(case));
            outcomes.push((check, outcome));
        }
    }
    outcomes
}

/// The checks that stand in the way of others, and whose doing that is.
fn blocked(outcomes: &Outcomes) -> BTreeMap<&'static str, &'static str> {
    let blocking = outcomes.iter().filter_map(|(check, outcome)| match outcome {
        Outcome::Suppressed { by } => Some((check.id, *by)),
        Outcome::Found(findings)
            if findings.iter().any(|finding| finding.severity == Severity::Problem) =>
        {
            Some((check.id, check.id))
        }
        _ => None,
    });
    blocking.collect()
}

fn decide(
    check: &'static Check,
    blocked: &BTreeMap<&'static str, &'static str>,
    run: impl FnOnce() -> Outcome,
) -> Outcome {
    if let Some(by) = check.needs.iter().find_map(|need| blocked.get(need)) {
        return Outcome::Suppressed { by };
    }
    match run() {
        Outcome::Found(findings) if findings.is_empty() => Outcome::Passed,
        Outcome::Found(findings) => Outcome::Found(
            findings
                .into_iter()
                .map(|finding| Finding { check: check.id, source: check.source, ..finding })
                .collect(),
        ),
        other => other,
    }
}

impl<'a> Case<'a> {
    /// The cluster's origin, as a page's `Origin` says it.
    pub(crate) fn page(&self) -> &'a Origin {
        &self.subject.origin
    }

    /// What a probe brought.
    pub(crate) fn of(&self, probe: Probe) -> Option<&'a Exchange> {
        self.evidence.of(probe)
    }

    /// A probe's exchange and its answer; the reason to skip where there is none.
    pub(crate) fn got(&self, probe: Probe) -> Result<(&'a Exchange, &'a Answer), Outcome> {
        let exchange = self.of(probe).ok_or_else(not_concerned)?;
        let answer = exchange.answer().ok_or_else(|| no_answer(exchange))?;
        Ok((exchange, answer))
    }

    /// What the probe meeting showed.
    pub(crate) fn session(&self) -> Result<&'a Session, Outcome> {
        self.evidence.session.as_ref().ok_or_else(|| {
            skip("there is no `secret_file` for this node, so no meeting could be joined")
        })
    }

    /// Whether the node has the server of BlockNote's shared notes.
    pub(crate) fn has_shared_notes_server(&self) -> bool {
        self.evidence.answer(Probe::SharedNotesSocket).is_some_and(|answer| answer.status != 404)
    }
}

/// Not for this node.
pub(crate) fn skip(why: impl Into<String>) -> Outcome {
    Outcome::Skipped(why.into())
}

/// The probe was not made here.
pub(crate) fn not_concerned() -> Outcome {
    skip("this release has none, or the node is not proxied")
}

/// No answer came: the checks that reach the node say why, when it is not a
/// matter of this one request.
pub(crate) fn no_answer(exchange: &Exchange) -> Outcome {
    let cause = exchange.outcome.as_ref().err().map(ToString::to_string);
    Outcome::Found(vec![
        Finding::new(Severity::Warning, format!("No answer to `{}`", exchange.request.url))
            .effect("What needs this answer waits or fails")
            .seen(exchange, cause.unwrap_or_default()),
    ])
}

/// One finding.
pub(crate) fn found(finding: Finding) -> Outcome {
    Outcome::Found(vec![finding])
}

/// The status with its words: `404 Not Found`.
pub(crate) fn status(answer: &Answer) -> String {
    answer.status.to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_words_and_needs_come_first() {
        let mut cluster = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for check in CHECKS {
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
            assert!(check.id.split('-').all(is_word), "{}", check.id);
            assert!(!check.source.is_empty() && !check.proves.is_empty(), "{}", check.id);
            for need in check.needs {
                assert!(seen.contains(need), "`{}` needs `{need}`, which comes later", check.id);
                if let Run::Cluster(_) = check.run {
                    assert!(cluster.contains(need), "`{}` needs a node's `{need}`", check.id);
                }
            }
            if let Run::Cluster(_) = check.run {
                cluster.insert(check.id);
            }
            assert!(seen.insert(check.id), "`{}` twice", check.id);
        }
    }
}
