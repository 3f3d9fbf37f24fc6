//! Reaching a node: name, certificate, site, clock, release.

use std::time::Duration;

use bluegate_cluster::BbbVersion;
use bluegate_site::{CROSS_SITE_LIMIT, site_of};

use super::{
    Case, Check, Outcome, Run, cluster,
    cluster::{certificate_outcome, expiry_outcome, name_finding},
    found, skip,
};
use crate::{
    finding::{Finding, Fix, Setting, Severity},
    probe::Probe,
    wire::{Answer, Trouble},
};

pub(super) const NAME: Check = Check {
    id: "node-name",
    proves: "the node's host name resolves",
    limit: Some("only from where the doctor runs"),
    source: "DNS",
    needs: &[],
    run: Run::Node(name),
};

pub(super) const HTTPS: Check = Check {
    id: "node-https",
    proves: "pages of the cluster may call the node",
    limit: None,
    source: "W3C Mixed Content",
    needs: &["cluster-https"],
    run: Run::Node(https),
};

pub(super) const SITE: Check = Check {
    id: "same-site",
    proves: "browsers send the node's session cookie from the cluster's pages",
    limit: None,
    source: "Public Suffix List; BBB#23637, BBB#25212",
    needs: &["node-https"],
    run: Run::Node(site),
};

pub(super) const CERTIFICATE: Check = Check {
    id: "node-certificate",
    proves: "the node's certificate is believed: chain, name, dates",
    limit: Some("an authority named by `node_ca` counts as believed, which browsers may not"),
    source: "RFC 5280, RFC 9525",
    needs: &["node-name"],
    run: Run::Node(certificate),
};

pub(super) const EXPIRY: Check = Check {
    id: "node-certificate-expiry",
    proves: "the node's certificate lasts three weeks more",
    limit: None,
    source: "RFC 5280",
    needs: &["node-certificate"],
    run: Run::Node(expiry),
};

pub(super) const ANSWERS: Check = Check {
    id: "node-answers",
    proves: "the node's API answers",
    limit: None,
    source: "BBB API documentation",
    needs: &["node-name", "node-certificate"],
    run: Run::Node(answers),
};

pub(super) const CLOCK: Check = Check {
    id: "clock",
    proves: "the node's clock is right",
    limit: Some("compared with the clock of this machine, in whole seconds"),
    source: "RFC 9110 `Date`; createTime and TURN passwords are times",
    needs: &["node-answers"],
    run: Run::Node(clock),
};

pub(super) const RELEASE: Check = Check {
    id: "release",
    proves: "the node does not run a release that cannot work behind a proxy",
    limit: Some("a node that hides its version is judged by what it answers"),
    source: "BBB#19992, BBB#21130; BBB#25020, BBB#25132, BBB#25166",
    needs: &["node-answers"],
    run: Run::Node(release),
};

pub(super) const RELEASE_IN_FILE: Check = Check {
    id: "release-in-file",
    proves: "the cluster file names the release that the node runs",
    limit: None,
    source: "the cluster file",
    needs: &["node-answers"],
    run: Run::Node(release_in_file),
};

fn name(case: &Case<'_>) -> Outcome {
    let Err(trouble) = &case.evidence.name else { return Outcome::Passed };
    let finding = name_finding(&case.node.origin, trouble, "every meeting on this node");
    if case.node.address.is_some() {
        // Perhaps it is only this machine that does not know the name.
        return found(Finding {
            severity: Severity::Warning,
            effect: "If it does not resolve for browsers either, every meeting on this node \
                     fails; looked at by its `address` instead"
                .to_owned(),
            ..finding
        });
    }
    found(finding)
}

fn https(case: &Case<'_>) -> Outcome {
    let node_is_safe = cluster::is_trusted_context(&case.node.origin);
    if node_is_safe {
        return Outcome::Passed;
    }
    found(
        Finding::new(Severity::Problem, "The node's origin is not https")
            .effect("Browsers block the calls of an https page to it")
            .fix(Fix {
                file: case.subject.file.display().to_string(),
                settings: vec![Setting::new(
                    "[[node]] origin",
                    format!("\"https://{}\"", case.node.origin.host()),
                )],
                command: None,
            }),
    )
}

