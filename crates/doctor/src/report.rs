//! What an examination comes to: for programs as data, for people as text.

mod human;

use bluegate_cluster::Verdict;
use serde::Serialize;

use crate::{
    check::{Case, Outcome, Outcomes},
    finding::{Finding, Severity},
    subject::Subject,
};

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The cluster's origin.
    pub cluster: String,
    /// How many of each there are.
    pub summary: Summary,
    /// The checks of the cluster as a whole.
    pub checks: Vec<CheckResult>,
    /// The nodes, in the order of the cluster file.
    pub nodes: Vec<NodeReport>,
}

/// What was found of one node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its origin.
    pub origin: String,
    /// The release it runs, as far as that is known.
    pub bbb: Option<String>,
    /// Its checks, in the order they are made.
    pub checks: Vec<CheckResult>,
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The check's id.
    pub check: &'static str,
    /// What it came to.
    pub state: State,
    /// Why it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What it cannot prove from outside, where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'static str>,
    /// What it found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What a check came to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is wrong.
    Passed,
    /// It found something.
    Found,
    /// It does not concern this node, or cannot be known.
    Skipped,
    /// Not made, since another check's finding explains whatever it would find.
    NotChecked,
}

/// How many of each there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings that hurt users.
    pub problems: usize,
    /// Findings that hurt some users, or safety.
    pub warnings: usize,
    /// Findings worth knowing.
    pub notes: usize,
    /// Checks that found nothing wrong.
    pub passed: usize,
    /// Checks that were not made because of a finding.
    pub not_checked: usize,
}

impl NodeReport {
    /// The checks that found a problem.
    fn problems(&self) -> Vec<&str> {
        let is_problem =
            |check: &&CheckResult| check.findings.iter().any(|f| f.severity == Severity::Problem);
        self.checks.iter().filter(is_problem).map(|check| check.check).collect()
    }
}

impl Report {
    pub(crate) fn new(subject: &Subject, cluster: Outcomes, nodes: Vec<NodeReport>) -> Self {
        let mut report = Self {
            cluster: subject.origin.to_string(),
            summary: Summary::default(),
            checks: cluster.into_iter().map(|(check, outcome)| result(check, outcome)).collect(),
            nodes,
        };
        report.summary = report.count();
        report
    }

    /// Whether users are hurt.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        self.summary.problems > 0
    }

    /// All findings, with the node's name where they are a node's.
    pub fn findings(&self) -> impl Iterator<Item = (Option<&str>, &Finding)> {
        let of_cluster = self.checks.iter().flat_map(|check| &check.findings);
        let of_nodes = self.nodes.iter().flat_map(|node| {
            let findings = node.checks.iter().flat_map(|check| &check.findings);
            findings.map(|finding| (Some(node.name.as_str()), finding))
        });
        of_cluster.map(|finding| (None, finding)).chain(of_nodes)
    }

    /// What this says of each node, for others to act on.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        let problems: Vec<Vec<&str>> = self.nodes.iter().map(NodeReport::problems).collect();
        let judged = self.nodes.iter().zip(&problems).filter_map(|(node, own)| {
            let is_rare = |id: &&str| {
                let others = problems.iter().filter(|of| of.contains(id)).count() - 1;
                10 * others <= self.nodes.len()
            };
            Some(Verdict {
                node: node.name.parse().ok()?,
                problems: own.iter().map(|id| (*id).to_owned()).collect(),
                alone: own.iter().any(is_rare),
            })
        });
        judged.collect()
    }

    /// Puts a later look at some nodes in the place of the earlier one.
    pub(crate) fn update(&mut self, later: Self) {
        self.checks = later.checks;
        for node in later.nodes {
            match self.nodes.iter_mut().find(|known| known.name == node.name) {
                Some(known) => *known = node,
                None => self.nodes.push(node),
            }
        }
        self.summary = self.count();
    }

    fn results(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().chain(self.nodes.iter().flat_map(|node| &node.checks))
    }

    fn count(&self) -> Summary {
        let of = |severity| self.findings().filter(|(_, f)| f.severity == severity).count();
        let state = |state| self.results().filter(|result| result.state == state).count();
        Summary {
            problems: of(Severity::Problem),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
            passed: state(State::Passed),
            not_checked: state(State::NotChecked),
        }
    }
}

/// A node's report.
pub(crate) fn of_node(case: &Case<'_>, outcomes: Outcomes) -> NodeReport {
    NodeReport {
        name: case.node.name.to_string(),
        origin: case.node.origin.to_string(),
        bbb: case.release.version.as_ref().map(ToString::to_string),
        checks: outcomes.into_iter().map(|(check, outcome)| result(check, outcome)).collect(),
    }
}

fn result(check: &'static crate::Check, outcome: Outcome) -> CheckResult {
    let (state, because, findings) = match outcome {
        Outcome::Passed => (State::Passed, None, Vec::new()),
        Outcome::Skipped(why) => (State::Skipped, Some(why), Vec::new()),
        Outcome::Suppressed { by } => (State::NotChecked, Some(by.to_owned()), Vec::new()),
        Outcome::Found(findings) => (State::Found, None, findings),
    };
    let limit = check.limit.filter(|_| matches!(state, State::Passed | State::Found));
    CheckResult { check: check.id, state, because, limit, findings }
}
