//! What a real browser met, when there was one.

use super::{Case, Check, Outcome, Run, found, skip};
use crate::{
    browser::BrowserVisit,
    evidence::Session,
    finding::{Finding, Seen, Severity},
};

pub(super) const PAGE: Check = Check {
    id: "browser-page",
    proves: "a browser that joins shows pages of the cluster's origin and of no other",
    limit: Some("only with `--browser`; nobody clicks: microphone and camera are not asked for"),
    source: "one origin, one permission",
    needs: &["client-url", "join-reaches-client"],
    run: Run::Node(page),
};

pub(super) const CONSOLE: Check = Check {
    id: "browser-console",
    proves: "a browser that joins has no errors in its console",
    limit: Some("only with `--browser`; until the page is quiet"),
    source: "Chromium, headless",
    needs: &["browser-page", "session"],
    run: Run::Node(console),
};

pub(super) const ORIGINS: Check = Check {
    id: "browser-origins",
    proves: "a browser that joins asks only the cluster and this node",
    limit: Some("only with `--browser`; until the page is quiet"),
    source: "Chromium, headless",
    needs: &["browser-page"],
    run: Run::Node(origins),
};

fn visit<'a>(case: &Case<'a>) -> Result<(&'a Session, &'a BrowserVisit), Outcome> {
    let session = case.session()?;
    match &session.browser {
        None => Err(skip("no browser was started")),
        Some(Ok(visit)) => Ok((session, visit)),
        Some(Err(why)) => Err(skip(why.clone())),
    }
}

fn seen(mut finding: Finding, answer: String) -> Finding {
    let request = "Chromium opens the join URL of a probe meeting".to_owned();
    finding.evidence.push(Seen { request, answer });
    finding
}

fn page(case: &Case<'_>) -> Outcome {
    let (_, visit) = match visit(case) {
        Ok(visit) => visit,
        Err(outcome) => return outcome,
    };
    if visit.pages == [case.page().to_string()] {
        return Outcome::Passed;
    }
    let pages = if visit.pages.is_empty() { "none".to_owned() } else { visit.pages.join(", ") };
    let finding =
        Finding::new(Severity::Problem, "A browser that joins leaves the cluster's origin")
            .effect("Users are asked for microphone and camera anew, or see no client at all");
    found(seen(finding, format!("pages of {pages}")))
}

fn console(case: &Case<'_>) -> Outcome {
    let (_, visit) = match visit(case) {
        Ok(visit) => visit,
        Err(outcome) => return outcome,
    };
    if visit.errors.is_empty() {
        return Outcome::Passed;
    }
    let finding = Finding::new(
        Severity::Warning,
        format!("A browser that joins has {} errors in its console", visit.errors.len()),
    )
    .effect("Some part of the client does not work as it should");
    found(seen(finding, visit.errors.join(" | ")))
}

fn origins(case: &Case<'_>) -> Outcome {
    let (_, visit) = match visit(case) {
        Ok(visit) => visit,
        Err(outcome) => return outcome,
    };
    let known = [case.page().to_string(), case.node.origin.to_string()];
    let others: Vec<&str> =
        visit.origins.iter().filter(|origin| !known.contains(origin)).map(String::as_str).collect();
    if others.is_empty() {
        return Outcome::Passed;
    }
    let finding = Finding::new(
        Severity::Note,
        format!("A browser that joins asks {} origins besides", others.len()),
    )
    .effect("What comes from there is out of this cluster's hands");
    found(seen(finding, others.join(", ")))
}
