//! Inside a probe meeting: sockets, notes, the lobby, STUN and TURN, its end.

use http::header;

use super::{
    Case, Check, Outcome, Run,
    calls::shown,
    found,
    media::service,
    session::{is_success, summary_of},
    skip, status,
};
use crate::{
    evidence::Session,
    finding::{Finding, Fix, Setting, Severity},
    places::Place,
    wire::{Exchange, showable},
};

pub(super) const SOCKET: Check = Check {
    id: "session-socket",
    proves: "the client's main socket takes the session",
    limit: Some("2.x: that it opens, which needs no session"),
    source: "graphql-transport-ws: connection_ack; SockJS",
    needs: &["graphql-socket", "meteor-socket", "session"],
    run: Run::Node(socket),
};

pub(super) const SFU: Check = Check {
    id: "session-sfu",
    proves: "the socket of cameras and screens opens for a user, so its daemon runs",
    limit: None,
    source: "package file webrtc-sfu.nginx",
    needs: &["sfu-socket", "session"],
    run: Run::Node(sfu),
};

pub(super) const SIP: Check = Check {
    id: "session-sip",
    proves: "the socket of SIP audio opens for a user, so FreeSWITCH runs",
    limit: None,
    source: "package file sip.nginx",
    needs: &["sip-socket", "session"],
    run: Run::Node(sip),
};

pub(super) const PAD_EXPORT: Check = Check {
    id: "pad-export",
    proves: "pages of the cluster may export Etherpad's notes",
    limit: Some(
        "of a pad that does not exist; where Etherpad answers that without headers, nothing",
    ),
    source: "BBB#15436, BBB#15753: cluster_proxies",
    needs: &["pads", "session"],
    run: Run::Node(pad_export),
};

pub(super) const LOBBY: Check = Check {
    id: "guest-lobby",
    proves: "guests who have to wait do so on the node (2.x)",
    limit: None,
    source: "BBB#14462: defaultGuestWaitURL",
    // Where both are wrong, the file that names both is.
    needs: &["client-on-node", "web-calls", "meeting", "client-url"],
    run: Run::Node(lobby),
};

pub(super) const SERVERS: Check = Check {
    id: "stun-and-turn",
    proves: "the STUN and TURN servers that the node names answer",
    limit: Some(
        "a binding, from where the doctor runs: not that a TURN password is accepted, nor that \
         users' networks let them through",
    ),
    source: "RFC 8489, RFC 7064, RFC 7065",
    needs: &["session"],
    run: Run::Node(servers),
};

pub(super) const ENDED: Check = Check {
    id: "probe-meeting-ended",
    proves: "the probe meeting is gone again",
    limit: None,
    source: "BBB API documentation: end",
    needs: &["meeting"],
    run: Run::Node(ended),
};

fn socket(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some((upgrade, said)) = &session.socket else { return skip("nobody joined") };
    let Err(said) = said else { return Outcome::Passed };
    let fix = if case.release.is_static() {
        service("bbb-graphql-middleware", "graphql.nginx")
    } else {
        Place::Meteor.fix(case, Vec::new())
    };
    found(
        Finding::new(Severity::Problem, "The client's main socket does not take a user's session")
            .effect("The client loads and then says that it cannot connect")
            .seen(upgrade, said)
            .fix(fix),
    )
}

fn sfu(case: &Case<'_>) -> Outcome {
    media(
        case,
        |session| session.sfu.as_ref(),
        "cameras and screens",
        || service("bbb-webrtc-sfu", "webrtc-sfu.nginx"),
    )
}

fn sip(case: &Case<'_>) -> Outcome {
    media(case, |session| session.sip.as_ref(), "SIP audio", || service("freeswitch", "sip.nginx"))
}

fn media(
    case: &Case<'_>,
    exchange: impl Fn(&Session) -> Option<&Exchange>,
    what: &str,
    fix: impl Fn() -> Fix,
) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(upgrade) = exchange(session) else { return skip("nobody joined") };
    let answer = match &upgrade.outcome {
        Ok(answer) if answer.status == 101 => return Outcome::Passed,
        Ok(answer) => status(answer),
        Err(trouble) => trouble.to_string(),
    };
    found(
        Finding::new(Severity::Problem, format!("The socket of {what} does not open for a user"))
            .effect(format!("No {what} on this node"))
            .seen(upgrade, answer)
            .fix(fix()),
    )
}

