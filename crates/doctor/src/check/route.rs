//! The way through the proxy: what must pass, and what must not.

use super::{Case, Check, Outcome, Run, client::is_client, found, skip, status};
use crate::{
    finding::{Finding, Fix, Setting, Severity},
    probe::Probe,
    wire::{Answer, Exchange},
};
use http::{StatusCode, header};

pub(super) const THROUGH_PROXY: Check = Check {
    id: "client-through-proxy",
    proves: "the node's client comes through the proxy",
    limit: None,
    source: "cluster proxy documentation",
    needs: &["cluster-answers", "client-on-node"],
    run: Run::Node(through_proxy),
};

pub(super) const IDENTICAL: Check = Check {
    id: "client-identical",
    proves: "the proxy serves this very node's client, and today's",
    limit: Some("compares the page, which names all other files by their builds"),
    source: "BBB#13984, BBB#20002",
    needs: &["client-through-proxy"],
    run: Run::Node(identical),
};

pub(super) const SLASH: Check = Check {
    id: "client-slash",
    proves: "a client address without its slash is redirected, on the same origin, query kept",
    limit: None,
    source: "BBB#21130, BBB#24346",
    needs: &["client-through-proxy"],
    run: Run::Node(slash),
};

pub(super) const EXPOSED: Check = Check {
    id: "proxy-exposes",
    proves: "API, sockets and slides of the node cannot be reached through the proxy",
    limit: Some("tries one path of each kind"),
    source: "what the client asks its page's origin for, and nothing else",
    needs: &["client-through-proxy"],
    run: Run::Node(exposed),
};

pub(super) const LOOK_ALIKE: Check = Check {
    id: "mount-exact",
    proves: "a mount whose name only begins like this one's is not this one",
    limit: None,
    source: "nginx: locations without a slash match prefixes",
    needs: &["client-through-proxy"],
    run: Run::Node(look_alike),
};

fn routes(case: &Case<'_>, settings: Vec<Setting>) -> Fix {
    Fix { file: case.subject.file.display().to_string(), settings, command: None }
}

fn through_proxy(case: &Case<'_>) -> Outcome {
    let Some(exchange) = case.of(Probe::ClientThroughProxy) else {
        return skip("the node is not proxied");
    };
    let effect = "Users who are sent to this node get an error page instead of the client";
    let answer = match &exchange.outcome {
        Ok(answer) => answer,
        Err(trouble) => {
            return found(
                Finding::new(Severity::Problem, "The proxy gives no answer for this node")
                    .effect(effect)
                    .seen(exchange, trouble.to_string()),
            );
        }
    };
    if is_client(answer) {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    let (title, fix) = match answer.status.as_u16() {
        502..=504 => {
            let (host, port) = case.node.connect_to();
            (
                "The proxy does not reach the node".to_owned(),
                routes(
                    case,
                    vec![
                        Setting::new("[[node]] address", "where the proxy reaches the node")
                            .instead_of(format!("\"{host}:{port}\"")),
                    ],
                ),
            )
        }
        421 => (
            "The proxy does not know itself by the cluster's name".to_owned(),
            routes(case, vec![Setting::new("[cluster] origin", format!("\"{}\"", case.page()))]),
        ),
        _ => (
            format!("The proxy does not relay `/{mount}/html5client/`"),
            Fix {
                command: Some("systemctl reload bluegate".to_owned()),
                ..routes(case, vec![Setting::new("[[node]] name", format!("\"{mount}\""))])
            },
        ),
    };
    found(
        Finding::new(Severity::Problem, title)
            .effect(effect)
            .seen(exchange, format!("{}, {}", status(answer), answer.media_type()))
            .fix(fix),
    )
}

fn identical(case: &Case<'_>) -> Outcome {
    let (exchange, through, direct) =
        match (case.got(Probe::ClientThroughProxy), case.got(Probe::ClientOnNode)) {
            (Ok((exchange, through)), Ok((_, direct))) => (exchange, through, direct),
            (Err(outcome), _) | (_, Err(outcome)) => return outcome,
        };
    if through.digest() == direct.digest() {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "The proxy serves another client than the node")
            .effect("After an upgrade users get old pages whose files are gone, or another node's")
            .seen(
                exchange,
                format!("{} bytes, the node's has {}", through.body.len(), direct.body.len()),
            )
            .fix(Fix {
                file: "the proxy's cache, or its route for this mount".to_owned(),
                settings: Vec::new(),
                command: Some(format!("bluegate cache purge --mount {}", case.node.name)),
            }),
    )
}

