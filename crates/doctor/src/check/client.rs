//! The client's files, on the node and as a page loads them.

use super::{Case, Check, Outcome, Run, found, not_concerned, skip, status};
use crate::{
    finding::{Finding, Setting, Severity},
    places::Place,
    probe::Probe,
    wire::{Answer, Exchange},
};
use http::{StatusCode, header};

pub(super) const CONFIGURED: Check = Check {
    id: "configured",
    proves: "the node was configured for the cluster at all",
    limit: None,
    source: "cluster proxy documentation",
    needs: &["node-answers"],
    run: Run::Node(configured),
};

pub(super) const ON_NODE: Check = Check {
    id: "client-on-node",
    proves: "the node serves its client under its mount",
    limit: None,
    source: "package file bbb-html5.nginx; cluster proxy documentation",
    needs: &["configured"],
    run: Run::Node(on_node),
};

pub(super) const BESIDE: Check = Check {
    id: "client-folder-only",
    proves: "the mount's location serves nothing beside the client's folder",
    limit: None,
    source: "nginx: a location without a slash over an alias with one",
    needs: &["client-on-node"],
    run: Run::Node(beside),
};

pub(super) const FILES: Check = Check {
    id: "client-files",
    proves: "every file the client's page names is there, through the proxy",
    limit: Some("only that they are there: they are not read"),
    source: "index.html of the client; BBB#21130, BBB#24292",
    needs: &["client-through-proxy", "client-identical"],
    run: Run::Node(files),
};

pub(super) const TEXTS: Check = Check {
    id: "client-texts",
    proves: "the client finds its languages, through the proxy",
    limit: None,
    source: "package file bbb-html5.nginx.static",
    needs: &["client-through-proxy"],
    run: Run::Node(texts),
};

pub(super) const WASM: Check = Check {
    id: "wasm-type",
    proves: "WebAssembly has its media type",
    limit: None,
    source: "BBB#24857; WebAssembly Web API",
    needs: &["client-through-proxy"],
    run: Run::Node(wasm),
};

fn configured(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let Ok((client, answer)) = case.got(Probe::ClientOnNode) else {
        return Outcome::Passed;
    };
    let has_client = case.evidence.answer(Probe::ClientUnmounted).is_some_and(is_client);
    let calls = case.evidence.answer(Probe::WebCall);
    let answers_pages =
        calls.is_some_and(|call| call.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    let takes_sockets =
        case.evidence.answer(Probe::GraphQlSocket).is_some_and(|answer| answer.status == 101);
    if answer.status != StatusCode::NOT_FOUND || !has_client || answers_pages || takes_sockets {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "The node is not configured for the cluster")
            .effect("Joining this node through the cluster's origin gives an empty page")
            .seen(client, status(answer))
            .fix(Place::Locations.fix(case, location_settings(case))),
    )
}

fn location_settings(case: &Case<'_>) -> Vec<Setting> {
    let mount = &case.node.name;
    vec![Setting::new(
        format!("location ^~ /{mount}/html5client/"),
        if case.release.is_static() {
            "alias /usr/share/bigbluebutton/html5-client/; try_files $uri $uri/ =404;"
        } else {
            "alias /usr/share/meteor/bundle/programs/web.browser/; try_files $uri @html5client;"
        },
    )]
}

/// Whether an answer is a client's page.
pub(super) fn is_client(answer: &Answer) -> bool {
    let text = answer.text();
    answer.status == StatusCode::OK
        && answer.media_type() == "text/html"
        && text.contains("id=\"app\"")
        && (text.contains("bundle.") || text.contains("__meteor_runtime_config__"))
}

fn on_node(case: &Case<'_>) -> Outcome {
    let (client, answer) = match case.got(Probe::ClientOnNode) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if is_client(answer) {
        return Outcome::Passed;
    }
    let effect = "Joining this node through the cluster's origin gives an empty page";
    let mount = &case.node.name;
    // The files are there, only Meteor does not know the path.
    let files_are_there = case
        .evidence
        .answer(Probe::LocaleThroughProxy)
        .is_some_and(|answer| answer.status == StatusCode::OK);
    if !case.release.is_static() && (files_are_there || answer.media_type() == "text/plain") {
        let wanted = format!("https://127.0.0.1/{mount}/html5client");
        return found(
            Finding::new(Severity::Problem, "Meteor does not answer under the node's mount")
                .effect(effect)
                .seen(client, status(answer))
                .fix(Place::Meteor.fix(case, vec![Setting::new("Environment=ROOT_URL", wanted)])),
        );
    }
    if answer.status.is_server_error() {
        return found(
            Finding::new(Severity::Problem, "The node's client does not run")
                .effect(effect)
                .seen(client, status(answer))
                .fix(crate::Fix {
                    file: "/var/log/nginx/bigbluebutton.access.log".to_owned(),
                    settings: Vec::new(),
                    command: Some("systemctl status bbb-html5".to_owned()),
                }),
        );
    }
    found(
        Finding::new(
            Severity::Problem,
            format!("The node does not serve its client under `/{mount}/html5client/`"),
        )
        .effect(effect)
        .seen(client, format!("{}, {}", status(answer), answer.media_type()))
        .fix(Place::Locations.fix(case, location_settings(case))),
    )
}

