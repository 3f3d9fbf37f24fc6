//! `hooks/create`, `hooks/destroy`, `hooks/list` and `hooks/ping`.

use http::{Method, StatusCode, request::Parts};
use rand::Rng;

use super::{Hook, Made};
use crate::{
    answer::{self, Answer},
    checksum::Algorithm,
    effective::Webhooks,
    query::decode,
    rest,
    state::NodeState,
};

const PREFIX: &str = "/bigbluebutton/api/hooks/";

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HooksCall {
    Create,
    Destroy,
    List,
    Ping,
}

const CALLS: [(&str, HooksCall); 4] = [
    ("hooks/create", HooksCall::Create),
    ("hooks/destroy", HooksCall::Destroy),
    ("hooks/list", HooksCall::List),
    ("hooks/ping", HooksCall::Ping),
];

impl HooksCall {
    /// The call a path means.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let name = path.strip_prefix(PREFIX)?;
        let mut calls = CALLS.iter().copied();
        calls.find(|(known, _)| known.strip_prefix("hooks/") == Some(name)).map(|(_, call)| call)
    }

    /// The name that goes into the checksum.
    pub(crate) fn name(self) -> &'static str {
        CALLS.iter().find(|(_, call)| *call == self).map_or("", |(name, _)| name)
    }
}

/// Answers a call; bbb-web does where the package is not installed.
pub(crate) fn answer(node: &NodeState, call: HooksCall, parts: &Parts) -> Answer {
    let Some(config) = node.services.webhooks() else { return rest::unknown_of_web(node, parts) };
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return answer::page(StatusCode::NOT_FOUND);
    }
    let third = node.services.release.has_webhooks_3();
    if call == HooksCall::Ping {
        let text = if third { "bbb-webhooks API up!" } else { "bbb-webhooks up!" };
        let mut answer = answer::empty(StatusCode::OK);
        *answer.body_mut() = text.into();
        return answer;
    }
    let raw = parts.uri.query().unwrap_or_default();
    match is_signed(&config, call, raw, third) {
        Ok(true) => {}
        Ok(false) => {
            return xml(&failure("checksumError", "You did not pass the checksum security check."));
        }
        // A length that is no digest's throws, and nobody catches it.
        Err(NoDigest) => return answer::page(StatusCode::INTERNAL_SERVER_ERROR),
    }
    match call {
        HooksCall::Create => create(node, raw, third),
        HooksCall::Destroy => destroy(node, raw),
        HooksCall::List | HooksCall::Ping => list(node, raw),
    }
}

/// The length of a checksum is no digest's.
struct NoDigest;

/// 3.x takes the digest whose length it is; 2.x knows SHA-1 only.
fn is_signed(config: &Webhooks, call: HooksCall, raw: &str, third: bool) -> Result<bool, NoDigest> {
    let Some(given) = value(raw, "checksum").filter(|given| !given.is_empty()) else {
        return Ok(false);
    };
    let algorithm = match given.len() {
        _ if !third => Algorithm::Sha1,
        40 => Algorithm::Sha1,
        64 => Algorithm::Sha256,
        96 => Algorithm::Sha384,
        128 => Algorithm::Sha512,
        _ => return Err(NoDigest),
    };
    let text = format!("{}{}{}", call.name(), unsigned(raw), config.secret);
    Ok(algorithm.hex(&text) == given)
}

/// The query without its checksum: wherever it stands, the first one goes.
fn unsigned(raw: &str) -> String {
    let Some(at) = raw.find("checksum=") else { return raw.to_owned() };
    let (before, rest) = raw.split_at(at);
    match rest.split_once('&') {
        Some((_, behind)) => format!("{before}{behind}"),
        None => before.strip_suffix('&').unwrap_or(before).to_owned(),
    }
}

/// The first value of a parameter.
fn value(raw: &str, name: &str) -> Option<String> {
    raw.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(value))
}

