//! Asking one side, and what a frontend sees of its answer.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
};

use bluegate_bbb_api::{
    Answer, RawQuery,
    checksum::{Algorithm, sign},
};
use http::{HeaderName, HeaderValue};

use super::request::{Case, Signed};
use crate::{
    cluster::{Frontend, Reply, secret},
    participant::Participant,
};

/// Values that a server draws, or takes from its clock, when it makes a meeting:
/// the parameter that gives it instead, where there is one.
const DRAWN: [(&str, Option<&str>); 5] = [
    ("internalMeetingID", None),
    ("createTime", None),
    ("voiceBridge", Some("voiceBridge")),
    ("attendeePW", Some("attendeePW")),
    ("moderatorPW", Some("moderatorPW")),
];

/// What is drawn for each join, with its length.
const TOKENS: [(&str, usize); 4] =
    [("user_id", 14), ("auth_token", 12), ("session_token", 16), ("userID", 14)];

/// One side: the server, or the scaler.
pub(super) struct Side {
    frontend: Frontend,
    /// The node behind, where redirects to its join are followed and users are.
    node: SocketAddr,
    /// Users who are in.
    participants: Vec<Participant>,
    /// What this side drew, by its placeholder.
    drawn: BTreeMap<String, String>,
    /// The placeholder of what was drawn.
    names: HashMap<String, String>,
}

/// What a frontend sees of an answer, with placeholders for what was drawn.
#[derive(PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) location: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) body: String,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:?} {:?}\n         {}",
            self.status, self.content_type, self.location, self.cache_control, self.body
        )
    }
}

impl Side {
    pub(super) fn new(frontend: Frontend, node: SocketAddr) -> Self {
        let participants = Vec::new();
        Self { frontend, node, participants, drawn: BTreeMap::new(), names: HashMap::new() }
    }

    /// Everybody leaves.
    pub(super) fn leave(&mut self) {
        self.participants.clear();
    }

    /// Sends the request, and goes where its join is sent to.
    pub(super) async fn ask(&mut self, case: &Case) -> Seen {
        let mut reply = self.send(case).await;
        let mut browser = self.frontend.clone();
        browser.base = format!("http://{}/bigbluebutton/api", self.node);
        if let Some(location) = reply.headers.get("location") {
            let location = location.to_str().unwrap();
            let there = format!(":{}/bigbluebutton/api/join?", self.node.port());
            if let Some((_, query)) = location.split_once(&there) {
                let path = format!("/join?{query}");
                reply = browser.request("GET", &path, None, &headers(case)).await;
            }
        }
        if let Some(devices) = case.enters {
            let entered = Participant::enter(&browser, self.node, &reply, devices).await;
            self.participants.push(entered);
        }
        self.learn(case, &reply);
        self.see(&reply)
    }

    async fn send(&self, case: &Case) -> Reply {
        let query = self.filled(&case.query);
        let body = case.body.as_ref().map(|(media_type, text)| (*media_type, self.filled(text)));
        let (query, body) = self.sign(case, &query, body);
        let path =
            if query.is_empty() { case.path.clone() } else { format!("{}?{query}", case.path) };
        let body = body.as_ref().map(|(media_type, text)| (*media_type, text.as_str()));
        self.frontend.request(case.method, &path, body, &headers(case)).await
    }

