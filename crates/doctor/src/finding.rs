//! A finding: what is wrong, what users see of it, and what mends it.

use serde::Serialize;

use crate::wire::Exchange;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Users are hurt, or soon will be.
    Problem,
    /// Some users are hurt at some times, or safety is.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's id.
    pub check: &'static str,
    /// How bad.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// What a user sees of it.
    pub effect: String,
    /// On what grounds.
    pub evidence: Vec<Seen>,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Where the knowledge comes from.
    pub source: &'static str,
}

/// A request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What was asked, without anything secret.
    pub request: String,
    /// What came back, in short.
    pub answer: String,
}

/// What mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The file to change, and on which machine when that is not the node.
    pub file: String,
    /// What is to stand there.
    pub settings: Vec<Setting>,
    /// The command that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// One key of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key, or the line's beginning.
    pub key: String,
    /// What is in force now, when that shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What it is to be.
    pub wanted: String,
}

impl Finding {
    /// A finding of a check, without evidence yet.
    pub(crate) fn new(severity: Severity, title: impl Into<String>) -> Self {
        Self {
            // Set by the one who runs the check, which has an id and a source.
            check: "",
            severity,
            title: title.into(),
            effect: String::new(),
            evidence: Vec::new(),
            fix: None,
            source: "",
        }
    }

    pub(crate) fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = effect.into();
        self
    }

    pub(crate) fn seen(mut self, exchange: &Exchange, answer: impl Into<String>) -> Self {
        self.evidence.push(Seen { request: exchange.request.line(), answer: answer.into() });
        self
    }

    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

impl Setting {
    pub(crate) fn new(key: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self { key: key.into(), found: None, wanted: wanted.into() }
    }

    pub(crate) fn instead_of(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }
}
