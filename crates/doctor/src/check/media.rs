//! The node's sockets, as pages of the cluster open them.

use super::{Case, Check, Outcome, Run, found, not_concerned, skip, status};
use crate::{
    finding::{Finding, Fix, Setting, Severity},
    places::Place,
    probe::Probe,
};
use http::{StatusCode, header};

/// What nginx's own refusal leaves open.
pub(crate) const BEHIND_AUTH: &str =
    "an upgrade answered 401 by nginx's auth_request proves the place, not the daemon behind it";

pub(super) const GRAPHQL: Check = Check {
    id: "graphql-socket",
    proves: "pages of the cluster may open the GraphQL socket",
    limit: Some("that it takes a session is shown by `session-socket`"),
    source: "bbb-graphql-middleware: authorized_cross_origin; BBB#22086",
    needs: &["configured"],
    run: Run::Node(graphql),
};

pub(super) const GRAPHQL_OPEN: Check = Check {
    id: "graphql-socket-closed",
    proves: "pages of nobody may not",
    limit: None,
    source: "bbb-graphql-middleware: authorized_cross_origin",
    needs: &["graphql-socket"],
    run: Run::Node(graphql_open),
};

pub(super) const METEOR: Check = Check {
    id: "meteor-socket",
    proves: "Meteor's sockets answer under the node's mount, on the node (2.x)",
    limit: None,
    source: "SockJS: info; cluster proxy documentation 2.4 to 2.7",
    needs: &["client-on-node"],
    run: Run::Node(meteor),
};

pub(super) const SFU: Check = Check {
    id: "sfu-socket",
    proves: "the socket of cameras and screens is behind the session",
    limit: Some(BEHIND_AUTH),
    source: "package file webrtc-sfu.nginx",
    needs: &["configured"],
    run: Run::Node(sfu),
};

pub(super) const SIP: Check = Check {
    id: "sip-socket",
    proves: "the socket of SIP audio is behind the session",
    limit: Some(BEHIND_AUTH),
    source: "package file sip.nginx",
    needs: &["configured"],
    run: Run::Node(sip),
};

pub(super) const LIVEKIT: Check = Check {
    id: "livekit",
    proves: "LiveKit answers pages of the cluster, where it is installed",
    limit: Some("its socket wants a token that only a client in a meeting gets"),
    source: "package file livekit.nginx; BBB#21929",
    needs: &["configured"],
    run: Run::Node(livekit),
};

pub(super) const SHARED_NOTES_SOCKET: Check = Check {
    id: "shared-notes-socket",
    proves: "the socket of BlockNote's notes is behind the session, where it is installed",
    limit: Some(BEHIND_AUTH),
    source: "package file bbb-shared-notes-server.nginx",
    needs: &["configured"],
    run: Run::Node(shared_notes),
};

/// A service to look after on the node.
pub(super) fn service(name: &str, file: &str) -> Fix {
    Fix {
        file: format!("/usr/share/bigbluebutton/nginx/{file} (package file)"),
        settings: Vec::new(),
        command: Some(format!("systemctl status {name}")),
    }
}

fn graphql(case: &Case<'_>) -> Outcome {
    let (upgrade, answer) = match case.got(Probe::GraphQlSocket) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let effect = "The client loads and then says that it cannot connect";
    match answer.status.as_u16() {
        101 => Outcome::Passed,
        403 => {
            let wanted = format!("'{}'", case.page().authority());
            found(
                Finding::new(Severity::Problem, "The GraphQL socket refuses the cluster's pages")
                    .effect(effect)
                    .seen(upgrade, status(answer))
                    .fix(
                        Place::Middleware.fix(
                            case,
                            vec![Setting::new("server.authorized_cross_origin", wanted)],
                        ),
                    ),
            )
        }
        _ => found(
            Finding::new(Severity::Problem, "The GraphQL socket does not open")
                .effect(effect)
                .seen(upgrade, status(answer))
                .fix(service("bbb-graphql-middleware", "graphql.nginx")),
        ),
    }
}