    fn sign<'a>(
        &self,
        case: &Case,
        query: &str,
        body: Option<(&'a str, String)>,
    ) -> (String, Option<(&'a str, String)>) {
        let call = case.call();
        let of =
            |call: &str, query: &str, algorithm| self.frontend.checksum(call, query, algorithm);
        let right = of(call, query, Algorithm::Sha256);
        let last = |checksum: &str| match query {
            "" => format!("checksum={checksum}"),
            _ => format!("{query}&checksum={checksum}"),
        };
        let in_form = |checksum: &str| {
            let (media_type, text) = body.clone().unwrap();
            Some((media_type, format!("{text}&checksum={checksum}")))
        };
        let query = match case.signed {
            Signed::Last(algorithm) => last(&of(call, query, algorithm)),
            Signed::First if query.is_empty() => last(&right),
            Signed::First => format!("checksum={right}&{query}"),
            Signed::Middle => match query.split_once('&') {
                Some((first, rest)) => format!("{first}&checksum={right}&{rest}"),
                None => last(&right),
            },
            Signed::Ampersand => format!("{query}&checksum={right}"),
            Signed::UpperCase => last(&right.to_uppercase()),
            Signed::InForm => return (query.to_owned(), in_form(&right)),
            Signed::OverSortedForm => {
                let (_, text) = body.as_ref().unwrap();
                let mut parameters: Vec<&str> = text.split('&').collect();
                parameters.sort_unstable();
                let over = of(call, &parameters.join("&"), Algorithm::Sha256);
                return (query.to_owned(), in_form(&over));
            }
            Signed::Missing => query.to_owned(),
            Signed::Empty => last(""),
            Signed::NoDigest => last("abc"),
            Signed::NoHex => last(&"x".repeat(40)),
            Signed::OfAnotherCall => last(&of("anotherCall", query, Algorithm::Sha256)),
            Signed::ByAStranger => last(&sign(call, query, &secret("nobody's"), Algorithm::Sha256)),
            Signed::ByTheEmptySecret => last(&by_the_empty_secret(call, query)),
            Signed::OverOtherParameters => {
                last(&of(call, &format!("{query}&more=1"), Algorithm::Sha256))
            }
            Signed::TwiceWrongLast => format!("{}&checksum={}", last(&right), "0".repeat(64)),
            Signed::Escaped => {
                let (digit, rest) = right.split_at(1);
                last(&format!("%{:02x}{rest}", digit.as_bytes()[0]))
            }
        };
        (query, body)
    }

    /// A text of the table with what this side drew.
    fn filled(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        self.drawn.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// A document whose elements' texts are placeholders where they were drawn.
    fn with_placeholders(&self, text: &str) -> String {
        let mut parts = text.split('>');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| {
            let (value, rest) = part.split_once('<').unwrap_or((part, ""));
            match self.names.get(value).filter(|_| !value.is_empty()) {
                Some(placeholder) => all + ">" + placeholder + "<" + rest,
                None => all + ">" + part,
            }
        })
    }

    fn learn(&mut self, case: &Case, reply: &Reply) {
        let Ok(answer) = Answer::parse(reply.text.as_bytes()) else { return };
        if case.call() == "hooks/create"
            && let Some(id) = answer.text("hookID")
            && answer.key().is_empty()
        {
            let placeholder = format!("{{{}.hookID}}", case.name);
            self.names.insert(id.clone(), placeholder.clone());
            self.drawn.insert(placeholder, id);
        }
        if case.call() != "create" {
            return;
        }
        let Some(id) = answer.text("meetingID") else { return };
        let form = case.body.as_ref().map_or("", |(_, text)| text.as_str());
        let given = |name: &str| {
            [case.query.as_str(), form].iter().any(|text| {
                RawQuery::parse(text).get(name).is_some_and(|value| !value.raw().is_empty())
            })
        };
        for (name, parameter) in DRAWN {
            if let Some(value) = answer.text(name).filter(|_| !parameter.is_some_and(given)) {
                let placeholder = format!("{{{id}.{name}}}");
                self.names.insert(value.clone(), placeholder.clone());
                self.drawn.insert(placeholder, value);
            }
        }
    }

    fn see(&self, reply: &Reply) -> Seen {
        let header = |name: &str| reply.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        let content_type = header("content-type");
        let is_json = content_type.as_deref().is_some_and(|text| text.contains("json"));
        let is_page = reply.status != 200;
        let body = match is_page {
            true => String::new(),
            false if is_json => {
                let value: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
                self.anonymous(&value.to_string())
            }
            false => self.anonymous(&reply.text),
        };
        Seen {
            status: reply.status.as_u16(),
            content_type: content_type
                .filter(|_| !is_page)
                .map(|text| text.to_lowercase().replace(' ', "")),
            location: header("location").map(|text| self.anonymous(&text)),
            cache_control: header("cache-control").filter(|_| reply.status.as_u16() < 400),
            body,
        }
    }

    /// A text with placeholders for what was drawn, and for addresses.
    fn anonymous(&self, text: &str) -> String {
        let mut text = self.with_placeholders(text);
        for (name, length) in TOKENS {
            text = replaced(&text, &format!("<{name}>"), "<", length, name);
        }
        text = replaced(&text, "sessionToken=", "", 16, "session_token");
        text = replaced(&text, "<createDate>", "<", 28, "date");
        text = replaced(&text, "<endTime>", "<", 13, "time");
        // Recordings' addresses, and texts about them.
        for (value, placeholder) in &self.names {
            if placeholder.ends_with(".internalMeetingID}") {
                text = text.replace(value, placeholder);
            }
        }
        text = replaced(&text, "cluster.localhost:", "", port_length(&text), "port");
        sorted(&sorted_hooks(&text))
    }
}

fn headers(case: &Case) -> Vec<(HeaderName, HeaderValue)> {
    case.headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

/// How many digits the port behind the nodes' domain has.
fn port_length(text: &str) -> usize {
    let port = text.split_once("cluster.localhost:").map_or("", |(_, rest)| rest);
    port.bytes().take_while(u8::is_ascii_digit).count()
}

/// `text` with `{name}` for whatever stands, `length` characters long, between
/// `before` and `after`.
fn replaced(text: &str, before: &str, after: &str, length: usize, name: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let placeholder = part
            .split_at_checked(length)
            .filter(|(_, rest)| rest.starts_with(after))
            .map_or_else(|| part.to_owned(), |(_, rest)| format!("{{{name}}}{rest}"));
        all + before + &placeholder
    })
}

/// Meetings in the order of their texts: BBB's own is that of a hash table.
fn sorted(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<meetings><meeting>") else {
        return text.to_owned();
    };
    let (list, after) = rest.rsplit_once("</meeting></meetings>").unwrap();
    let mut meetings: Vec<&str> = list.split("</meeting><meeting>").collect();
    meetings.sort_unstable();
    format!("{before}<meetings>\n{}\n</meetings>{after}", meetings.join("\n"))
}

/// The same for hooks: those that 3.x lists for a meeting are in the order of
/// their random names.
fn sorted_hooks(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<hooks><hook>") else { return text.to_owned() };
    let (list, after) = rest.rsplit_once("</hook></hooks>").unwrap();
    let mut hooks: Vec<&str> = list.split("</hook><hook>").collect();
    hooks.sort_unstable();
    format!("{before}<hooks>\n{}\n</hooks>{after}", hooks.join("\n"))
}

/// SHA-256 over call and query alone.
fn by_the_empty_secret(call: &str, query: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{call}{query}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
