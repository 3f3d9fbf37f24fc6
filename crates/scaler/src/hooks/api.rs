//! hooks/create, hooks/destroy and hooks/list, as bbb-webhooks answers them.

use std::sync::Arc;

use axum::body::Body;
use bluegate_bbb_api::{RawQuery, checksum::Presented, escape};
use bluegate_outbox::Target;
use bluegate_store::{Hook, StoreError};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

use super::Hooks;
use crate::{
    clock,
    context::Context,
    front::reply,
    tenants::{Addressed, Tenant},
};

const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
/// Hooks of one tenant.
const MAX_HOOKS: usize = 1_000;

/// The call that a path names, behind an optional `/t/TENANT`.
pub(crate) fn is_hooks_path(path: &str) -> Option<(Option<&str>, &str)> {
    let (tenant, rest) = match path.strip_prefix("/t/") {
        Some(rest) => {
            let (tenant, _) = rest.split_once('/')?;
            (Some(tenant), rest.strip_prefix(tenant)?)
        }
        None => (None, path),
    };
    let call = rest.strip_prefix("/bigbluebutton/api/")?;
    let call = call.strip_suffix('/').unwrap_or(call);
    matches!(call, "hooks/create" | "hooks/destroy" | "hooks/list" | "hooks/ping")
        .then_some((tenant, call))
}

/// Answers a hooks call.
pub(crate) async fn answer(
    context: &Arc<Context>,
    hooks: &Hooks,
    addressed: &Addressed,
    call: &str,
    parts: &Parts,
) -> Response<Body> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return reply::status(StatusCode::NOT_FOUND);
    }
    if call == "hooks/ping" {
        return Response::new(Body::from("bbb-webhooks API up!"));
    }
    let raw = parts.uri.query().unwrap_or_default();
    let tenant = Presented::read(call, raw, None).ok().and_then(|presented| match addressed {
        Addressed::Nobody => context.tenants().authenticate(&presented),
        Addressed::Tenant(tenant) => tenant.is_authentic(&presented).then(|| Arc::clone(tenant)),
        Addressed::Unknown => None,
    });
    let Some(tenant) = tenant else {
        return xml(failure("checksumError", "You did not pass the checksum security check."));
    };
    let query = RawQuery::parse(raw);
    let (text, key, message) = match call {
        "hooks/create" => (
            create(hooks, &tenant, &query).await,
            "createHookError",
            "An error happened while creating your hook. Check the logs.",
        ),
        "hooks/destroy" => (
            destroy(hooks, &tenant, &query).await,
            "destroyHookError",
            "An error happened while removing your hook. Check the logs.",
        ),
        _ => (
            list(hooks, &tenant, &query).await,
            "listHookError",
            "An error happened while listing registered hooks. Check the logs.",
        ),
    };
    xml(text.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(tenant.id = %tenant.name, call, error, "a hooks call found no store");
        failure(key, message)
    }))
}

fn given(query: &RawQuery, name: &str) -> Option<String> {
    query.get(name).map(|value| value.lossy()).filter(|text| !text.is_empty())
}