fn site(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    let (page, node) = (site_of(case.page()), site_of(&case.node.origin));
    if page == node {
        return Outcome::Passed;
    }
    let crosses = case.evidence.session.as_ref().and_then(|session| session.cookie.as_ref());
    let crosses = crosses.is_some_and(|cookie| cookie.is_sent(false, true));
    let (severity, effect) = if crosses {
        (Severity::Warning, format!("Still {CROSS_SITE_LIMIT}"))
    } else {
        (
            Severity::Problem,
            "Browsers keep the node's session cookie back: after joining, \"Oops, something \
             went wrong\", and a CORS error in the console that is none"
                .to_owned(),
        )
    };
    let mut finding = Finding::new(
        severity,
        format!(
            "The cluster and the node are different sites: `{}` and `{}`",
            page.domain, node.domain
        ),
    )
    .effect(effect)
    .fix(Fix {
        file: case.subject.file.display().to_string(),
        settings: vec![
            Setting::new("[[node]] origin", format!("a name under `{}`", page.domain))
                .instead_of(format!("\"{}\"", case.node.origin)),
        ],
        command: None,
    });
    finding.evidence.push(crate::Seen {
        request: format!("sites of {} and {}", case.page(), case.node.origin),
        answer: format!("{} and {}", page.domain, node.domain),
    });
    found(finding)
}

fn certificate(case: &Case<'_>) -> Outcome {
    certificate_outcome(&case.node.origin, case.evidence.certificate.as_ref())
}

fn expiry(case: &Case<'_>) -> Outcome {
    let certificate = case.evidence.certificate.as_ref();
    expiry_outcome(&case.node.origin, certificate, case.evidence.now)
}

fn answers(case: &Case<'_>) -> Outcome {
    let Some(index) = case.of(Probe::IndexOnNode) else { return skip("it was not asked") };
    let effect = "Every meeting on this node fails";
    match &index.outcome {
        Err(trouble) => {
            let finding = Finding::new(Severity::Problem, "The node does not answer")
                .effect(effect)
                .seen(index, trouble.to_string());
            // Nothing listens: the machine is down, or nginx did not start with its files.
            let is_closed = matches!(trouble, Trouble::Connect(_));
            found(if is_closed { finding.fix(start_nginx()) } else { finding })
        }
        Ok(answer) if is_index(answer) => Outcome::Passed,
        Ok(answer) if answer.status.is_server_error() => found(
            Finding::new(Severity::Problem, "The node's bbb-web does not run")
                .effect(effect)
                .seen(index, super::status(answer))
                .fix(Fix {
                    file: "/var/log/bigbluebutton/bbb-web.log".to_owned(),
                    settings: Vec::new(),
                    command: Some("systemctl status bbb-web".to_owned()),
                }),
        ),
        Ok(answer) => found(
            Finding::new(Severity::Problem, "What answers there is no BigBlueButton")
                .effect(effect)
                .seen(index, format!("{}, {}", super::status(answer), answer.media_type()))
                .fix(Fix {
                    file: case.subject.file.display().to_string(),
                    settings: vec![
                        Setting::new("[[node]] origin", "the server's own origin")
                            .instead_of(format!("\"{}\"", case.node.origin)),
                    ],
                    command: None,
                }),
        ),
    }
}

fn start_nginx() -> Fix {
    Fix {
        file: "the file that `nginx -t` names on the node".to_owned(),
        settings: Vec::new(),
        command: Some("nginx -t && systemctl restart nginx".to_owned()),
    }
}

/// Whether this is the API's version document, in either of its forms.
pub(super) fn is_index(answer: &Answer) -> bool {
    let text = answer.text();
    answer.status == http::StatusCode::OK
        && text.contains("returncode")
        && text.contains("SUCCESS")
        && text.contains("apiVersion")
}

/// Clocks a second apart are right: a `Date` tells whole seconds, and the
/// answer was under way.
const CLOCK_WARNING: Duration = Duration::from_secs(5);
/// So far apart, passwords for TURN are not valid.
const CLOCK_PROBLEM: Duration = Duration::from_secs(120);

fn clock(case: &Case<'_>) -> Outcome {
    let Some((ahead, by)) = case.evidence.clock_ahead() else {
        return skip("the node does not tell the time");
    };
    if by <= CLOCK_WARNING {
        return Outcome::Passed;
    }
    let severity = if by > CLOCK_PROBLEM { Severity::Problem } else { Severity::Warning };
    let direction = if ahead { "ahead of" } else { "behind" };
    let Some(index) = case.of(Probe::IndexOnNode) else { return skip("it was not asked") };
    let date = index.answer().and_then(|answer| answer.header(&http::header::DATE));
    found(
        Finding::new(severity, format!("The node's clock is {} s {direction} ours", by.as_secs()))
            .effect("Timers are wrong, TURN passwords run out early, recordings get wrong times")
            .seen(index, format!("Date: {}", date.unwrap_or_default()))
            .fix(Fix {
                file: "/etc/systemd/timesyncd.conf".to_owned(),
                settings: Vec::new(),
                command: Some("timedatectl set-ntp true".to_owned()),
            }),
    )
}

