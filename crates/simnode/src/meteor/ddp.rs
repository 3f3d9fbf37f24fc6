//! DDP, Meteor's protocol: methods are called, publications subscribed to, and
//! their documents kept up to date.
//!
//! `validateAuthToken` proves who the user is, by the token that `enter` gave;
//! from then on the user is in the meeting until the socket closes. Of the
//! protocol there is what the client needs; publications are known by name.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::sockjs::Connection;
use crate::{
    meeting::UserKey,
    socket::{
        Presence,
        view::{self, Mutation, Subject},
    },
    state::NodeState,
};

/// How long a client may take to say who it is.
const AUTHENTICATE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many subscriptions one socket may hold.
const SUBSCRIPTIONS_MAX: usize = 64;

/// Why the node closes a connection.
pub(super) struct Closing(pub(super) u16, pub(super) &'static str);

/// A message of the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "msg", rename_all = "lowercase")]
enum Incoming {
    Connect {},
    Method {
        id: String,
        method: String,
        #[serde(default)]
        params: Vec<Value>,
    },
    Sub {
        id: String,
        name: String,
    },
    Unsub {
        id: String,
    },
    Ping {
        id: Option<String>,
    },
    Pong {},
}

/// A subscription and the documents its client has.
struct Subscription {
    name: String,
    subject: Subject,
    documents: BTreeMap<String, Value>,
}

/// Talks with a client until it goes or has to go.
pub(super) async fn converse(node: &NodeState, connection: &mut Connection) -> Option<Closing> {
    let authenticated =
        tokio::time::timeout(AUTHENTICATE_TIMEOUT, authenticate(node, connection)).await;
    let key = match authenticated {
        Ok(key) => key?,
        Err(_) => return Some(Closing(3000, "Go away!")),
    };
    let presence = Presence::begin(node, key);
    serve(node, &presence.key, connection).await
}

/// Handshake and `validateAuthToken`; a wrong token may be followed by a right one.
async fn authenticate(node: &NodeState, connection: &mut Connection) -> Option<UserKey> {
    loop {
        match parse(connection.receive().await?)? {
            Incoming::Connect {} => {
                connection.send(&json!({"server_id": "0"})).await?;
                let session = format!("{:017x}", rand::random::<u64>());
                connection.send(&json!({"msg": "connected", "session": session})).await?;
            }
            Incoming::Method { id, method, params } if method == "validateAuthToken" => {
                let key = known_user(node, &params);
                let outcome = key.as_ref().map(|_| json!({"validationStatus": 1}));
                send_result(connection, &id, outcome).await?;
                if key.is_some() {
                    return key;
                }
            }
            Incoming::Method { id, .. } => send_result(connection, &id, None).await?,
            Incoming::Ping { id } => connection.send(&json!({"msg": "pong", "id": id})).await?,
            _ => {}
        }
    }
}

/// The user that meeting, user and token of the parameters name together.
fn known_user(node: &NodeState, parameters: &[Value]) -> Option<UserKey> {
    let [meeting, user, token, ..] = parameters else { return None };
    let key = UserKey { meeting: meeting.as_str()?.to_owned(), user: user.as_str()?.to_owned() };
    let token = token.as_str()?;
    node.read(|meetings| meetings.user(&key).is_some_and(|user| user.auth_token == token))
        .then_some(key)
}

async fn serve(node: &NodeState, key: &UserKey, connection: &mut Connection) -> Option<Closing> {
    let mut changes = node.watch_changes();
    let mut subscriptions: BTreeMap<String, Subscription> = BTreeMap::new();
    loop {
        tokio::select! {
            changed = changes.changed() => {
                changed.ok()?;
                if node.read(|meetings| meetings.user(key).is_none()) {
                    return Some(Closing(4410, "Meeting ended"));
                }
                for subscription in subscriptions.values_mut() {
                    update(node, key, connection, subscription).await?;
                }
            }
            message = connection.receive() => {
                match parse(message?)? {
                    Incoming::Sub { id, name } => {
                        if subscriptions.len() >= SUBSCRIPTIONS_MAX {
                            return Some(Closing(3000, "Go away!"));
                        }
                        let Some(subject) = Subject::of_publication(&name) else {
                            let error = json!({"error": 404, "reason": "Subscription not found"});
                            connection.send(&json!({"msg": "nosub", "id": id, "error": error})).await?;
                            continue;
                        };
                        let mut subscription =
                            Subscription { name, subject, documents: BTreeMap::new() };
                        update(node, key, connection, &mut subscription).await?;
                        connection.send(&json!({"msg": "ready", "subs": [id]})).await?;
                        subscriptions.insert(id, subscription);
                    }
                    Incoming::Unsub { id } => {
                        subscriptions.remove(&id);
                        connection.send(&json!({"msg": "nosub", "id": id})).await?;
                    }
                    Incoming::Method { id, method, params } => {
                        let variables = json!({"userId": params.first()});
                        let result = Mutation::of_method(&method)
                            .and_then(|mutation| view::mutate(node, key, mutation, &variables));
                        let result = result.and_then(|data| {
                            data.as_object()?.values().next().cloned()
                        });
                        send_result(connection, &id, result).await?;
                    }
                    Incoming::Ping { id } => {
                        connection.send(&json!({"msg": "pong", "id": id})).await?;
                    }
                    Incoming::Connect {} | Incoming::Pong {} => {}
                }
            }
        }
    }
}

fn parse(message: Value) -> Option<Incoming> {
    serde_json::from_value(message).ok()
}

/// A method's result, or that it is not allowed; then that its writes are done.
async fn send_result(connection: &mut Connection, id: &str, result: Option<Value>) -> Option<()> {
    let message = match result {
        Some(result) => json!({"msg": "result", "id": id, "result": result}),
        None => {
            let error = json!({"error": 401, "reason": "not allowed or unknown"});
            json!({"msg": "result", "id": id, "error": error})
        }
    };
    connection.send(&message).await?;
    connection.send(&json!({"msg": "updated", "methods": [id]})).await
}

/// Tells the client how the documents differ from those it has.
async fn update(
    node: &NodeState,
    key: &UserKey,
    connection: &mut Connection,
    subscription: &mut Subscription,
) -> Option<()> {
    let now = documents(&view::read(node, key, subscription.subject));
    let collection = &subscription.name;
    let before = std::mem::replace(&mut subscription.documents, now);
    for (id, fields) in &subscription.documents {
        let msg = match before.get(id) {
            None => "added",
            Some(known) if known != fields => "changed",
            Some(_) => continue,
        };
        let message = json!({"msg": msg, "collection": collection, "id": id, "fields": fields});
        connection.send(&message).await?;
    }
    for id in before.keys().filter(|id| !subscription.documents.contains_key(*id)) {
        connection.send(&json!({"msg": "removed", "collection": collection, "id": id})).await?;
    }
    Some(())
}

/// The documents of a view, each under an id of its own.
fn documents(view: &Value) -> BTreeMap<String, Value> {
    let list = view.as_object().and_then(|view| view.values().next()).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .enumerate()
        .map(|(at, fields)| {
            let own = ["userId", "meetingId"].iter().find_map(|name| fields.get(name)?.as_str());
            (own.map_or_else(|| format!("{at:06}"), str::to_owned), fields.clone())
        })
        .collect()
}