async fn create(hooks: &Hooks, tenant: &Tenant, query: &RawQuery) -> Result<String, StoreError> {
    let Some(callback_url) = given(query, "callbackURL") else {
        let message = "You must specify a callbackURL in the parameters.";
        return Ok(failure("missingParamCallbackURL", message));
    };
    let all = hooks.store.hooks().await?;
    let own = || all.iter().filter(|hook| hook.tenant == tenant.name);
    if let Some(known) = own().find(|hook| hook.callback_url == callback_url) {
        return Ok(success(&format!(
            "<hookID>{}</hookID><messageKey>duplicateWarning</messageKey>\
             <message>There is already a hook for this callback URL.</message>",
            known.id
        )));
    }
    let get_raw = given(query, "getRaw").map(|text| text.to_lowercase());
    let raw = match get_raw.as_deref() {
        None | Some("false") => Some(false),
        Some("true") => Some(true),
        Some(_) => None,
    };
    let is_callable = Target::parse(&callback_url).is_ok();
    let Some(raw) = raw.filter(|_| is_callable && own().count() < MAX_HOOKS) else {
        let message = "An error happened while creating your hook. Check the logs.";
        return Ok(failure("createHookError", message));
    };
    let hook = Hook {
        id: uuid(),
        tenant: tenant.name.clone(),
        callback_url,
        meeting_id: given(query, "meetingID"),
        // In lower case, as bbb-webhooks keeps and lists it.
        event_ids: given(query, "eventID").map(|list| list.to_lowercase()),
        raw,
        created_at: clock::now(),
    };
    let mut write = hooks.store.write().await?;
    write.insert_hook(&hook).await?;
    write.commit().await?;
    hooks.refresh().await?;
    hooks.changed.notify_one();
    Ok(success(&format!(
        "<hookID>{}</hookID><permanentHook>false</permanentHook><rawData>{raw}</rawData>",
        hook.id
    )))
}

async fn destroy(hooks: &Hooks, tenant: &Tenant, query: &RawQuery) -> Result<String, StoreError> {
    let Some(id) = given(query, "hookID") else {
        let message = "You must specify a hookID in the parameters.";
        return Ok(failure("missingParamHookID", message));
    };
    let mut write = hooks.store.write().await?;
    let removed = write.delete_hook(&tenant.name, &id).await?;
    if removed {
        write.drop_lane(&id).await?;
    }
    write.commit().await?;
    if !removed {
        return Ok(failure("destroyMissingHook", "The hook informed was not found."));
    }
    hooks.refresh().await?;
    hooks.changed.notify_one();
    Ok(success("<removed>true</removed>"))
}

async fn list(hooks: &Hooks, tenant: &Tenant, query: &RawQuery) -> Result<String, StoreError> {
    let meeting = given(query, "meetingID");
    let all = hooks.store.hooks().await?;
    let mut text = String::new();
    for hook in all.iter().filter(|hook| hook.tenant == tenant.name) {
        let hears = match (&meeting, &hook.meeting_id) {
            (Some(asked), Some(bound)) => asked == bound,
            _ => true,
        };
        if hears {
            describe(hook, &mut text);
        }
    }
    Ok(success(&format!("<hooks>{text}</hooks>")))
}

fn describe(hook: &Hook, text: &mut String) {
    let cdata = |value: &str| format!("<![CDATA[{}]]>", value.replace("]]>", "]]]]><![CDATA[>"));
    text.push_str(&format!(
        "<hook><hookID>{}</hookID><callbackURL>{}</callbackURL>",
        hook.id,
        cdata(&hook.callback_url)
    ));
    if let Some(meeting) = &hook.meeting_id {
        text.push_str(&format!("<meetingID>{}</meetingID>", cdata(meeting)));
    }
    if let Some(events) = &hook.event_ids {
        text.push_str(&format!("<eventID>{}</eventID>", escape(events)));
    }
    let raw = hook.raw;
    text.push_str(&format!("<permanentHook>false</permanentHook><rawData>{raw}</rawData></hook>"));
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

fn xml(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, XML);
    response
}

/// A random UUID (RFC 9562, version 4), as bbb-webhooks 3 names hooks.
fn uuid() -> String {
    let random: u128 = rand::random();
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_calls_exactly() {
        for (path, wanted) in [
            ("/bigbluebutton/api/hooks/create", Some((None, "hooks/create"))),
            ("/bigbluebutton/api/hooks/list/", Some((None, "hooks/list"))),
            ("/t/physics/bigbluebutton/api/hooks/ping", Some((Some("physics"), "hooks/ping"))),
            ("/bigbluebutton/api/hooks", None),
            ("/bigbluebutton/api/hooks/other", None),
            ("/bigbluebutton/api/Hooks/create", None),
        ] {
            assert_eq!(is_hooks_path(path), wanted, "{path}");
        }
    }

    #[test]
    fn ids_are_random_uuids() {
        let id = uuid();
        let shape: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(shape, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
    }
}
