//! Recording what a node answered, so that operators can send in what a real
//! one does. Nothing that opens anything is in a recording; host names are.

use serde_json::{Map, Value, json};

use crate::{
    evidence::{Evidence, Session},
    examine::Found,
    wire::{Answer, Exchange},
};

/// Longer bodies are recorded by length and digest alone.
const MAX_BODY: usize = 64 * 1024;
/// What stands in the place of what opens something.
const REDACTED: &str = "REDACTED";
/// Fields whose value opens something, by a part of their lower-case name.
const SECRET_FIELDS: [&str; 7] =
    ["token", "password", "secret", "username", "attendeepw", "moderatorpw", "userid"];
/// Shorter known texts would strike what is no secret.
const SHORTEST: usize = 6;

/// One node's answers, ready to be kept.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The node's name.
    pub node: String,
    /// All that it answered, as JSON without secrets.
    pub document: Value,
}

/// Records what was found of a node.
pub(crate) fn record(found: &Found) -> Recording {
    let Found { patient, release, evidence } = found;
    let mut secrets: Vec<String> =
        patient.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
    secrets.extend(evidence.session.iter().flat_map(|session| session.secrets.clone()));
    secrets.retain(|secret| secret.len() >= SHORTEST);
    // The longest first, so that none is struck in part.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut document = json!({
        "recording": 1,
        "node": patient.node.name.as_str(),
        "origin": patient.node.origin.to_string(),
        "bbb": release.version.as_ref().map(ToString::to_string),
        "told_by_node": release.told_by_node,
        "answers": answers(evidence),
        "session": evidence.session.as_ref().map(session),
    });
    redact(&mut document, &secrets);
    Recording { node: patient.node.name.to_string(), document }
}

fn answers(evidence: &Evidence) -> Map<String, Value> {
    let probes =
        evidence.exchanges.iter().map(|(probe, answer)| (format!("{probe:?}"), exchange(answer)));
    probes.collect()
}

fn session(session: &Session) -> Value {
    let mut all = Map::new();
    let named = [
        ("create", &session.create),
        ("join", &session.join),
        ("client", &session.client),
        ("entered", &session.entered),
        ("without_cookie", &session.without_cookie),
        ("stuns", &session.stuns),
        ("sfu", &session.sfu),
        ("sip", &session.sip),
        ("pad_export", &session.pad_export),
        ("guest_page", &session.guest_page),
        ("guest_wait", &session.guest_wait),
        ("dashboard", &session.dashboard),
        ("end", &session.end),
    ];
    for (name, answer) in named {
        if let Some(answer) = answer {
            all.insert(name.to_owned(), exchange(answer));
        }
    }
    if let Some((answer, said)) = &session.socket {
        all.insert("socket".to_owned(), exchange(answer));
        all.insert("socket_said".to_owned(), json!(said.as_ref().err()));
    }
    for (name, answer) in &session.checksums {
        all.insert(format!("checksum_{name}"), exchange(answer));
    }
    if let Some(cookie) = &session.cookie {
        all.insert("cookie".to_owned(), json!(cookie.shown()));
    }
    Value::Object(all)
}

fn exchange(exchange: &Exchange) -> Value {
    let headers: Vec<String> =
        exchange.request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let request = json!({
        "method": exchange.request.method,
        "url": exchange.request.url,
        "headers": headers,
    });
    match &exchange.outcome {
        Ok(answer) => json!({ "request": request, "answer": self::answer(answer) }),
        Err(trouble) => json!({ "request": request, "trouble": trouble.to_string() }),
    }
}

fn answer(answer: &Answer) -> Value {
    let headers: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = match name {
                // The cookie that counts is shown by its attributes.
                &http::header::SET_COOKIE => REDACTED,
                _ => value.to_str().unwrap_or("(not text)"),
            };
            format!("{name}: {value}")
        })
        .collect();
    json!({
        "status": answer.status.as_u16(),
        "headers": headers,
        "body": body(answer),
    })
}

fn body(answer: &Answer) -> Value {
    if let Ok(value) = serde_json::from_slice::<Value>(&answer.body) {
        return value;
    }
    match std::str::from_utf8(&answer.body) {
        Ok(text) if text.len() <= MAX_BODY => Value::from(without_elements(text)),
        _ => json!({ "length": answer.body.len(), "sha256": hex(&answer.digest()) }),
    }
}

/// An XML answer with the values of secret elements gone.
fn without_elements(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        rest = after;
        let Some((name, value)) = after.split_once('>') else { continue };
        if is_secret(name) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            out.push_str(name);
            out.push('>');
            rest = value.find('<').and_then(|at| value.get(at..)).unwrap_or("");
            out.push_str(REDACTED);
        }
    }
    out.push_str(rest);
    out
}

fn is_secret(field: &str) -> bool {
    let field = field.to_ascii_lowercase().replace(['_', '-'], "");
    SECRET_FIELDS.iter().any(|part| field.contains(part))
}

/// Strikes what is known to be secret, and what its name says is.
fn redact(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => {
            for secret in secrets {
                if text.contains(secret.as_str()) {
                    *text = text.replace(secret.as_str(), REDACTED);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| redact(value, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_secret(name) && !text.is_empty() => {
                        *value = Value::from(REDACTED);
                    }
                    _ => redact(value, secrets),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_elements_and_fields_are_struck() {
        assert_eq!(
            without_elements("<r><auth_token>abc</auth_token><url>x</url><moderatorPW/></r>"),
            "<r><auth_token>REDACTED</auth_token><url>x</url><moderatorPW/></r>"
        );
        let mut value = json!({
            "sessionToken": "abc", "list": [{"password": "p", "url": "turn:known-text"}], "n": 1
        });
        redact(&mut value, &["known-text".to_owned()]);
        assert_eq!(
            value,
            json!({
                "sessionToken": REDACTED,
                "list": [{"password": REDACTED, "url": "turn:REDACTED"}],
                "n": 1
            })
        );
    }
}
