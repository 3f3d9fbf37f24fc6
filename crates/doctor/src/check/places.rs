//! Places of the node that must be there: uploads, pads, dashboard, lobby.

use http::{StatusCode, header};

use super::{Case, Check, Outcome, Run, found, skip, status};
use crate::{
    finding::{Finding, Setting, Severity},
    places::Place,
    probe::Probe,
};

pub(super) const UPLOADS: Check = Check {
    id: "uploads",
    proves: "the upload address is bbb-web's",
    limit: Some("with a token of nobody the refusal (403) is right; an upload needs a presenter"),
    source: "BBB#15457",
    needs: &["configured"],
    run: Run::Node(uploads),
};

pub(super) const PADS: Check = Check {
    id: "pads",
    proves: "pads are behind the session",
    limit: Some("a 401 of nginx proves the place, not Etherpad behind it"),
    source: "package file notes.nginx",
    needs: &["configured"],
    run: Run::Node(pads),
};

pub(super) const DASHBOARD: Check = Check {
    id: "dashboard",
    proves: "the learning dashboard's page is there",
    limit: None,
    source: "BBB#21511, BBB#21523",
    needs: &["configured"],
    run: Run::Node(dashboard),
};

pub(super) const DASHBOARD_TEXTS: Check = Check {
    id: "dashboard-texts",
    proves: "the learning dashboard finds its texts, which it asks for without mount",
    limit: None,
    source: "learning dashboard: /html5client/locales/",
    needs: &["configured"],
    run: Run::Node(dashboard_texts),
};

pub(super) const LOBBY_TEXTS: Check = Check {
    id: "guest-lobby-texts",
    proves: "the guest lobby finds its language, which it asks for without mount (2.x)",
    limit: None,
    source: "BBB#14462; guest-wait.html",
    needs: &["client-on-node"],
    run: Run::Node(lobby_texts),
};

fn uploads(case: &Case<'_>) -> Outcome {
    let (preflight, answer) = match case.got(Probe::Upload) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if !matches!(answer.status.as_u16(), 404 | 502..=504) {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "Nothing takes uploads")
            .effect("Presentations cannot be uploaded")
            .seen(preflight, status(answer))
            .fix(package("web.nginx")),
    )
}

fn package(file: &str) -> crate::Fix {
    crate::Fix {
        file: format!("/usr/share/bigbluebutton/nginx/{file} (package file)"),
        settings: Vec::new(),
        command: Some("nginx -t && systemctl reload nginx".to_owned()),
    }
}

fn pads(case: &Case<'_>) -> Outcome {
    let (pad, answer) = match case.got(Probe::Pad) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    match answer.status.as_u16() {
        401 | 403 => Outcome::Passed,
        404 => skip("Etherpad is not installed"),
        200 => found(
            Finding::new(Severity::Warning, "Pads open without a session")
                .effect("Nothing users see; anybody may read and write notes")
                .seen(pad, status(answer))
                .fix(package("notes.nginx")),
        ),
        _ => found(
            Finding::new(Severity::Warning, "Pads do not answer")
                .effect("Shared notes stay empty")
                .seen(pad, status(answer))
                .fix(package("notes.nginx")),
        ),
    }
}

fn dashboard(case: &Case<'_>) -> Outcome {
    let (page, answer) = match case.got(Probe::Dashboard) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if answer.status == StatusCode::OK && answer.media_type() == "text/html" {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Warning, "The learning dashboard is not there")
            .effect("Its page does not open for moderators")
            .seen(page, status(answer))
            .fix(package("learning-dashboard.nginx")),
    )
}

fn dashboard_texts(case: &Case<'_>) -> Outcome {
    let (texts, answer) = match case.got(Probe::DashboardTexts) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    if answer.status == StatusCode::OK {
        return Outcome::Passed;
    }
    found(
        Finding::new(
            Severity::Warning,
            "The client's files are gone from where the package serves them",
        )
        .effect("The learning dashboard has no texts, default avatars are missing")
        .seen(texts, status(answer))
        .fix(package("bbb-html5.nginx")),
    )
}

fn lobby_texts(case: &Case<'_>) -> Outcome {
    let (locale, answer) = match case.got(Probe::GuestLocale) {
        Ok(got) => got,
        Err(outcome) => return outcome,
    };
    let mount = &case.node.name;
    let path = format!("/{mount}/html5client/locale?locale=en&init=true");
    let leads = answer.status.is_redirection()
        && answer.header(&header::LOCATION).is_some_and(|location| location.ends_with(&path));
    if leads || answer.text().contains("normalizedLocale") {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Warning, "The guest lobby does not find its language")
            .effect("Guests who wait read English, or names of texts")
            .seen(locale, status(answer))
            .fix(Place::Locations.fix(
                case,
                vec![Setting::new(
                    "location = /html5client/locale",
                    format!("return 301 /{mount}$request_uri;"),
                )],
            )),
    )
}
