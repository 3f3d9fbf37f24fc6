//! The cluster's own origin.

use std::time::Duration;

use super::{Check, ClusterCase, Outcome, Run, found, skip};
use crate::{
    finding::{Finding, Fix, Setting, Severity},
    html,
    probe::Probe,
    wire::{Certificate, CertificateTrouble, Trouble},
};
use bluegate_cluster::{Origin, Scheme};

pub(super) const NAME: Check = Check {
    id: "cluster-name",
    proves: "the cluster's host name resolves",
    limit: Some("only from where the doctor runs"),
    source: "DNS",
    needs: &[],
    run: Run::Cluster(name),
};

pub(super) const HTTPS: Check = Check {
    id: "cluster-https",
    proves: "browsers let the cluster's pages use microphone and camera",
    limit: None,
    source: "W3C Secure Contexts, Media Capture and Streams",
    needs: &[],
    run: Run::Cluster(https),
};

pub(super) const PORT: Check = Check {
    id: "cluster-port",
    proves: "the cluster is on the port that the 3.x client takes for granted",
    limit: Some("names under `localhost` are taken for a demo's, whose client keeps its port"),
    source: "3.x client: the host of its page, without a port",
    needs: &[],
    run: Run::Cluster(port),
};

pub(super) const CERTIFICATE: Check = Check {
    id: "cluster-certificate",
    proves: "the cluster's certificate is believed: chain, name, dates",
    limit: Some("an authority named by `node_ca` counts as believed, which browsers may not"),
    source: "RFC 5280, RFC 9525",
    needs: &["cluster-name"],
    run: Run::Cluster(certificate),
};

pub(super) const EXPIRY: Check = Check {
    id: "cluster-certificate-expiry",
    proves: "the cluster's certificate lasts three weeks more",
    limit: None,
    source: "RFC 5280",
    needs: &["cluster-certificate"],
    run: Run::Cluster(expiry),
};

pub(super) const ANSWERS: Check = Check {
    id: "cluster-answers",
    proves: "something speaks HTTP at the cluster's origin",
    limit: None,
    source: "RFC 9110",
    needs: &["cluster-name", "cluster-certificate"],
    run: Run::Cluster(answers),
};

pub(super) const BUILDS: Check = Check {
    id: "client-builds",
    proves: "all nodes of one release serve the same client",
    limit: None,
    source: "BBB#13984, BBB#18029, BBB#20002",
    needs: &[],
    run: Run::Cluster(builds),
};

fn name(case: &ClusterCase<'_>) -> Outcome {
    match &case.evidence.name {
        Ok(()) => Outcome::Passed,
        Err(trouble) => found(name_finding(&case.subject.origin, trouble, "every meeting")),
    }
}

/// A name that leads nowhere.
pub(super) fn name_finding(origin: &Origin, trouble: &Trouble, what: &str) -> Finding {
    let mut finding =
        Finding::new(Severity::Problem, format!("The name `{}` leads nowhere", origin.host()))
            .effect(format!("Browsers find no server: {what} fails at once"));
    finding.evidence.push(crate::Seen {
        request: format!("DNS {}", origin.host()),
        answer: trouble.to_string(),
    });
    finding
}

fn https(case: &ClusterCase<'_>) -> Outcome {
    if is_trusted_context(&case.subject.origin) {
        return Outcome::Passed;
    }
    let wanted = format!("\"https://{}\"", case.subject.origin.host());
    let fix = Fix {
        file: case.subject.file.display().to_string(),
        settings: vec![Setting::new("[cluster] origin", wanted)],
        command: None,
    };
    found(
        Finding::new(Severity::Problem, "The cluster's origin is not https")
            .effect("Browsers offer no microphone, camera or screen on such pages")
            .fix(fix),
    )
}

fn port(case: &ClusterCase<'_>) -> Outcome {
    let origin = &case.subject.origin;
    let usual = origin.port() == origin.scheme().default_port();
    let keeps_it = |(node, release, _): &(&bluegate_cluster::Node, &crate::release::Release, _)| {
        !node.proxied || !release.is_static()
    };
    if usual || origin.host().ends_with("localhost") || case.nodes.iter().all(keeps_it) {
        return Outcome::Passed;
    }
    let wanted = format!("\"{}://{}\"", origin.scheme().as_str(), origin.host());
    let title = "The client of BBB 3.x looks for its API index at another port than the cluster's";
    found(
        Finding::new(Severity::Problem, title)
            .effect("Joining a meeting gives an empty page or an error, on every node")
            .fix(Fix {
                file: case.subject.file.display().to_string(),
                settings: vec![
                    Setting::new("[cluster] origin", wanted).instead_of(format!("\"{origin}\"")),
                ],
                command: None,
            }),
    )
}

/// Whether browsers treat pages of this origin as secure.
pub(super) fn is_trusted_context(origin: &Origin) -> bool {
    let host = origin.host();
    origin.scheme() == Scheme::Https
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with("127.")
        || host == "[::1]"
}

fn certificate(case: &ClusterCase<'_>) -> Outcome {
    certificate_outcome(&case.subject.origin, case.evidence.certificate.as_ref())
}

