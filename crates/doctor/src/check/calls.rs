//! Calls of the cluster's pages to the node: does it let them read its answers?

use http::{StatusCode, header};

use super::{Case, Check, Outcome, Run, found, not_concerned, skip, status};
use crate::{
    finding::{Finding, Setting, Severity},
    places::Place,
    probe::{HOSTILE, Probe},
    wire::{Answer, Exchange},
};

pub(super) const WEB: Check = Check {
    id: "web-calls",
    proves: "pages of the cluster, and of the node itself, may call bbb-web with their cookies",
    limit: None,
    source: "BBB#15457, BBB#16542, BBB#23819",
    needs: &["configured"],
    run: Run::Node(web),
};

pub(super) const WEB_OPEN: Check = Check {
    id: "web-calls-closed",
    proves: "pages of nobody may not read bbb-web's answers with users' cookies",
    limit: None,
    source: "Fetch Standard: CORS",
    needs: &["web-calls"],
    run: Run::Node(web_open),
};

pub(super) const REST: Check = Check {
    id: "rest-calls",
    proves: "pages of the cluster may ask the GraphQL engine for their settings",
    limit: Some("a preflight; that a session is accepted is shown by `session`"),
    source: "BBB#19207, BBB#21132, BBB#23637",
    needs: &["configured"],
    run: Run::Node(rest),
};

pub(super) const REST_OPEN: Check = Check {
    id: "rest-calls-closed",
    proves: "pages of nobody may not",
    limit: None,
    source: "Hasura: HASURA_GRAPHQL_CORS_DOMAIN",
    needs: &["rest-calls"],
    run: Run::Node(rest_open),
};

pub(super) const SLIDES: Check = Check {
    id: "slides",
    proves: "pages of the cluster may read slides, as this release lets them",
    limit: Some("asks for a slide that does not exist: the header stands on every answer"),
    source: "BBB#15436, BBB#21361, BBB#25108",
    needs: &["client-on-node", "release"],
    run: Run::Node(slides),
};

pub(super) const ROUND_TRIP: Check = Check {
    id: "round-trip",
    proves: "pages of the cluster may measure round trips and the node's time",
    limit: None,
    source: "BBB#23943, BBB#23960, BBB#24285",
    needs: &["configured"],
    run: Run::Node(round_trip),
};

pub(super) const SHARED_NOTES: Check = Check {
    id: "shared-notes-calls",
    proves: "pages of the cluster may export BlockNote's notes, and pages of nobody may not",
    limit: None,
    source: "BBB#24944, BBB#24952, BBB#25194",
    needs: &["slides"],
    run: Run::Node(shared_notes),
};

pub(super) const PLUGINS: Check = Check {
    id: "plugins",
    proves: "pages of the cluster may load plugins from the node",
    limit: Some("asks for a plugin that does not exist"),
    source: "BBB#23655",
    needs: &["configured"],
    run: Run::Node(plugins),
};

const ALLOWED: header::HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;
const CREDENTIALS: header::HeaderName = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;

/// Whether a page of `origin` may read this answer, its cookies sent along.
fn lets_read(answer: &Answer, origin: &str) -> bool {
    answer.header(&ALLOWED) == Some(origin) && answer.header(&CREDENTIALS) == Some("true")
}

/// What stands in the two headers.
pub(super) fn shown(answer: &Answer) -> String {
    let allowed = answer.header(&ALLOWED).unwrap_or("none");
    let credentials = answer.header(&CREDENTIALS).unwrap_or("none");
    format!(
        "{}, Access-Control-Allow-Origin: {allowed}, Access-Control-Allow-Credentials: {credentials}",
        status(answer)
    )
}

fn web(case: &Case<'_>) -> Outcome {
    let (call, answer) = match case.got(Probe::WebCall) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    let node = case.node.origin.to_string();
    if !lets_read(answer, &page) {
        let title = match answer.status.as_u16() {
            403 => "bbb-web refuses calls of the cluster's pages",
            500 => {
                "bbb-web fails at calls of other origins: `*` and credentials exclude each other"
            }
            _ => "bbb-web does not let the cluster's pages read its answers",
        };
        return found(web_finding(case, title, call, answer));
    }
    // bbb-web sees another Host than browsers do, so to it even pages of its own
    // node are foreign. Before 2.6 nginx answered, and did not care.
    if case.release.is_before(2, 6, 0) {
        return Outcome::Passed;
    }
    let Ok((own, answer)) = case.got(Probe::WebCallOwn) else {
        return Outcome::Passed;
    };
    if answer.status == StatusCode::FORBIDDEN {
        let title = format!("bbb-web refuses calls of the node's own pages (`{node}`)");
        let mut finding = web_finding(case, &title, own, answer);
        finding.effect =
            "Guests wait in the lobby for ever, the learning dashboard stays empty".into();
        return found(finding);
    }
    let Ok((preflight, answer)) = case.got(Probe::WebPreflight) else {
        return Outcome::Passed;
    };
    if answer.status.is_success() && lets_read(answer, &page) {
        return Outcome::Passed;
    }
    let title = "bbb-web does not answer the preflights of the cluster's pages";
    found(web_finding(case, title, preflight, answer))
}

