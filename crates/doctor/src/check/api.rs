//! The API index, and what the API secret opens.

use super::{Case, Check, Outcome, Run, found, skip, status};
use crate::{
    finding::{Finding, Fix, Setting, Severity},
    places::Place,
    probe::Probe,
    wire::Answer,
};

pub(super) const INDEX: Check = Check {
    id: "api-index",
    proves: "the client finds the node's API index through the proxy",
    limit: None,
    source: "3.x client: the index is asked for on the page's own origin",
    needs: &["client-through-proxy"],
    run: Run::Node(index),
};

pub(super) const INDEX_URLS: Check = Check {
    id: "api-index-urls",
    proves: "the index names the node's own GraphQL addresses",
    limit: None,
    source: "BBB#20797; bigbluebutton.properties",
    needs: &["configured"],
    run: Run::Node(urls),
};

pub(super) const SECRET: Check = Check {
    id: "api-secret",
    proves: "the secret in the cluster file opens the node's API",
    limit: None,
    source: "BBB API documentation",
    needs: &["node-answers"],
    run: Run::Node(secret),
};

pub(super) const CHECKSUMS: Check = Check {
    id: "checksum-algorithms",
    proves: "the node takes checksums made with SHA-256, as the scaler makes them",
    limit: None,
    source: "`supportedChecksumAlgorithms` in bigbluebutton.properties",
    needs: &["node-answers"],
    run: Run::Node(checksums),
};

fn index(case: &Case<'_>) -> Outcome {
    let (exchange, answer) = match case.got(Probe::IndexThroughProxy) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if read_index(answer).is_some() {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    found(
        Finding::new(Severity::Problem, "The client's API index does not come through the proxy")
            .effect("The client loads and then says that it cannot connect")
            .seen(exchange, format!("{}, {}", status(answer), answer.media_type()))
            .fix(Fix {
                file: "the proxy's configuration".to_owned(),
                settings: vec![Setting::new(
                    format!("location = /{mount}/bigbluebutton/api"),
                    format!("{}/bigbluebutton/api, `Content-Type` kept", case.node.origin),
                )],
                command: Some("bluegate export nginx".to_owned()),
            }),
    )
}

/// The fields of a JSON index.
fn read_index(answer: &Answer) -> Option<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let response = value.get("response")?;
    (response.get("returncode")? == "SUCCESS").then(|| response.clone())
}

fn urls(case: &Case<'_>) -> Outcome {
    if !case.release.is_static() || !case.node.proxied {
        return super::not_concerned();
    }
    let (exchange, answer) = match case.got(Probe::IndexOnNode) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let Some(index) = read_index(answer) else {
        return skip("the index is not JSON");
    };
    let node = &case.node.origin;
    let wanted = [
        ("graphqlWebsocketUrl", format!("{}/graphql", node.web_socket())),
        ("graphqlApiUrl", format!("{node}/api/rest")),
    ];
    let wrong: Vec<Setting> = wanted
        .into_iter()
        .filter_map(|(key, wanted)| {
            let found = index.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            (found != wanted).then(|| Setting::new(key, wanted).instead_of(found))
        })
        .collect();
    if wrong.is_empty() {
        return Outcome::Passed;
    }
    let shown: Vec<String> = wrong
        .iter()
        .map(|setting| format!("{}: {}", setting.key, setting.found.as_deref().unwrap_or("")))
        .collect();
    found(
        Finding::new(Severity::Problem, "The API index names wrong GraphQL addresses")
            .effect("The client loads and then says that it cannot connect")
            .seen(exchange, shown.join(", "))
            .fix(Place::Web.fix(case, wrong)),
    )
}

fn secret(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let accepted = session.checksums.iter().any(|(_, exchange)| is_accepted(exchange.answer()));
    if accepted || session.checksums.iter().all(|(_, exchange)| exchange.answer().is_none()) {
        return Outcome::Passed;
    }
    let Some((_, exchange)) = session.checksums.iter().find(|(name, _)| *name == "sha256") else {
        return Outcome::Passed;
    };
    let answer = exchange.answer().map(summary).unwrap_or_default();
    found(
        Finding::new(Severity::Problem, "The node refuses the API secret of the cluster file")
            .effect("A scaler with this secret cannot create or join meetings on this node")
            .seen(exchange, answer)
            .fix(Fix {
                file: format!("the `secret_file` of [[node]] `{}`", case.node.name),
                settings: vec![Setting::new("secret", "what `bbb-conf --secret` says on the node")],
                command: Some("bbb-conf --secret".to_owned()),
            }),
    )
}

/// Whether the answer to a signed call says that its checksum was right.
fn is_accepted(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.text().contains("<returncode>SUCCESS</returncode>"))
}

/// `returncode`, key and status of an API answer.
pub(super) fn summary(answer: &Answer) -> String {
    match bluegate_bbb_api::Answer::parse(&answer.body) {
        Ok(parsed) => {
            let code = parsed.text("returncode").unwrap_or_default();
            format!("{}, {code} {}", status(answer), parsed.key()).trim_end().to_owned()
        }
        Err(_) => format!("{}, {}", status(answer), answer.media_type()),
    }
}

fn checksums(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let taken: Vec<&str> = session
        .checksums
        .iter()
        .filter(|(_, exchange)| is_accepted(exchange.answer()))
        .map(|(name, _)| *name)
        .collect();
    // None at all is the secret's fault.
    if taken.is_empty() || taken.contains(&"sha256") {
        return Outcome::Passed;
    }
    let Some((_, exchange)) = session.checksums.iter().find(|(name, _)| *name == "sha256") else {
        return Outcome::Passed;
    };
    let answer = exchange.answer().map(summary).unwrap_or_default();
    found(
        Finding::new(
            Severity::Problem,
            format!("The node takes checksums of {} only", taken.join(", ")),
        )
        .effect("The scaler signs with SHA-256: its calls to this node fail")
        .seen(exchange, answer)
        .fix(Fix {
            file: Place::Web.file(case).to_owned(),
            settings: vec![
                Setting::new("supportedChecksumAlgorithms", "sha1,sha256,sha384,sha512")
                    .instead_of(taken.join(",")),
            ],
            command: Some("systemctl restart bbb-web".to_owned()),
        }),
    )
}