fn pad_export(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(export) = session.pad_export.as_ref().filter(|_| !case.release.is_before(2, 5, 0))
    else {
        return skip("this release has none");
    };
    let Some(answer) = export.answer() else { return skip("there was no answer") };
    let page = case.page().to_string();
    let allowed = answer.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if allowed == Some(&page) {
        return Outcome::Passed;
    }
    if allowed.is_none() && answer.status != http::StatusCode::OK {
        return skip("an export of a pad that does not exist shows nothing here");
    }
    if case.release.is_before(2, 6, 0) {
        let title = "Before BBB 2.6 Etherpad lets no page of a cluster export notes";
        return found(
            Finding::new(Severity::Note, title)
                .effect("\"Move notes to whiteboard\" fails; no setting cures it, an upgrade does")
                .seen(export, shown(answer)),
        );
    }
    let wanted = format!("[\"{page}\"]");
    found(
        Finding::new(Severity::Warning, "Etherpad does not let the cluster's pages export notes")
            .effect("\"Move notes to whiteboard\" and exports of notes fail")
            .seen(export, shown(answer))
            .fix(Place::Etherpad.fix(case, vec![Setting::new("cluster_proxies", wanted)])),
    )
}

fn lobby(case: &Case<'_>) -> Outcome {
    if case.release.is_static() || !case.node.proxied {
        return super::not_concerned();
    }
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(found_url) = &session.guest_url else { return skip("no guest had to wait") };
    let Some(create) = &session.join else { return skip("nobody joined") };
    let wanted = format!("{}/{}/html5client/guestWait", case.node.origin, case.node.name);
    let effect = "Guests wait in front of an error page, or for ever";
    if *found_url != wanted {
        let setting = Setting::new("defaultGuestWaitURL", wanted).instead_of(found_url);
        return found(
            Finding::new(Severity::Problem, "Guests are not sent to the node's own lobby")
                .effect(effect)
                .seen(create, format!("a guest's Location: {}", showable(found_url)))
                .fix(Place::Web.fix(case, vec![setting])),
        );
    }
    for exchange in [&session.guest_page, &session.guest_wait].into_iter().flatten() {
        let works = exchange.answer().is_some_and(|answer| answer.status == http::StatusCode::OK);
        if !works {
            return found(
                Finding::new(Severity::Problem, "The guest lobby does not answer")
                    .effect(effect)
                    .seen(exchange, summary_of(exchange))
                    .fix(Place::Locations.fix(case, Vec::new())),
            );
        }
    }
    Outcome::Passed
}

fn servers(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(stuns) = &session.stuns else { return skip("nobody joined") };
    if session.servers.is_empty() {
        return skip("the node names no STUN or TURN server");
    }
    let silent: Vec<_> = session.servers.iter().filter(|server| server.outcome.is_err()).collect();
    let Some(first) = silent.first() else { return Outcome::Passed };
    let turn_is_gone = {
        let mut turn = session.servers.iter().filter(|server| server.is_turn);
        let any = session.servers.iter().any(|server| server.is_turn);
        any && turn.all(|server| server.outcome.is_err())
    };
    let (severity, title, effect) = if turn_is_gone {
        (
            Severity::Problem,
            "No TURN server of the node answers",
            "Users behind strict firewalls have neither audio nor video (error 1007, 1020)",
        )
    } else {
        (
            Severity::Warning,
            "Not all STUN and TURN servers of the node answer",
            "Audio and video connect late, or not at all behind some firewalls",
        )
    };
    let answers: Vec<String> = silent
        .iter()
        .map(|server| match &server.outcome {
            Err(cause) => format!("{}: {cause}", server.url),
            Ok(()) => server.url.clone(),
        })
        .collect();
    found(Finding::new(severity, title).effect(effect).seen(stuns, answers.join(", ")).fix(Fix {
        file: "/etc/bigbluebutton/turn-stun-servers.xml".to_owned(),
        settings: vec![Setting::new("server", "one that answers").instead_of(first.url.clone())],
        command: None,
    }))
}

fn ended(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(end) = &session.end else { return skip("no meeting was created") };
    if is_success(end) {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Note, "The probe meeting was not ended")
            .effect("None: it ends by itself within two minutes")
            .seen(end, summary_of(end)),
    )
}
