//! Servers: our nodes.

use std::collections::BTreeSet;

use bluegate_cluster::{Mount, Origin};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    Call,
    answer::{Answer, error, text},
};
use crate::{NodeChange, NodeSpec, ScalerNode, ScalerSource, Sources, nodes::told};

/// What a server may be told.
const FIELDS: [&str; 5] = ["url", "secret", "load_multiplier", "tag", "state"];

pub(super) fn list(sources: &Sources) -> Result<Answer, Answer> {
    let nodes = scaler(sources)?.nodes();
    if nodes.is_empty() {
        return Err(error(StatusCode::NOT_FOUND, "No servers are configured"));
    }
    let servers = nodes.iter().map(|(name, node)| shown(name, node)).collect();
    Ok(Answer::Json(StatusCode::OK, Value::Array(servers)))
}

pub(super) fn show(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let (name, node) = named(sources, call)?;
    Ok(Answer::Json(StatusCode::OK, shown(name.as_str(), &node)))
}

/// A new server is disabled, so a new node is cordoned.
pub(super) async fn add(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let scaler = scaler(sources)?;
    let fields = call.wrapped("server", &FIELDS)?;
    let given = |name: &str| fields.get(name).map(text).unwrap_or_default();
    let (url, secret) = (given("url"), given("secret"));
    if url.is_empty() || secret.is_empty() {
        return Err(error(StatusCode::BAD_REQUEST, "Server needs a URL and a secret"));
    }
    let refused = |message: String| error(StatusCode::BAD_REQUEST, message);
    let origin = origin_of(&url)
        .ok_or_else(|| refused(format!("`{url}` is not `https://HOST/bigbluebutton/api`")))?;
    let taken = scaler.nodes();
    let taken: BTreeSet<Mount> = taken.keys().filter_map(|name| name.parse().ok()).collect();
    let name =
        Mount::for_host(&origin, &taken).ok_or_else(|| refused("no name is free".to_owned()))?;
    call.subject.is(name.as_str());
    let tag = given("tag");
    let spec = NodeSpec {
        name: name.to_string(),
        origin: origin.to_string(),
        address: None,
        bbb: None,
        proxied: false,
        secrets: vec![secret],
        weight: weight(&given("load_multiplier")).unwrap_or(1.0),
        tags: Some(tag).filter(|tag| !tag.is_empty()).into_iter().collect(),
        max_meetings: None,
        max_users: None,
        max_meeting_users: None,
    };
    spec.node().map_err(refused)?;
    let added = scaler.add_node(spec).await;
    added.map_err(|refusal| error(StatusCode::BAD_REQUEST, refusal.message))?;
    change(scaler, &name, NodeChange { cordoned: Some(true), weight: None }).await?;
    answer_with(scaler, &name, StatusCode::CREATED)
}

pub(super) async fn update(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let scaler = scaler(sources)?;
    let (name, node) = named(sources, call)?;
    let fields = call.wrapped("server", &FIELDS)?;
    let wanted = wanted(&fields, &node)?;
    call.subject.detail(&told(&wanted));
    if wanted != NodeChange::default() {
        change(scaler, &name, wanted).await?;
    }
    answer_with(scaler, &name, StatusCode::OK)
}

/// What an update changes; what it names as it is changes nothing.
fn wanted(fields: &Map<String, Value>, node: &ScalerNode) -> Result<NodeChange, Answer> {
    let refused = |message: String| Err(error(StatusCode::BAD_REQUEST, message));
    let mut wanted = NodeChange::default();
    match fields.get("state").map(text).as_deref() {
        None | Some("") => {}
        Some("enable") => wanted.cordoned = Some(false),
        Some("cordon" | "disable") => wanted.cordoned = Some(true),
        Some(other) => return refused(format!("Invalid state parameter: {other}")),
    }
    if let Some(multiplier) = fields.get("load_multiplier") {
        match weight(&text(multiplier)) {
            Some(weight) => wanted.weight = Some(Some(weight)),
            None => return refused("Load-multiplier must be a non-zero number".to_owned()),
        }
    }
    let tag = node.tags.first().cloned().unwrap_or_default();
    if fields.get("tag").is_some_and(|given| text(given) != tag) {
        return refused("a node's tags are changed by adding it anew".to_owned());
    }
    if fields.get("secret").is_some_and(|given| !text(given).is_empty()) {
        return refused("a node's secret is changed by adding it anew".to_owned());
    }
    Ok(wanted)
}

/// Scalelite removes a server whatever runs on it; a node that answers and has
/// meetings stays.
pub(super) async fn delete(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let scaler = scaler(sources)?;
    let (name, _) = named(sources, call)?;
    match scaler.remove_node(name.clone(), false).await {
        Ok(_) => done(&format!("Server id={name} was destroyed")),
        Err(refusal) => {
            let message = format!("Couldn't destroy server id={name}: {}", refusal.message);
            Err(error(StatusCode::BAD_REQUEST, message))
        }
    }
}

