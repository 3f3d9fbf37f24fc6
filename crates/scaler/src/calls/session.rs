//! Calls that a browser makes at its node, with a session token. No session is
//! ours, so they are answered as by a server that does not know the token.

use bluegate_bbb_api::{Answer, Method};
use serde_json::{Value, json};

use crate::{context::Context, front::reply::Reply};

/// Answers such a call; absent when `name` is none.
pub(crate) fn answer(
    context: &Context,
    name: &str,
    method: Option<Method>,
    token: &str,
) -> Option<Reply> {
    let reply = match name {
        "stuns" => document(&json!({
            "returncode": "FAILED",
            "message": "Could not find conference.",
            "logoutURL": context.origin.to_string(),
        })),
        "signOut" => Answer::success([]).into(),
        "learningDashboard" => invalid_token(),
        "getJoinUrl" if !context.is_before_3_0() => invalid_token(),
        "enter" | "guestWait" if context.has_node_before_3_0() => response(&json!({
            "returncode": "FAILED",
            "message": "Could not find conference.",
            "messageKey": "missingSession",
            "sessionToken": token,
            "logoutURL": context.origin.to_string(),
        })),
        // They are there on other releases.
        "getJoinUrl" | "enter" | "guestWait" => return Some(Reply::NotFound),
        _ => return None,
    };
    Some(match method {
        Some(_) => reply,
        None => Reply::MethodNotAllowed(&[Method::Get, Method::Post]),
    })
}

fn invalid_token() -> Reply {
    response(&json!({ "returncode": "FAILED", "message": "Invalid session token" }))
}

fn response(fields: &Value) -> Reply {
    document(&json!({ "response": fields }))
}

fn document(value: &Value) -> Reply {
    Reply::Json(value.to_string())
}
