//! What a probe meeting shows: the way of a user from `join` into the meeting.

use http::header;

use super::{
    Case, Check, Outcome, Run, api::summary, calls::shown, client::is_client, found,
    media::service, no_answer, skip, status,
};
use crate::{
    evidence::Session,
    finding::{Finding, Fix, Setting, Severity},
    places::Place,
    wire::{Answer, Exchange, showable},
};

pub(super) const MEETING: Check = Check {
    id: "meeting",
    proves: "the node makes a meeting and lets a user join it",
    limit: None,
    source: "BBB API documentation: create, join",
    needs: &["api-secret"],
    run: Run::Node(meeting),
};

pub(super) const CLIENT_URL: Check = Check {
    id: "client-url",
    proves: "joining leads to the node's mount on the cluster's origin",
    limit: None,
    source: "BBB#21130, BBB#24292, BBB#24346: defaultHTML5ClientUrl",
    needs: &["configured", "meeting"],
    run: Run::Node(client_url),
};

pub(super) const COOKIE: Check = Check {
    id: "session-cookie",
    proves: "the session cookie has the attributes that this layout needs",
    limit: None,
    source: "RFC 6265bis; BBB#23637, BBB#23776",
    needs: &["same-site", "meeting"],
    run: Run::Node(cookie),
};

pub(super) const CLIENT: Check = Check {
    id: "join-reaches-client",
    proves: "following join's redirects as a browser does ends in the client",
    limit: None,
    source: "BBB API documentation: join",
    needs: &["client-through-proxy", "client-url"],
    run: Run::Node(client),
};

pub(super) const ENTERED: Check = Check {
    id: "session",
    proves: "a page of the cluster gets in with token and cookie, and may read the answer",
    limit: None,
    source: "BBB#23637: a 401 without CORS headers, which browsers call a CORS error",
    needs: &["web-calls", "rest-calls", "session-cookie"],
    run: Run::Node(entered),
};

pub(super) const BINDING: Check = Check {
    id: "session-bound",
    proves: "a session token alone, without its cookie, opens nothing",
    limit: None,
    source: "BBB#25212: allowRequestsWithoutSession",
    needs: &["session"],
    run: Run::Node(binding),
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
    needs: &["client-on-node", "web-calls", "meeting"],
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

fn is_success(exchange: &Exchange) -> bool {
    exchange.answer().is_some_and(|answer| {
        bluegate_bbb_api::Answer::parse(&answer.body)
            .is_ok_and(|answer| answer.outcome() == bluegate_bbb_api::Outcome::Success)
    })
}

fn summary_of(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Ok(answer) => summary(answer),
        Err(trouble) => trouble.to_string(),
    }
}

fn meeting(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(create) = &session.create else { return skip("no meeting was created") };
    let effect = "Meetings that are placed on this node cannot be joined";
    let log = || Fix {
        file: "/var/log/bigbluebutton/bbb-web.log".to_owned(),
        settings: Vec::new(),
        command: Some("bbb-conf --check".to_owned()),
    };
    if !is_success(create) {
        return found(
            Finding::new(Severity::Problem, "The node makes no meeting")
                .effect(effect)
                .seen(create, summary_of(create))
                .fix(log()),
        );
    }
    let Some(join) = &session.join else { return skip("nobody joined") };
    if join.answer().is_some_and(|answer| answer.status.is_redirection())
        && session.client_url.is_some()
    {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "Nobody can join a meeting on the node")
            .effect(effect)
            .seen(join, summary_of(join))
            .fix(log()),
    )
}

/// Where joining is to lead.
fn wanted_client_url(case: &Case<'_>) -> String {
    let page = if case.release.is_static() { "" } else { "join" };
    format!("{}/{}/html5client/{page}", case.page(), case.node.name)
}

fn client_url(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let (Some(join), Some(found_url)) = (&session.join, &session.client_url) else {
        return skip("nobody joined");
    };
    let wanted = wanted_client_url(case);
    if *found_url == wanted {
        return Outcome::Passed;
    }
    let only_slash = format!("{found_url}/") == wanted;
    // The proxy mends a missing slash, if it is one that does.
    let mended =
        only_slash && session.client.as_ref().and_then(Exchange::answer).is_some_and(is_client);
    let (severity, title, effect) = if mended {
        (
            Severity::Warning,
            "The slash at the end of the client's address is missing; the proxy mends it",
            "One redirect more per join; behind another proxy the client would stay empty",
        )
    } else if only_slash {
        (
            Severity::Problem,
            "The slash at the end of the client's address is missing",
            "The client stays empty: its files are looked for one folder too high",
        )
    } else {
        (
            Severity::Problem,
            "Joining does not lead to the node's mount on the cluster's origin",
            "Users land elsewhere: on an error page, or on the node itself, where they are asked \
             for microphone and camera anew",
        )
    };
    let setting = Setting::new("defaultHTML5ClientUrl", wanted).instead_of(found_url);
    found(
        Finding::new(severity, title)
            .effect(effect)
            .seen(join, format!("Location: {found_url}"))
            .fix(Place::Web.fix(case, vec![setting])),
    )
}