fn beside(case: &Case<'_>) -> Outcome {
    let (exchange, answer) = match case.got(Probe::BesideClient) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let is_page = case.release.is_static() || !is_client(answer);
    if answer.status != StatusCode::OK || !is_page {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    found(
        Finding::new(Severity::Warning, "Anybody can read files beside the client's folder")
            .effect("Nothing users see; package files of the node are open to the world")
            .seen(exchange, status(answer))
            .fix(Place::Locations.fix(
                case,
                vec![
                    Setting::new("location", format!("^~ /{mount}/html5client/"))
                        .instead_of(format!("/{mount}/html5client")),
                ],
            )),
    )
}

fn files(case: &Case<'_>) -> Outcome {
    let asked = &case.evidence.assets;
    if asked.is_empty() {
        return skip("the page names no files");
    }
    let is_late = |exchange: &&Exchange| {
        exchange.answer().is_none_or(|answer| matches!(answer.status.as_u16(), 502..=504))
    };
    let is_missing = |exchange: &&Exchange| {
        exchange.answer().is_some_and(|answer| {
            // The page in a file's place is what a wrong path gets of Meteor.
            answer.status != StatusCode::OK || answer.media_type() == "text/html"
        })
    };
    let (late, answered): (Vec<&Exchange>, Vec<&Exchange>) = asked.iter().partition(is_late);
    let missing: Vec<_> = answered.into_iter().filter(is_missing).collect();
    // A file that did not come in time may well be there.
    if missing.is_empty()
        && let Some(first) = late.first()
    {
        return found(
            Finding::new(
                Severity::Warning,
                format!(
                    "{} of {} files of the client's page did not come",
                    late.len(),
                    asked.len()
                ),
            )
            .effect("The client loads slowly or stays incomplete while this lasts")
            .seen(first, seen_instead(first)),
        );
    }
    let Some(first) = missing.first() else { return Outcome::Passed };
    found(
        Finding::new(
            Severity::Problem,
            format!("{} of {} files of the client's page are missing", missing.len(), asked.len()),
        )
        .effect("The client stays empty or incomplete")
        .seen(first, seen_instead(first))
        .fix(Place::Locations.fix(case, location_settings(case))),
    )
}

/// What came in a file's place.
fn seen_instead(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Ok(answer) => format!("{}, {}", status(answer), answer.media_type()),
        Err(trouble) => trouble.to_string(),
    }
}

fn texts(case: &Case<'_>) -> Outcome {
    let (locale, answer) = match case.got(Probe::LocaleThroughProxy) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let mount = &case.node.name;
    let is_object = |answer: &Answer| {
        answer.status == StatusCode::OK
            && serde_json::from_slice::<serde_json::Value>(&answer.body)
                .is_ok_and(|value| value.is_object())
    };
    let fix = |listing: bool| {
        let key = format!("location ^~ /{mount}/html5client/locales/");
        let value =
            if listing { "autoindex on; autoindex_format json;" } else { "alias …/locales/;" };
        Place::Locations.fix(case, vec![Setting::new(key, value)])
    };
    let finding = Finding::new(Severity::Problem, "The client does not find its texts")
        .effect("The client shows names of texts instead of texts, or only a spinner");
    if !is_object(answer) {
        return found(finding.seen(locale, status(answer)).fix(fix(false)));
    }
    let Ok((list, answer)) = case.got(Probe::LocalesThroughProxy) else {
        return Outcome::Passed;
    };
    let listed = serde_json::from_slice::<serde_json::Value>(&answer.body)
        .ok()
        .and_then(|value| value.as_array().map(|list| !list.is_empty()))
        .unwrap_or(false);
    if answer.status == StatusCode::OK && listed {
        return Outcome::Passed;
    }
    let finding = Finding {
        severity: Severity::Warning,
        title: "The client does not find which languages there are".to_owned(),
        effect: "Users see English, whatever language they chose".to_owned(),
        ..finding
    };
    found(finding.seen(list, format!("{}, {}", status(answer), answer.media_type())).fix(fix(true)))
}

fn wasm(case: &Case<'_>) -> Outcome {
    let (file, answer) = match case.got(Probe::WasmThroughProxy) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if answer.status == StatusCode::NOT_FOUND {
        return not_concerned();
    }
    if answer.media_type() == "application/wasm" {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    found(
        Finding::new(Severity::Warning, "WebAssembly comes without its media type")
            .effect("Virtual backgrounds and noise suppression load slowly or not at all")
            .seen(file, format!("{}, Content-Type: {}", status(answer), answer.media_type()))
            .fix(Place::Locations.fix(
                case,
                vec![Setting::new(
                    format!("location ^~ /{mount}/html5client/wasm/"),
                    "types { application/wasm wasm; }",
                )],
            )),
    )
}
