//! What the browser tells unasked, turned into records. No input, no output.

use serde_json::{Value, json};

use super::records::{ConsoleMessage, NetworkRequest, PageRecords, Records, push};

/// A command that an event calls for: the page's session, the method, the parameters.
type FollowUp = (String, &'static str, Value);

/// Takes one event into the records; gives the commands to send because of it.
pub(super) fn take(records: &mut Records, event: &Value) -> Vec<FollowUp> {
    let parameters = &event["params"];
    match text(&event["method"]).as_str() {
        "Target.attachedToTarget" => return attached(records, parameters),
        "Target.detachedFromTarget" => {
            if let Some(page) = records.page_mut(&text(&parameters["sessionId"])) {
                page.closed = true;
            }
        }
        method => {
            if let Some(page) = records.page_mut(&text(&event["sessionId"])) {
                take_page(page, method, parameters);
            }
        }
    }
    Vec::new()
}

/// A page was opened and waits: it is watched first and then let go.
fn attached(records: &mut Records, parameters: &Value) -> Vec<FollowUp> {
    let session = text(&parameters["sessionId"]);
    let target = &parameters["targetInfo"];
    records.pages.push(PageRecords {
        session: session.clone(),
        target: text(&target["targetId"]),
        address: text(&target["url"]),
        ..PageRecords::default()
    });
    [
        "Page.enable",
        "Runtime.enable",
        "Network.enable",
        "Log.enable",
        "Runtime.runIfWaitingForDebugger",
    ]
    .map(|method| (session.clone(), method, json!({})))
    .to_vec()
}

fn take_page(page: &mut PageRecords, method: &str, parameters: &Value) {
    let id = text(&parameters["requestId"]);
    match method {
        "Page.frameNavigated" if parameters["frame"].get("parentId").is_none() => {
            page.address = text(&parameters["frame"]["url"]);
        }
        "Page.navigatedWithinDocument" => page.address = text(&parameters["url"]),
        "Network.requestWillBeSent" => request_sent(page, id, parameters),
        "Network.webSocketCreated" => {
            let request = NetworkRequest {
                id,
                url: text(&parameters["url"]),
                method: "GET".to_owned(),
                kind: "WebSocket".to_owned(),
                ..NetworkRequest::default()
            };
            push(&mut page.requests, request);
        }
        "Runtime.consoleAPICalled" => {
            let parts = parameters["args"].as_array().map(Vec::as_slice).unwrap_or_default();
            let parts: Vec<String> = parts.iter().map(printed).collect();
            let level = text(&parameters["type"]);
            push(&mut page.console, ConsoleMessage { level, text: parts.join(" ") });
        }
        "Log.entryAdded" => {
            let entry = &parameters["entry"];
            let (level, text) = (text(&entry["level"]), text(&entry["text"]));
            push(&mut page.console, ConsoleMessage { level, text });
        }
        "Runtime.exceptionThrown" => {
            push(&mut page.errors, exception(&parameters["exceptionDetails"]));
        }
        _ => {
            if let Some(request) = page.request_mut(&id) {
                take_request(request, method, parameters);
            }
        }
    }
}

fn request_sent(page: &mut PageRecords, id: String, parameters: &Value) {
    // A redirect's answer comes with the request that it leads to.
    if let (Some(answer), Some(before)) =
        (parameters.get("redirectResponse"), page.request_mut(&id))
    {
        answered(before, answer);
        before.finished = true;
    }
    let request = &parameters["request"];
    let entry = NetworkRequest {
        id,
        url: text(&request["url"]),
        method: text(&request["method"]),
        kind: text(&parameters["type"]),
        ..NetworkRequest::default()
    };
    push(&mut page.requests, entry);
}

fn take_request(request: &mut NetworkRequest, method: &str, parameters: &Value) {
    match method {
        "Network.responseReceived" | "Network.webSocketHandshakeResponseReceived" => {
            answered(request, &parameters["response"]);
        }
        "Network.requestServedFromCache" => request.from_cache = true,
        "Network.loadingFinished" => {
            request.finished = true;
            request.received = bytes(&parameters["encodedDataLength"]);
        }
        "Network.loadingFailed" => request.failure = Some(text(&parameters["errorText"])),
        "Network.webSocketFrameError" => request.failure = Some(text(&parameters["errorMessage"])),
        "Network.webSocketClosed" => request.finished = true,
        _ => {}
    }
}

fn answered(request: &mut NetworkRequest, answer: &Value) {
    request.status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    request.from_cache |= answer["fromDiskCache"].as_bool().unwrap_or(false);
    request.received = bytes(&answer["encodedDataLength"]);
}

/// A count of bytes, which the protocol writes as a fraction at times.
fn bytes(value: &Value) -> u64 {
    value.to_string().split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}

/// What a console would print of a value.
fn printed(value: &Value) -> String {
    match (&value["value"], value["description"].as_str()) {
        (Value::String(string), _) => string.clone(),
        (Value::Null, Some(description)) => description.to_owned(),
        (other, _) => other.to_string(),
    }
}

/// The text of an exception, with its stack when it has one.
pub(super) fn exception(details: &Value) -> String {
    let described = details["exception"]["description"].as_str();
    described.map_or_else(|| text(&details["text"]), str::to_owned)
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_with(events: &[(&str, Value)]) -> PageRecords {
        let mut records = Records::default();
        let attached = json!({ "method": "Target.attachedToTarget", "params": {
            "sessionId": "S", "targetInfo": { "targetId": "T", "url": "about:blank" } } });
        let follow_up = take(&mut records, &attached);
        assert_eq!(follow_up.last().unwrap().1, "Runtime.runIfWaitingForDebugger");
        for (method, parameters) in events {
            let event = json!({ "sessionId": "S", "method": method, "params": parameters });
            assert!(take(&mut records, &event).is_empty());
        }
        records.pages.pop().unwrap()
    }

    #[test]
    fn a_redirect_makes_two_entries() {
        let sent = |url: &str| {
            json!({ "requestId": "1", "type": "Document",
            "request": { "url": url, "method": "GET" } })
        };
        let mut second = sent("http://a/2");
        second["redirectResponse"] = json!({ "status": 302, "encodedDataLength": 120 });
        let page = page_with(&[
            ("Network.requestWillBeSent", sent("http://a/1")),
            ("Network.requestWillBeSent", second),
            (
                "Network.responseReceived",
                json!({ "requestId": "1", "response": { "status": 200 } }),
            ),
            ("Network.loadingFinished", json!({ "requestId": "1", "encodedDataLength": 321.0 })),
        ]);
        let seen: Vec<_> = page
            .requests
            .iter()
            .map(|request| (request.url.as_str(), request.status, request.received))
            .collect();
        assert_eq!(seen, [("http://a/1", Some(302), 120), ("http://a/2", Some(200), 321)]);
        assert!(page.requests.iter().all(|request| request.finished));
    }

    #[test]
    fn frames_do_not_change_the_address() {
        let page = page_with(&[
            ("Page.frameNavigated", json!({ "frame": { "url": "http://a/" } })),
            ("Page.frameNavigated", json!({ "frame": { "url": "http://b/", "parentId": "F" } })),
        ]);
        assert_eq!(page.address, "http://a/");
    }

    #[test]
    fn the_console_prints_values() {
        let arguments = json!([{ "value": "size" }, { "value": 3 }, { "description": "Object" }]);
        let page = page_with(&[
            ("Runtime.consoleAPICalled", json!({ "type": "log", "args": arguments })),
            ("Runtime.exceptionThrown", json!({ "exceptionDetails": { "text": "Uncaught" } })),
        ]);
        assert_eq!(page.console[0].text, "size 3 Object");
        assert_eq!(page.errors, ["Uncaught"]);
    }
}