fn web_finding(case: &Case<'_>, title: &str, exchange: &Exchange, answer: &Answer) -> Finding {
    let setting = if case.release.is_before(2, 6, 0) {
        Setting::new("set $bbb_loadbalancer_node", format!("{};", case.page()))
    } else {
        Setting::new(
            "Environment=\"JDK_JAVA_OPTIONS=…\"",
            format!(
                "-Dgrails.cors.enabled=true -Dgrails.cors.allowCredentials=true \
                 -Dgrails.cors.allowedOrigins={},{}",
                case.page(),
                case.node.origin
            ),
        )
    };
    Finding::new(Severity::Problem, title)
        .effect("After joining: no audio, no uploads, \"Oops, something went wrong\"; a CORS error in the console")
        .seen(exchange, shown(answer))
        .fix(Place::WebCors.fix(case, vec![setting]))
}

fn web_open(case: &Case<'_>) -> Outcome {
    open(case, Probe::WebCallHostile, |case| {
        let origins = format!("{},{}", case.page(), case.node.origin);
        Place::WebCors.fix(case, vec![Setting::new("-Dgrails.cors.allowedOrigins", origins)])
    })
}

fn rest_open(case: &Case<'_>) -> Outcome {
    open(case, Probe::RestPreflightHostile, |case| {
        Place::Hasura.fix(
            case,
            vec![Setting::new("HASURA_GRAPHQL_CORS_DOMAIN", format!("\"{}\"", case.page()))],
        )
    })
}

/// Whether a page of nobody may read answers, users' cookies sent along.
fn open(case: &Case<'_>, probe: Probe, fix: impl Fn(&Case<'_>) -> crate::Fix) -> Outcome {
    let (exchange, answer) = match case.got(probe) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if !lets_read(answer, HOSTILE) {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Warning, "Pages of any origin may call the node as its users")
            .effect("Nothing users see; a foreign page they visit can act in their meeting")
            .seen(exchange, shown(answer))
            .fix(fix(case)),
    )
}

fn rest(case: &Case<'_>) -> Outcome {
    first(case, [Probe::RestPreflight, Probe::UserMetadataPreflight], rest_call)
}