fn graphql_open(case: &Case<'_>) -> Outcome {
    let (upgrade, answer) = match case.got(Probe::GraphQlSocketHostile) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return Outcome::Passed;
    }
    let wanted = format!("'{}'", case.page().authority());
    found(
        Finding::new(Severity::Warning, "Pages of any origin may open the GraphQL socket")
            .effect("Nothing users see; a foreign page they visit can act in their meeting")
            .seen(upgrade, status(answer))
            .fix(
                Place::Middleware
                    .fix(case, vec![Setting::new("server.authorized_cross_origin", wanted)]),
            ),
    )
}

fn meteor(case: &Case<'_>) -> Outcome {
    let (info, answer) = match case.got(Probe::SockJs) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let value: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let has_sockets = value.and_then(|value| value.get("websocket")?.as_bool()).unwrap_or(false);
    if has_sockets {
        return Outcome::Passed;
    }
    let mount = &case.node.name;
    let key = format!("location ^~ /{mount}/html5client/");
    found(
        Finding::new(Severity::Problem, "Meteor's sockets do not answer under the node's mount")
            .effect("The client loads and shows a spinner for ever")
            .seen(info, status(answer))
            .fix(
                Place::Locations.fix(case, vec![Setting::new(key, "try_files $uri @html5client;")]),
            ),
    )
}

fn sfu(case: &Case<'_>) -> Outcome {
    behind_session(case, Probe::SfuSocket, "cameras and screens", || {
        service("bbb-webrtc-sfu", "webrtc-sfu.nginx")
    })
}

fn sip(case: &Case<'_>) -> Outcome {
    behind_session(case, Probe::SipSocket, "SIP audio", || service("freeswitch", "sip.nginx"))
}

fn shared_notes(case: &Case<'_>) -> Outcome {
    if !case.has_shared_notes_server() {
        return skip("the server of BlockNote's notes is not installed");
    }
    behind_session(case, Probe::SharedNotesSocket, "shared notes", || {
        service("bbb-shared-notes-server", "bbb-shared-notes-server.nginx")
    })
}

fn behind_session(case: &Case<'_>, probe: Probe, what: &str, fix: impl Fn() -> Fix) -> Outcome {
    let (upgrade, answer) = match case.got(probe) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    match answer.status.as_u16() {
        // Some daemons ask for the session only once the socket is open.
        401 | 403 | 101 => Outcome::Passed,
        _ => found(
            Finding::new(Severity::Problem, format!("The socket of {what} does not answer"))
                .effect(format!("No {what} on this node"))
                .seen(upgrade, status(answer))
                .fix(fix()),
        ),
    }
}

fn livekit(case: &Case<'_>) -> Outcome {
    let Ok((front, answer)) = case.got(Probe::LiveKit) else {
        return not_concerned();
    };
    let finding = |title: &str| {
        Finding::new(Severity::Problem, title)
            .effect("No audio and video in meetings that use LiveKit")
            .fix(service("livekit-server", "livekit.nginx"))
    };
    match answer.status.as_u16() {
        404 => return skip("LiveKit is not installed"),
        502..=504 => return found(finding("LiveKit does not run").seen(front, status(answer))),
        _ => {}
    }
    // Without a token of a meeting it refuses; what is not there or does not run says else.
    let refused =
        [StatusCode::SWITCHING_PROTOCOLS, StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED];
    if let Ok((socket, answer)) = case.got(Probe::LiveKitSocket)
        && !refused.contains(&answer.status)
    {
        return found(finding("LiveKit's socket is not reached").seen(socket, status(answer)));
    }
    let Ok((validation, answer)) = case.got(Probe::LiveKitValidation) else {
        return Outcome::Passed;
    };
    let page = case.page().to_string();
    let allowed = answer.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if allowed.is_some_and(|allowed| allowed == "*" || allowed == page) {
        return Outcome::Passed;
    }
    let blind = Finding {
        severity: Severity::Warning,
        effect: "When LiveKit refuses a user, the client cannot tell why".to_owned(),
        ..finding("Pages of the cluster cannot read what LiveKit says")
    };
    let seen = allowed.map_or_else(
        || "no Access-Control-Allow-Origin".to_owned(),
        |allowed| format!("Access-Control-Allow-Origin: {allowed}"),
    );
    found(blind.seen(validation, format!("{}, {seen}", status(answer))))
}
