//! The settings that clients of this node really get.

use serde_json::Value;

use super::{Case, Check, Outcome, Run, found, skip};
use crate::{
    expected,
    finding::{Finding, Setting, Severity},
    html,
    places::Place,
    probe::Probe,
    wire::Exchange,
};

pub(super) const METEOR: Check = Check {
    id: "meteor-settings",
    proves: "Meteor's pages know their mount, and open their socket on the node (2.x)",
    limit: None,
    source: "cluster proxy documentation 2.4 to 2.7; Meteor: __meteor_runtime_config__",
    needs: &["client-through-proxy"],
    run: Run::Node(meteor),
};

pub(super) const CLIENT: Check = Check {
    id: "client-settings",
    proves: "every address in the client's settings is the node's own",
    limit: Some("3.x: needs the API secret, since settings come with a session"),
    source: "cluster proxy documentation; BBB#21523, BBB#21929, BBB#24944",
    needs: &["client-on-node", "session"],
    run: Run::Node(client),
};

/// The runtime configuration in a 2.x client's page.
fn of_page<'a>(case: &Case<'a>) -> Option<(&'a Exchange, Value)> {
    let (exchange, answer) = case.got(Probe::ClientOnNode).ok()?;
    Some((exchange, html::runtime_config(&answer.text())?))
}

fn meteor(case: &Case<'_>) -> Outcome {
    if case.release.is_static() {
        return super::not_concerned();
    }
    let Some((page, config)) = of_page(case) else {
        return skip("the page holds no runtime configuration");
    };
    let mut shown = Vec::new();
    let mut wrong = Vec::new();
    for variable in expected::VARIABLES {
        let found = config.get(variable.name).and_then(Value::as_str).unwrap_or_default();
        shown.push(format!("{}: {}", variable.name, or_none(found)));
        if found != (variable.value)(case.node) {
            let written = (variable.written)(case.node);
            wrong.push(Setting::new(variable.key, written).instead_of(or_none(found)));
        }
    }
    if wrong.is_empty() {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "Meteor's pages look for their sockets elsewhere")
            .effect("The client loads and shows a spinner for ever")
            .seen(page, shown.join(", "))
            .fix(Place::Meteor.fix(case, wrong)),
    )
}

fn client(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let page;
    let session;
    let (exchange, public) = if case.release.is_static() {
        session = match case.session() {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        match (&session.entered, &session.settings) {
            (Some(exchange), Some(settings)) => (exchange, settings),
            _ => return skip("no session could be had"),
        }
    } else {
        page = of_page(case);
        match &page {
            Some((exchange, config)) => match config.get("PUBLIC_SETTINGS") {
                Some(settings) => (*exchange, settings),
                None => return skip("the page holds no client settings"),
            },
            None => return skip("the page holds no runtime configuration"),
        }
    };
    judge(case, exchange, public)
}

fn judge(case: &Case<'_>, exchange: &Exchange, public: &Value) -> Outcome {
    let mut wrong = Vec::new();
    let mut shown = Vec::new();
    let mut effects: Vec<&str> = Vec::new();
    let mut severity = Severity::Note;
    for expected in expected::settings(case.release) {
        if expected.key == expected::SHARED_NOTES && !case.has_shared_notes_server() {
            continue;
        }
        let pointer = format!("/{}", expected.key.replace('.', "/"));
        let found = public.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
        let wanted = expected.value(case);
        if found == wanted {
            continue;
        }
        let key = format!("public.{}", expected.key);
        shown.push(format!("{key}: {}", or_none(found)));
        wrong.push(Setting::new(key, wanted).instead_of(or_none(found)));
        if !effects.contains(&expected.effect) {
            effects.push(expected.effect);
        }
        // Of LiveKit only meetings that use it know anything.
        let is_idle = expected.key == expected::LIVEKIT
            && case.evidence.answer(Probe::LiveKit).is_none_or(|answer| answer.status == 404);
        // The worse is the smaller.
        severity = severity.min(if is_idle { Severity::Warning } else { expected.severity });
    }
    if wrong.is_empty() {
        return Outcome::Passed;
    }
    let title = match wrong.as_slice() {
        [only] => format!("The client setting `{}` is not the node's", only.key),
        more => format!("{} client settings are not the node's", more.len()),
    };
    let effect = capitalised(&effects.join("; "));
    found(
        Finding::new(severity, title)
            .effect(effect)
            .seen(exchange, shown.join(", "))
            .fix(Place::Client.fix(case, wrong)),
    )
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