fn release(case: &Case<'_>) -> Outcome {
    if !case.node.proxied {
        return skip("the node is not proxied");
    }
    if let Some(version) = case.release.version.as_ref().filter(|version| is_too_early(version)) {
        let index = case.of(Probe::IndexOnNode);
        let mut finding =
            Finding::new(Severity::Problem, format!("BBB {version} cannot work behind a proxy"))
                .effect("The client asks the cluster's origin for what only the node has")
                .fix(upgrade(&version.to_string()));
        if let Some(index) = index {
            finding = finding.seen(index, format!("BBB {version}"));
        }
        return found(finding);
    }
    let by_answer = case.evidence.answer(Probe::Slide).is_some_and(looks_like_3_0_27);
    let hidden = case.release.version.as_ref().is_none_or(|version| version.patch.is_none());
    let is_it = case.release.is(3, 0, 27) || (hidden && by_answer);
    if !is_it {
        return Outcome::Passed;
    }
    let mut finding = Finding::new(Severity::Problem, "BBB 3.0.27 cannot work behind a proxy")
        .effect(
            "Slides stay empty: they need a session, and pages of other origins cannot show one",
        )
        .fix(upgrade("3.0.27"));
    if let Ok((slide, answer)) = case.got(Probe::Slide) {
        finding = finding.seen(slide, super::status(answer));
    }
    found(finding)
}

/// The releases on the way to 3.0 whose client did not know of proxies yet.
fn is_too_early(version: &BbbVersion) -> bool {
    let before_it_knew = |pre: &str| pre.starts_with("alpha") || pre == "beta.1";
    (version.major, version.minor, version.patch) == (3, 0, Some(0))
        && version.pre_release.as_deref().is_some_and(before_it_knew)
}

fn upgrade(from: &str) -> Fix {
    Fix {
        file: "the node's packages".to_owned(),
        settings: vec![Setting::new("BigBlueButton", "3.0.28 or later").instead_of(from)],
        command: Some("apt-get update && apt-get dist-upgrade".to_owned()),
    }
}

/// Slides need a session, as since 3.0.27, but `*` stands where 3.0.28 has an
/// origin and its permission for cookies.
pub(super) fn looks_like_3_0_27(answer: &Answer) -> bool {
    answer.status == http::StatusCode::UNAUTHORIZED
        && answer.header(&http::header::ACCESS_CONTROL_ALLOW_ORIGIN) == Some("*")
        && !answer.headers.contains_key(http::header::ACCESS_CONTROL_ALLOW_CREDENTIALS)
}

fn release_in_file(case: &Case<'_>) -> Outcome {
    let Some(told) = case.release.version.as_ref().filter(|_| case.release.told_by_node) else {
        return skip("the node does not say what it runs");
    };
    let Some(written) = &case.node.bbb else { return skip("the cluster file names no release") };
    if agrees(written, told) {
        return Outcome::Passed;
    }
    let same_line = (written.major, written.minor) == (told.major, told.minor);
    let severity = if same_line { Severity::Note } else { Severity::Warning };
    let Some(index) = case.of(Probe::IndexOnNode) else { return skip("it was not asked") };
    found(
        Finding::new(
            severity,
            format!("The node runs BBB {told}, the cluster file says {written}"),
        )
        .effect("The proxy relays by the rules of the wrong release")
        .seen(index, format!("BBB {told}"))
        .fix(Fix {
            file: case.subject.file.display().to_string(),
            settings: vec![
                Setting::new("[[node]] bbb", format!("\"{told}\""))
                    .instead_of(format!("\"{written}\"")),
            ],
            command: None,
        }),
    )
}

/// Whether what is written leaves open or names what runs.
fn agrees(written: &BbbVersion, runs: &BbbVersion) -> bool {
    (written.major, written.minor) == (runs.major, runs.minor)
        && written.patch.is_none_or(|patch| Some(patch) == runs.patch)
}