fn create(node: &NodeState, raw: &str, third: bool) -> Answer {
    let get_raw = value(raw, "getRaw").unwrap_or_default().to_lowercase();
    // What is no JSON throws.
    let is_raw = match get_raw.as_str() {
        "" | "false" => false,
        "true" => true,
        _ => return answer::page(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let Some(callback_url) = value(raw, "callbackURL") else {
        let message = "You must specify a callbackURL in the parameters.";
        return xml(&failure("missingParamCallbackURL", message));
    };
    let filled = |text: &String| !text.is_empty();
    let event_ids = value(raw, "eventID").filter(filled);
    let hook = Hook {
        id: String::new(),
        callback_url,
        meeting_id: value(raw, "meetingID").filter(filled),
        event_ids: event_ids.map(|ids| ids.to_lowercase().split(',').map(str::to_owned).collect()),
        raw: is_raw,
    };
    let id = |count: u64| if third { uuid() } else { count.to_string() };
    match node.hooks.add(hook, id) {
        Made::New(hook) => xml(&success(&format!(
            "<hookID>{}</hookID><permanentHook>false</permanentHook><rawData>{}</rawData>",
            hook.id, hook.raw
        ))),
        Made::Known(hook) => xml(&success(&format!(
            "<hookID>{}</hookID><messageKey>duplicateWarning</messageKey>\
             <message>There is already a hook for this callback URL.</message>",
            hook.id
        ))),
        Made::Full => {
            let message = "An error happened while creating your hook. Check the logs.";
            xml(&failure("createHookError", message))
        }
    }
}

fn destroy(node: &NodeState, raw: &str) -> Answer {
    let Some(id) = value(raw, "hookID") else {
        let message = "You must specify a hookID in the parameters.";
        return xml(&failure("missingParamHookID", message));
    };
    if node.hooks.remove(&id) {
        xml(&success("<removed>true</removed>"))
    } else {
        xml(&failure("destroyMissingHook", "The hook informed was not found."))
    }
}

/// With `meetingID` the hooks that hear of that meeting, else all.
fn list(node: &NodeState, raw: &str) -> Answer {
    let asked = value(raw, "meetingID");
    let hears = |hook: &Hook| match (&asked, &hook.meeting_id) {
        (Some(asked), Some(bound)) => asked == bound,
        _ => true,
    };
    let mut text = String::new();
    for hook in node.hooks.all().into_iter().filter(hears) {
        let meeting = hook
            .meeting_id
            .map_or_else(String::new, |id| format!("<meetingID><![CDATA[{id}]]></meetingID>"));
        let events = hook
            .event_ids
            .map_or_else(String::new, |ids| format!("<eventID>{}</eventID>", ids.join(",")));
        text += &format!(
            "<hook><hookID>{}</hookID><callbackURL><![CDATA[{}]]></callbackURL>{meeting}{events}\
             <permanentHook>false</permanentHook><rawData>{}</rawData></hook>",
            hook.id, hook.callback_url, hook.raw
        );
    }
    xml(&success(&format!("<hooks>{text}</hooks>")))
}

fn success(children: &str) -> String {
    format!("<response><returncode>SUCCESS</returncode>{children}</response>")
}

fn failure(key: &str, message: &str) -> String {
    format!(
        "<response><returncode>FAILED</returncode><messageKey>{key}</messageKey>\
         <message>{message}</message></response>"
    )
}

fn xml(text: &str) -> Answer {
    answer::with_type(StatusCode::OK, "text/xml; charset=utf-8", text.to_owned())
}

/// A random name, as 3.x gives.
fn uuid() -> String {
    let mut dice = rand::rng();
    let mut digits = |count: usize| -> String {
        (0..count).map(|_| char::from(b"0123456789abcdef"[dice.random_range(0..16)])).collect()
    };
    format!("{}-{}-4{}-a{}-{}", digits(8), digits(4), digits(3), digits(3), digits(12))
}

#[cfg(test)]
mod tests {
    use super::unsigned;

    #[test]
    fn the_checksum_goes_from_anywhere() {
        for (raw, wanted) in [
            ("a=1&checksum=x", "a=1"),
            ("checksum=x&a=1", "a=1"),
            ("a=1&checksum=x&b=2", "a=1&b=2"),
            ("checksum=x", ""),
            ("&checksum=x", ""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(unsigned(raw), wanted, "{raw}");
        }
    }
}