fn cookie(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(join) = &session.join else { return skip("nobody joined") };
    let file = "/etc/systemd/system/bbb-web.service.d/cluster.conf";
    let fix = |value: &str| Fix {
        file: file.to_owned(),
        settings: vec![Setting::new("Environment=\"JDK_JAVA_OPTIONS=…\"", value)],
        command: Some(format!("bluegate node apply {}", case.node.name)),
    };
    let Some(cookie) = &session.cookie else {
        return found(
            Finding::new(Severity::Problem, "Joining sets no session cookie")
                .effect("Every call after joining is refused (401)")
                .seen(join, "no Set-Cookie: JSESSIONID"),
        );
    };
    if case.node.proxied && !session.cookie_is_sent {
        return found(
            Finding::new(Severity::Problem, "Browsers do not send the session cookie")
                .effect("After joining: \"Oops, something went wrong\"")
                .seen(join, cookie.shown())
                .fix(fix("-Dserver.servlet.session.cookie.path=/ (the default)")),
        );
    }
    let is_https = case.node.origin.scheme() == bluegate_cluster::Scheme::Https;
    let missing = if is_https && !cookie.secure {
        Some(("Secure", "-Dserver.servlet.session.cookie.secure=true"))
    } else if !cookie.http_only {
        Some(("HttpOnly", "-Dserver.servlet.session.cookie.http-only=true"))
    } else {
        None
    };
    let Some((name, value)) = missing else { return Outcome::Passed };
    found(
        Finding::new(Severity::Warning, format!("The session cookie is not `{name}`"))
            .effect("Nothing users see; their session is easier to steal")
            .seen(join, cookie.shown())
            .fix(fix(value)),
    )
}

fn client(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(client) = &session.client else { return skip("nobody joined") };
    let answer = match &client.outcome {
        Ok(answer) if is_client(answer) => return Outcome::Passed,
        Ok(answer) => format!("{}, {}", status(answer), answer.media_type()),
        Err(trouble) => trouble.to_string(),
    };
    found(
        Finding::new(Severity::Problem, "Joining does not end in the client")
            .effect("Users see an error page after joining")
            .seen(client, answer),
    )
}

fn entered(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(entered) = &session.entered else { return skip("nobody joined") };
    let Ok(answer) = &entered.outcome else {
        return no_answer(entered);
    };
    let page = case.page().to_string();
    let readable = answer.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN) == Some(&page)
        && answer.header(&header::ACCESS_CONTROL_ALLOW_CREDENTIALS) == Some("true");
    if gets_in(case, session, answer) {
        if readable {
            return Outcome::Passed;
        }
        return found(
            Finding::new(Severity::Problem, "The answer to a page with a session may not be read")
                .effect("The client says that it cannot connect; a CORS error in the console")
                .seen(entered, shown(answer))
                .fix(if case.release.is_static() {
                    Place::Hasura.fix(
                        case,
                        vec![Setting::new("HASURA_GRAPHQL_CORS_DOMAIN", format!("\"{page}\""))],
                    )
                } else {
                    Place::WebCors.fix(case, Vec::new())
                }),
        );
    }
    found(
        Finding::new(
            Severity::Problem,
            "A user with session token and cookie is refused, which is no matter of CORS",
        )
        .effect("\"Oops, something went wrong\"; browsers call it a CORS error, since a 401 has no such headers")
        .seen(entered, shown(answer))
        .fix(Fix {
            file: "/var/log/bigbluebutton/bbb-web.log".to_owned(),
            settings: Vec::new(),
            command: Some("systemctl status bbb-web bbb-graphql-server".to_owned()),
        }),
    )
}

/// Whether the first call of a page got in.
fn gets_in(case: &Case<'_>, session: &Session, answer: &Answer) -> bool {
    if case.release.is_static() {
        return session.settings.is_some();
    }
    is_json_success(answer)
}

fn is_json_success(answer: &Answer) -> bool {
    serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok_and(|value| {
        value.pointer("/response/returncode").is_some_and(|code| code == "SUCCESS")
    })
}

fn binding(case: &Case<'_>) -> Outcome {
    let session = match case.session() {
        Ok(session) => session,
        Err(outcome) => return outcome,
    };
    let Some(exchange) = &session.without_cookie else { return skip("nobody joined") };
    let Some(answer) = exchange.answer() else { return skip("there was no answer") };
    let open = if case.release.is_static() {
        answer.status == http::StatusCode::OK
    } else {
        is_json_success(answer)
    };
    if !open {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Warning, "A session token alone opens a meeting")
            .effect(
                "Nothing users see; whoever learns a token (from a screen, a log, a link) acts as \
                 that user",
            )
            .seen(exchange, status(answer))
            .fix(Fix {
                file: Place::Web.file(case).to_owned(),
                settings: vec![
                    Setting::new("allowRequestsWithoutSession", "false").instead_of("true"),
                ],
                command: Some("systemctl restart bbb-web".to_owned()),
            }),
    )
}

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
    let Some(export) = &session.pad_export else { return skip("this release has none") };
    let Some(answer) = export.answer() else { return skip("there was no answer") };
    let page = case.page().to_string();
    let allowed = answer.header(&header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if allowed == Some(&page) {
        return Outcome::Passed;
    }
    if allowed.is_none() && answer.status != http::StatusCode::OK {
        return skip("an export of a pad that does not exist shows nothing here");
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