fn slash(case: &Case<'_>) -> Outcome {
    let (exchange, answer) = match case.got(Probe::ClientWithoutSlash) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if redirects_to_slash(case, answer) {
        return Outcome::Passed;
    }
    let location = answer.header(&header::LOCATION).unwrap_or("none");
    found(
        Finding::new(
            Severity::Warning,
            "A client address without its slash is not redirected to the one with it",
        )
        .effect("Where the slash is missing in `defaultHTML5ClientUrl`, the page loads none of its files")
        .seen(exchange, format!("{}, Location: {}", status(answer), crate::wire::showable(location)))
        .fix(Fix {
            file: "the proxy's configuration".to_owned(),
            settings: vec![Setting::new(
                format!("location = /{}/html5client", case.node.name),
                format!("return 301 /{}/html5client/$is_args$args;", case.node.name),
            )],
            command: None,
        }),
    )
}

/// Whether an answer leads on to the same path with a slash, on this origin.
fn redirects_to_slash(case: &Case<'_>, answer: &Answer) -> bool {
    let path = format!("/{}/html5client/?sessionToken=", case.node.name);
    let whole = format!("{}{path}", case.page());
    let leads = answer.header(&header::LOCATION).is_some_and(|location| {
        (location.starts_with(&path) || location.starts_with(&whole))
            && location.ends_with("&doctor=1")
    });
    leads && matches!(answer.status.as_u16(), 301 | 302 | 307 | 308)
}

/// Whether an answer shows that a path is relayed.
type IsOpen = fn(&Answer) -> bool;

fn exposed(case: &Case<'_>) -> Outcome {
    let is_api = |answer: &Answer| answer.text().contains("returncode");
    let is_socket = |answer: &Answer| matches!(answer.status.as_u16(), 101 | 401 | 500);
    let is_slide = |answer: &Answer| {
        answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
            || matches!(answer.status.as_u16(), 200 | 401)
    };
    let tests: [(Probe, &str, IsOpen); 3] = [
        (Probe::ApiThroughProxy, "the API that only frontends call", is_api),
        (Probe::SocketThroughProxy, "the sockets of media", is_socket),
        (Probe::SlideThroughProxy, "slides and uploads", is_slide),
    ];
    let open: Vec<(&str, &Exchange, &Answer)> = tests
        .iter()
        .filter_map(|(probe, what, is_open)| {
            let (exchange, answer) = case.got(*probe).ok()?;
            is_open(answer).then_some((*what, exchange, answer))
        })
        .collect();
    let Some((what, exchange, answer)) = open.first() else { return Outcome::Passed };
    let mount = &case.node.name;
    found(
        Finding::new(Severity::Warning, format!("The proxy lets {what} of the node through"))
            .effect(
                "Nothing users see. A `join` that is called there sets the node's cookie for the \
                 cluster's origin, and what is open to all nodes' pages is open to each of them",
            )
            .seen(exchange, status(answer))
            .fix(Fix {
                file: "the proxy's configuration".to_owned(),
                settings: vec![Setting::new(
                    "relayed paths",
                    format!("`/{mount}/html5client/` and exactly `/{mount}/bigbluebutton/api`"),
                )],
                command: Some("bluegate export nginx".to_owned()),
            }),
    )
}

fn look_alike(case: &Case<'_>) -> Outcome {
    let (exchange, answer) = match case.got(Probe::LookAlikeMount) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if answer.status != StatusCode::OK || !is_client(answer) {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    found(
        Finding::new(
            Severity::Problem,
            format!("The proxy takes other mounts for `{mount}` when they begin alike"),
        )
        .effect("Users of a node whose name begins with this one's get this node's client")
        .seen(exchange, status(answer))
        .fix(Fix {
            file: "the proxy's configuration".to_owned(),
            settings: vec![
                Setting::new("location", format!("/{mount}/html5client/"))
                    .instead_of(format!("/{mount}")),
            ],
            command: Some("bluegate export nginx".to_owned()),
        }),
    )
}
