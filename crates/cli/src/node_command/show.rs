//! Plans as people read them.

use std::fmt::Write as _;

use bluegate_nodeconf::{Action, Change, ChangeKind, Detected, Plan};

/// A whole plan with its diffs.
pub(super) fn plan(detected: &Detected, plan: &Plan) -> String {
    let mut out = head(detected, plan);
    for change in &plan.changes {
        out += &format!("\n{}\n", title(change));
        for reason in &change.reasons {
            let key = if reason.key.is_empty() { "the file" } else { &reason.key };
            out += &format!("  {key}: {}\n    source: {}\n", reason.why, reason.source);
        }
        out += &change.diff();
    }
    out + &findings(plan) + &warnings(plan) + &steps(plan)
}

/// Whether there is something to do, and where.
pub(super) fn verification(detected: &Detected, plan: &Plan) -> String {
    let mut out = head(detected, plan);
    for change in &plan.changes {
        let keys: Vec<&str> = change
            .reasons
            .iter()
            .map(|reason| reason.key.as_str())
            .filter(|key| !key.is_empty())
            .collect();
        out += &format!("  {}: {}\n", change.path, keys.join(", "));
    }
    out += &findings(plan);
    out += &warnings(plan);
    if !plan.is_empty() {
        out += &format!("See `bluegate node plan {}` for what to change.\n", plan.node);
    }
    out
}

fn head(detected: &Detected, plan: &Plan) -> String {
    let state = match plan.changes.len() {
        0 => "nothing to do".to_owned(),
        1 => "1 file is to change".to_owned(),
        count => format!("{count} files are to change"),
    };
    let seen_in = detected.evidence.first().map_or("", |evidence| &evidence.seen_in);
    format!("{}: BigBlueButton {} ({seen_in}), {state}\n", plan.node, plan.release)
}

fn title(change: &Change) -> String {
    let whose = match change.kind {
        ChangeKind::OwnFile => "ours alone",
        ChangeKind::SharedFile => "what else stands in it stays",
        ChangeKind::ForeignFile => "set by hand; it moves to a file of ours",
        ChangeKind::PackageFile => "belongs to a package",
    };
    let mut title = format!("{} {} ({whose})", change.action(), change.path);
    if let (None, Some(after)) = (&change.before, &change.after) {
        title += &format!(", {} {:04o}", after.owner, after.mode);
    }
    title
}

fn findings(plan: &Plan) -> String {
    let mut out = String::new();
    for finding in &plan.findings {
        if out.is_empty() {
            out += "\nMistakes in what stands there now:\n";
        }
        // Writing to a string cannot fail.
        writeln!(
            out,
            "  {}: {}: `{}`\n    {}\n    {}",
            finding.path, finding.key, finding.found, finding.mistake, finding.fix
        )
        .unwrap_or_default();
    }
    out
}

fn warnings(plan: &Plan) -> String {
    let lines: Vec<String> = plan.warnings.iter().map(|warning| format!("  {warning}\n")).collect();
    if lines.is_empty() { String::new() } else { format!("\nTo know:\n{}", lines.concat()) }
}

fn steps(plan: &Plan) -> String {
    if plan.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let mut steps = Vec::new();
    if plan.daemon_reload {
        steps.push("systemctl daemon-reload".to_owned());
    }
    for service in &plan.services {
        let check = if service.action == Action::Reload { "nginx -t && " } else { "" };
        let hurts = service.hurts.as_ref().map(|hurts| format!("    # {hurts}"));
        steps.push(format!(
            "{check}systemctl {} {}{}",
            service.action.verb(),
            service.name,
            hurts.unwrap_or_default()
        ));
    }
    if !steps.is_empty() {
        out += &format!("\nThen, in this order:\n  {}\n", steps.join("\n  "));
    }
    out += if plan.hurts_running_meetings {
        "Running meetings would be hurt: drain the node first.\n"
    } else {
        "Running meetings do not notice.\n"
    };
    if plan.not_yet_verified {
        out += "Not yet verified on a real node of this release: this follows sources and tests only.\n";
    }
    out
}
