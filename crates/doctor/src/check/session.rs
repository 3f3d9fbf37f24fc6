//! What a probe meeting shows: the way of a user from `join` into the meeting.

use http::header;

use super::{
    Case, Check, Outcome, Run, api::summary, calls::shown, client::is_client, found, no_answer,
    skip, status,
};
use crate::{
    evidence::Session,
    finding::{Finding, Fix, Setting, Severity},
    places::Place,
    wire::{Answer, Exchange},
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

/// Whether the API says that it did what it was asked.
pub(super) fn is_success(exchange: &Exchange) -> bool {
    exchange.answer().is_some_and(|answer| {
        bluegate_bbb_api::Answer::parse(&answer.body)
            .is_ok_and(|answer| answer.outcome() == bluegate_bbb_api::Outcome::Success)
    })
}

/// What the API said, in short.
pub(super) fn summary_of(exchange: &Exchange) -> String {
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
