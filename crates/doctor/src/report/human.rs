//! A report for people: what is wrong first, what is well in a line.

use std::fmt;

use super::{CheckResult, NodeReport, Report, State};
use crate::{
    check::BEHIND_AUTH,
    finding::{Finding, Severity},
};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}", self.cluster, count(self.nodes.len(), "node"))?;
        if has_findings(&self.checks) {
            writeln!(f, "\nThe cluster")?;
            section(f, &self.checks)?;
        }
        for node in self.nodes.iter().filter(|node| has_findings(&node.checks)) {
            writeln!(f, "\n{}", head(node))?;
            section(f, &node.checks)?;
        }
        let well: Vec<&NodeReport> =
            self.nodes.iter().filter(|node| !has_findings(&node.checks)).collect();
        let (checked, unchecked): (Vec<&NodeReport>, Vec<&NodeReport>) =
            well.into_iter().partition(|node| not_made(&node.checks).is_empty());
        if !checked.is_empty() {
            let names: Vec<&str> = checked.iter().map(|node| node.name.as_str()).collect();
            writeln!(f, "\nNothing found: {}", names.join(", "))?;
        }
        if !unchecked.is_empty() {
            let names: Vec<&str> = unchecked.iter().map(|node| node.name.as_str()).collect();
            writeln!(f, "\nNothing found, but not all looked at: {}", names.join(", "))?;
        }
        for why in self.unknown() {
            writeln!(f, "{why}")?;
        }
        writeln!(f, "\n{}", self.last_line())
    }
}

impl Report {
    fn last_line(&self) -> String {
        let summary = &self.summary;
        let mut line = format!(
            "{}, {}, {}; {} passed",
            count(summary.problems, "problem"),
            count(summary.warnings, "warning"),
            count(summary.notes, "note"),
            count(summary.passed, "check"),
        );
        if summary.not_checked > 0 {
            line += &format!(", {} not made", summary.not_checked);
        }
        line
    }

    /// What nodes could not be asked for want of a secret, and what is open for that.
    fn unknown(&self) -> Vec<String> {
        let is_without = |node: &&NodeReport| {
            node.checks
                .iter()
                .any(|result| result.check == "api-secret" && result.state == State::Skipped)
        };
        let without: Vec<&NodeReport> = self.nodes.iter().filter(is_without).collect();
        if without.is_empty() {
            return Vec::new();
        }
        let names: Vec<&str> = without.iter().map(|node| node.name.as_str()).collect();
        let mut lines = vec![format!(
            "No meeting was joined on {}: with `secret_file` in [[node]] more can be checked",
            names.join(", ")
        )];
        let mut places: Vec<String> = Vec::new();
        for check in without.iter().flat_map(|node| &node.checks) {
            let name = format!("`{}`", check.check);
            if check.limit == Some(BEHIND_AUTH)
                && check.state == State::Passed
                && !places.contains(&name)
            {
                places.push(name);
            }
        }
        if !places.is_empty() {
            lines.push(format!("Of {} there: {BEHIND_AUTH}", places.join(", ")));
        }
        lines
    }
}

fn head(node: &NodeReport) -> String {
    match &node.bbb {
        Some(bbb) => format!("{}  {}  BBB {bbb}", node.name, node.origin),
        None => format!("{}  {}", node.name, node.origin),
    }
}

fn has_findings(checks: &[CheckResult]) -> bool {
    checks.iter().any(|check| !check.findings.is_empty())
}

/// Checks that were not made, by what stood in their way.
fn not_made(checks: &[CheckResult]) -> Vec<(&str, usize)> {
    let mut by: Vec<(&str, usize)> = Vec::new();
    for check in checks.iter().filter(|check| check.state == State::NotChecked) {
        let cause = check.because.as_deref().unwrap_or_default();
        match by.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, number)) => *number += 1,
            None => by.push((cause, 1)),
        }
    }
    by
}

fn section(f: &mut fmt::Formatter<'_>, checks: &[CheckResult]) -> fmt::Result {
    let mut findings: Vec<&Finding> = checks.iter().flat_map(|check| &check.findings).collect();
    findings.sort_by_key(|finding| finding.severity);
    for finding in findings {
        show(f, finding)?;
    }
    for (cause, number) in not_made(checks) {
        writeln!(f, "  {} not made because of `{cause}`", count(number, "check"))?;
    }
    Ok(())
}

fn show(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    let severity = match finding.severity {
        Severity::Problem => "problem",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    writeln!(f, "  {severity}: {} ({})", finding.title, finding.check)?;
    if !finding.effect.is_empty() {
        writeln!(f, "    users     {}", finding.effect)?;
    }
    for seen in &finding.evidence {
        writeln!(f, "    asked     {}", seen.request)?;
        writeln!(f, "    answered  {}", seen.answer)?;
    }
    if let Some(fix) = &finding.fix {
        writeln!(f, "    change    {}", fix.file)?;
        for setting in &fix.settings {
            match &setting.found {
                Some(found) => {
                    writeln!(
                        f,
                        "              {}: {} instead of {found}",
                        setting.key, setting.wanted
                    )?;
                }
                None => writeln!(f, "              {}: {}", setting.key, setting.wanted)?,
            }
        }
        if let Some(command) = &fix.command {
            writeln!(f, "    or run    {command}")?;
        }
    }
    writeln!(f, "    source    {}", finding.source)
}

fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