/// Whether a certificate is believed.
pub(super) fn certificate_outcome(
    origin: &Origin,
    certificate: Option<&Result<Certificate, Trouble>>,
) -> Outcome {
    let certificate = match certificate {
        None => return skip("there is no TLS here"),
        // That nothing answers is another check's to say.
        Some(Err(Trouble::Connect(_) | Trouble::TimedOut | Trouble::Name(_))) => {
            return skip("there is no connection");
        }
        Some(certificate) => certificate,
    };
    let (trouble, names) = match certificate {
        Ok(Certificate { trouble: None, .. }) => return Outcome::Passed,
        Ok(Certificate { trouble: Some(trouble), names, .. }) => (trouble, names.join(", ")),
        Err(trouble) => (trouble, String::new()),
    };
    let hint = match trouble {
        Trouble::Certificate(CertificateTrouble::UnknownIssuer) => {
            "the whole chain: the server's certificate, then its intermediates (`fullchain.pem`)"
        }
        Trouble::Certificate(CertificateTrouble::WrongName) => "a certificate for this name",
        _ => "a certificate that is valid now",
    };
    let mut finding = Finding::new(
        Severity::Problem,
        format!("Browsers do not trust `{}`: {trouble}", origin.host()),
    )
    .effect(
        "On the cluster's origin a warning page; on a node's a blank client, because only the \
         page's calls to it fail",
    )
    .fix(Fix {
        file: format!("the certificate that `{}` serves", origin.authority()),
        settings: vec![Setting::new("certificate chain", hint)],
        command: None,
    });
    let names = if names.is_empty() { String::new() } else { format!(" (it is for {names})") };
    finding.evidence.push(crate::Seen {
        request: format!("TLS {}:{}", origin.host(), origin.port()),
        answer: format!("{trouble}{names}"),
    });
    found(finding)
}

fn expiry(case: &ClusterCase<'_>) -> Outcome {
    expiry_outcome(&case.subject.origin, case.evidence.certificate.as_ref(), case.evidence.now)
}

/// Certificates are renewed a month before their end: two weeks before it that
/// has failed, a week before it somebody must act.
const EXPIRES: [(u64, Severity); 3] =
    [(7, Severity::Problem), (14, Severity::Warning), (21, Severity::Note)];

/// Whether a certificate lasts.
pub(super) fn expiry_outcome(
    origin: &Origin,
    certificate: Option<&Result<Certificate, Trouble>>,
    now: std::time::SystemTime,
) -> Outcome {
    let Some(Ok(certificate)) = certificate else { return skip("there is no certificate") };
    let left = certificate.ends.duration_since(now).unwrap_or(Duration::ZERO);
    let days = left.as_secs() / 86_400;
    let Some((_, severity)) = EXPIRES.iter().find(|(bound, _)| days < *bound) else {
        return Outcome::Passed;
    };
    let left = match days {
        0 => "in less than a day".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    };
    let mut finding =
        Finding::new(*severity, format!("The certificate of `{}` expires {left}", origin.host()))
            .effect("After that browsers refuse it, and meetings behind it fail");
    finding.evidence.push(crate::Seen {
        request: format!("TLS {}:{}", origin.host(), origin.port()),
        answer: format!("valid until {}", httpdate::fmt_http_date(certificate.ends)),
    });
    found(finding)
}

fn answers(case: &ClusterCase<'_>) -> Outcome {
    let Some(front) = &case.evidence.front else { return skip("no node is proxied") };
    match &front.outcome {
        Ok(_) => Outcome::Passed,
        Err(trouble) => found(
            Finding::new(Severity::Problem, "Nothing answers at the cluster's origin")
                .effect("No client loads: every join ends in the browser's error page")
                .seen(front, trouble.to_string())
                .fix(Fix {
                    file: case.subject.file.display().to_string(),
                    settings: vec![Setting::new(
                        "[proxy] listen",
                        "the addresses browsers come to",
                    )],
                    command: Some("bluegate serve".to_owned()),
                }),
        ),
    }
}

fn builds(case: &ClusterCase<'_>) -> Outcome {
    // The files a page names carry the build in their names or queries.
    let mut seen: Vec<(String, Vec<String>, &str)> = Vec::new();
    for (node, release, evidence) in case.nodes {
        let Some(answer) = evidence.answer(Probe::ClientOnNode) else { continue };
        if answer.status != http::StatusCode::OK {
            continue;
        }
        let Ok(base) = url::Url::parse("https://node.invalid/html5client/") else { continue };
        let text = answer.text().replace(&format!("/{}/", node.name), "/");
        let files: Vec<String> =
            html::assets(&text, &base).iter().map(ToString::to_string).collect();
        let version = release.version.as_ref().map(ToString::to_string).unwrap_or_default();
        seen.push((version, files, node.name.as_str()));
    }
    let mut findings = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for (version, files, node) in &seen {
        if told.contains(&version.as_str()) {
            continue;
        }
        told.push(version);
        let others: Vec<&str> = seen
            .iter()
            .filter(|(other, build, _)| other == version && build != files)
            .map(|(_, _, name)| *name)
            .collect();
        if others.is_empty() {
            continue;
        }
        let release = if version.is_empty() { "one".to_owned() } else { version.clone() };
        findings.push(
            Finding::new(
                Severity::Warning,
                format!("Nodes of release {release} serve different clients"),
            )
            .effect("Users load the client anew when they change nodes, and see another one")
            .fix(Fix {
                file: "packages of the nodes".to_owned(),
                settings: vec![Setting::new(
                    "client build",
                    format!("the same on `{node}` and on {}", quoted(&others)),
                )],
                command: Some("apt-get install --only-upgrade bbb-html5".to_owned()),
            }),
        );
    }
    Outcome::Found(findings)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