/// Ends what runs on a node and lets nothing new there. A node that is silent is
/// given up instead: its meetings can be created elsewhere at once.
pub(super) async fn panic(sources: &Sources, call: &Call) -> Result<Answer, Answer> {
    let scaler = scaler(sources)?;
    let (name, _) = named(sources, call)?;
    // Any value counts as true, as in Scalelite.
    let keeps_state = call.given("keep_state").is_some();
    if !keeps_state {
        change(scaler, &name, NodeChange { cordoned: Some(true), weight: None }).await?;
    }
    let mut left = 0;
    for meeting in scaler.meetings().into_iter().filter(|meeting| meeting.node == name.as_str()) {
        let Ok(tenant) = meeting.tenant.parse() else { continue };
        if scaler.end_meeting(tenant, meeting.meeting_id).await.is_err() {
            left += 1;
        }
    }
    let lost = match &sources.health {
        Some(health) if left > 0 => health.lose(&name).await.is_ok(),
        _ => false,
    };
    if left > 0 && !lost {
        let message = format!(
            "Couldn't disable server id={name}: {left} meetings did not end, and the server answers"
        );
        return Err(error(StatusCode::BAD_REQUEST, message));
    }
    done(&format!("Server id={name} has been disabled and the meetings have been destroyed"))
}

fn done(message: &str) -> Result<Answer, Answer> {
    Ok(Answer::Json(StatusCode::OK, json!({ "success": message })))
}

async fn change(scaler: &dyn ScalerSource, name: &Mount, to: NodeChange) -> Result<(), Answer> {
    let changed = scaler.change_node(name.clone(), to).await;
    changed.map_err(|refusal| error(StatusCode::BAD_REQUEST, refusal.message))
}

fn answer_with(
    scaler: &dyn ScalerSource,
    name: &Mount,
    status: StatusCode,
) -> Result<Answer, Answer> {
    let node = scaler.nodes().remove(name.as_str()).ok_or_else(|| unknown(name.as_str()))?;
    Ok(Answer::Json(status, shown(name.as_str(), &node)))
}

/// A node as a server. Its ID is the node's name.
fn shown(name: &str, node: &ScalerNode) -> Value {
    let load = match state(node) {
        "enabled" if node.health == "healthy" => json!(node.load),
        _ => json!("unavailable"),
    };
    json!({
        "id": name,
        "url": format!("{}/bigbluebutton/api/", node.origin),
        // A secret is never told; nobody mistakes an empty one for it.
        "secret": "",
        "tag": node.tags.first().map_or("", String::as_str),
        "bbb_version": node.bbb.as_deref().unwrap_or_default(),
        "state": state(node),
        "load": load,
        // As Ruby prints a float.
        "load_multiplier": format!("{:?}", multiplier(node)),
        "online": if node.health == "healthy" { "online" } else { "offline" },
    })
}

/// Scalelite disables a cordoned server once it is empty.
fn state(node: &ScalerNode) -> &'static str {
    match (node.cordoned_at.is_some(), node.meetings + node.breakout_rooms + node.users) {
        (false, _) => "enabled",
        (true, 0) => "disabled",
        (true, _) => "cordoned",
    }
}

/// Scalelite multiplies a node's load, we divide it by the weight.
fn multiplier(node: &ScalerNode) -> f64 {
    let weight = node.weight_set.unwrap_or(node.weight_configured);
    if weight > 0.0 { weight.recip() } else { 1.0 }
}

/// The largest weight there is.
const MAX_WEIGHT: f64 = 1000.0;

fn weight(multiplier: &str) -> Option<f64> {
    let multiplier: f64 = multiplier.trim().parse().ok()?;
    let weight = multiplier.recip();
    (weight > 0.0 && weight <= MAX_WEIGHT).then_some(weight)
}

fn origin_of(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let is_usual = path.trim_end_matches('/') == "bigbluebutton/api";
    is_usual.then(|| format!("{scheme}://{authority}").parse().ok())?
}

fn named(sources: &Sources, call: &Call) -> Result<(Mount, ScalerNode), Answer> {
    let id = call.given("id").unwrap_or_default();
    let node = scaler(sources)?.nodes().remove(&id);
    let name = id.parse().ok();
    name.zip(node).ok_or_else(|| unknown(&id))
}

fn unknown(id: &str) -> Answer {
    error(StatusCode::NOT_FOUND, format!("Couldn't find server with id={id}"))
}

fn scaler(sources: &Sources) -> Result<&dyn ScalerSource, Answer> {
    sources.scaler.as_deref().ok_or_else(super::answer::unsupported)
}