/// What the first of these probes comes to that does not pass.
fn first<const N: usize>(
    case: &Case<'_>,
    probes: [Probe; N],
    judge: fn(&Case<'_>, Probe) -> Outcome,
) -> Outcome {
    let mut outcomes = probes.into_iter().map(|probe| judge(case, probe));
    outcomes.find(|outcome| *outcome != Outcome::Passed).unwrap_or(Outcome::Passed)
}

fn rest_call(case: &Case<'_>, probe: Probe) -> Outcome {
    let (preflight, answer) = match case.got(probe) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    let allows_header = answer.header(&header::ACCESS_CONTROL_ALLOW_HEADERS).is_some_and(|names| {
        names == "*" || names.to_ascii_lowercase().contains("x-session-token")
    });
    if answer.status.is_success() && lets_read(answer, &page) && allows_header {
        return Outcome::Passed;
    }
    let effect =
        "The client loads and then says that it cannot connect; a CORS error in the console";
    // nginx's own answer: bbb-web or the engine behind it is in trouble.
    if answer.status == StatusCode::UNAUTHORIZED || answer.status.is_server_error() {
        return found(
            Finding::new(Severity::Problem, "Preflights do not get to the GraphQL engine")
                .effect(effect)
                .seen(preflight, shown(answer))
                .fix(crate::Fix {
                    file: "/usr/share/bigbluebutton/nginx/graphql.nginx".to_owned(),
                    settings: Vec::new(),
                    command: Some("systemctl status bbb-graphql-server".to_owned()),
                }),
        );
    }
    let wanted = format!("\"{page}\"");
    found(
        Finding::new(Severity::Problem, "The GraphQL engine does not answer the cluster's pages")
            .effect(effect)
            .seen(preflight, shown(answer))
            .fix(Place::Hasura.fix(case, vec![Setting::new("HASURA_GRAPHQL_CORS_DOMAIN", wanted)])),
    )
}

fn slides(case: &Case<'_>) -> Outcome {
    first(case, [Probe::Slide, Probe::Thumbnail, Probe::SlideText], slide_file)
}

fn slide_file(case: &Case<'_>, probe: Probe) -> Outcome {
    let (slide, answer) = match case.got(probe) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    let allowed = answer.header(&ALLOWED);
    if allowed == Some(page.as_str()) {
        // Without a session only `401` shows that cookies will be needed.
        let needs_cookies = answer.status == StatusCode::UNAUTHORIZED;
        if !needs_cookies || answer.header(&CREDENTIALS) == Some("true") {
            return Outcome::Passed;
        }
    }
    let any_without_cookies = allowed == Some("*")
        && case.release.is_static()
        && answer.status != StatusCode::UNAUTHORIZED
        && !answer.headers.contains_key(CREDENTIALS);
    if any_without_cookies && !case.release.is_since(3, 0, 27) {
        return Outcome::Passed;
    }
    let variable =
        if case.release.is_static() { "$bbb_cors_origin" } else { "$bbb_loadbalancer_node" };
    let title = match allowed {
        Some(found) if found.trim_end_matches('/') == page => {
            "A slash too many where nginx names the pages that may read slides".to_owned()
        }
        Some("*") => "Slides are open to all pages, and so to none with a session".to_owned(),
        Some(found) => format!("Only pages of `{}` may read slides", crate::wire::showable(found)),
        None => "The cluster's pages may not read slides".to_owned(),
    };
    let mut setting = Setting::new(format!("set {variable}"), format!("'{page}';"));
    if let Some(found) = allowed {
        setting = setting.instead_of(format!("'{found}';"));
    }
    // Before 2.6 one variable served bbb-web too: what that check said is enough.
    if case.release.is_before(2, 6, 0)
        && case.evidence.answer(Probe::WebCall).is_some_and(|call| !lets_read(call, &page))
    {
        return skip("the same variable is missing for bbb-web");
    }
    found(
        Finding::new(Severity::Problem, title)
            .effect("Slides stay empty, or only their first one shows")
            .seen(slide, shown(answer))
            .fix(Place::Slides.fix(case, vec![setting])),
    )
}

fn round_trip(case: &Case<'_>) -> Outcome {
    let (call, answer) = match case.got(Probe::RoundTrip) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    if answer.status == StatusCode::NOT_FOUND {
        return not_concerned();
    }
    let readable = answer.header(&ALLOWED).is_some_and(|allowed| allowed == "*" || allowed == page);
    let exposed = answer
        .header(&header::ACCESS_CONTROL_EXPOSE_HEADERS)
        .is_some_and(|names| names.to_ascii_lowercase().contains("x-server-epoch-msec"));
    let finding = |title: &str, effect: &str| {
        Finding::new(Severity::Warning, title).effect(effect).seen(call, shown(answer)).fix(
            crate::Fix {
                file: "/usr/share/bigbluebutton/nginx/web.nginx (package file: upgrade bbb-web)"
                    .to_owned(),
                settings: vec![Setting::new(
                    "add_header 'Access-Control-Expose-Headers'",
                    "'X-Server-Epoch-Msec,X-Request-Id' always;",
                )],
                command: None,
            },
        )
    };
    if !readable || answer.status != StatusCode::OK {
        return found(finding(
            "The cluster's pages cannot measure round trips",
            "Users are told that their connection is bad, though it is not",
        ));
    }
    if exposed {
        return Outcome::Passed;
    }
    found(finding(
        "The cluster's pages cannot read the node's time",
        "Timers of breakout rooms show absurd hours",
    ))
}

fn shared_notes(case: &Case<'_>) -> Outcome {
    if !case.has_shared_notes_server() {
        return skip("the server of BlockNote's notes is not installed");
    }
    let (preflight, answer) = match case.got(Probe::SharedNotes) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    // Until 3.0.28 any origin was mirrored.
    let hostile = case.evidence.answer(Probe::SharedNotesHostile);
    let (severity, title, effect, exchange, answer) = if lets_read(answer, &page) {
        match hostile {
            Some(hostile) if lets_read(hostile, HOSTILE) && !case.release.is_before(3, 0, 28) => (
                Severity::Warning,
                "Pages of any origin may read users' notes",
                "Nothing users see",
                preflight,
                hostile,
            ),
            _ => return Outcome::Passed,
        }
    } else {
        (
            Severity::Problem,
            "The cluster's pages may not export notes",
            "\"Move notes to whiteboard\" and exports of notes fail",
            preflight,
            answer,
        )
    };
    found(Finding::new(severity, title).effect(effect).seen(exchange, shown(answer)).fix(
        Place::Slides.fix(case, vec![Setting::new("set $bbb_cors_origin", format!("'{page}';"))]),
    ))
}

fn plugins(case: &Case<'_>) -> Outcome {
    let (preflight, answer) = match case.got(Probe::Plugins) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let page = case.page().to_string();
    let readable = answer.header(&ALLOWED).is_some_and(|allowed| allowed == "*" || allowed == page);
    if readable {
        return Outcome::Passed;
    }
    // The package file came in the course of 3.0.
    if answer.status == StatusCode::NOT_FOUND {
        return skip("this release has no place for plugins");
    }
    found(
        Finding::new(Severity::Warning, "The cluster's pages may not load plugins from the node")
            .effect("Plugins that the node hosts are missing")
            .seen(preflight, shown(answer))
            .fix(crate::Fix {
                file: "/usr/share/bigbluebutton/nginx/plugins-assets-cors.nginx (package file)"
                    .to_owned(),
                settings: vec![Setting::new(
                    "add_header 'Access-Control-Allow-Origin'",
                    "'*' always;",
                )],
                command: None,
            }),
    )
}
