//! Plans as people read them.

use std::fmt::Write as _;

use bluegate_nodeconf::{Action, Change, ChangeKind, Detected, Plan};
use bluegate_nodeops::{Left, Pending, Reapplied};

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

/// What a node waits for besides what `plan` restarts itself.
pub(super) fn waiting(pending: &Pending, plan: &Plan) -> String {
    let names: Vec<&str> = pending
        .services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| plan.services.iter().all(|planned| planned.name != *name))
        .collect();
    if names.is_empty() || pending.since.is_empty() {
        return String::new();
    }
    format!(
        "Waiting for a restart since {}: {}. `bluegate node apply {}` restarts once no meetings run.\n",
        pending.since,
        names.join(", "),
        plan.node
    )
}

/// What is to be done at one of many nodes, on one line.
pub(super) fn short(plan: &Plan, due: &Pending) -> String {
    let files = match plan.changes.len() {
        0 => "no file".to_owned(),
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let mut text = format!("{} to change on BigBlueButton {}", files, plan.release);
    if !due.services.is_empty() {
        text += &format!("; restarts {}", due.names());
    }
    if !plan.findings.is_empty() {
        let plural = if plan.findings.len() == 1 { "mistake" } else { "mistakes" };
        text += &format!("; {} {plural}", plan.findings.len());
    }
    text
}

/// What a reapply came to, for a journal.
pub(super) fn reapplied(node: &str, done: &Reapplied) -> String {
    let mut out = match &done.left {
        None if done.files.is_empty() => format!("{node}: every file is as it was applied\n"),
        None => format!("{node}: these were changed since, and are again as they were applied\n"),
        Some(Left::NeverApplied) => {
            format!("{node}: nothing was applied yet: `bluegate node apply {node}` does\n")
        }
        Some(Left::RolledBack(time)) => format!(
            "{node}: the last apply, of {time}, was rolled back: left alone until the next one\n"
        ),
        Some(Left::UnderWay(time)) => format!(
            "{node}: an apply that began at {time} is under way or was cut off: left alone. \
             `bluegate node apply {node}` undoes it and goes on\n"
        ),
        Some(Left::OtherWish { applied, wanted }) => format!(
            "{node}: the cluster file wants something else than what was applied ({}, not {}): \
             left alone until `bluegate node apply {node}`\n",
            wish(wanted, applied),
            wish(applied, wanted)
        ),
    };
    for path in &done.files {
        out += &format!("  {path}\n");
    }
    if !done.pending.services.is_empty() {
        out += &format!("{node}: waiting for a restart: {}\n", done.pending.names());
        for service in &done.pending.services {
            if let Some(hurts) = &service.hurts {
                out += &format!("  {}: {hurts}\n", service.name);
            }
        }
        out += &match done.meetings {
            Some(0) | None => String::new(),
            Some(1) => format!("{node}: 1 meeting runs; it is done when that has ended\n"),
            Some(count) => {
                format!("{node}: {count} meetings run; it is done when they have ended\n")
            }
        };
        if done.pending.cordoned.is_some() {
            out += &format!("{node}: cordoned until then\n");
        }
        if let Some(why) = &done.not_cordoned {
            out += &format!(
                "{node}: new meetings still come to it, since it cannot be cordoned: {why}\n"
            );
        }
    }
    out
}

/// What `one` wants that `other` does not.
fn wish(one: &bluegate_nodeops::Wanted, other: &bluegate_nodeops::Wanted) -> String {
    if one.proxied != other.proxied {
        format!("`proxied = {}`", one.proxied)
    } else if one.cluster != other.cluster {
        format!("cluster `{}`", one.cluster)
    } else {
        format!("origin `{}`", one.origin)
    }
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
