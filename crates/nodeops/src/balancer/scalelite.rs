//! Scalelite's admin API: its servers, and their states.
//!
//! A call is signed as the BBB API's are, with the load balancer's secret and
//! the last part of the path for the call's name; a JSON body is not signed.
//! Errors of the checksum come as XML with status 200, the rest as JSON.

use bluegate_bbb_api::{
    Answer, RawQuery,
    checksum::{Algorithm, signed_query},
};
use bluegate_cluster::{Node, Origin, Secret};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Balancer, BalancerError, Cordon};
use crate::http::{AskError, Asker, wait_for};

/// Where the admin API is.
const API: &str = "/scalelite/api/";

/// Most servers that are listed in a message.
const MAX_LISTED: usize = 10;

/// A Scalelite.
#[derive(Clone)]
pub struct Scalelite {
    asker: Asker,
    origin: Origin,
    secret: Secret,
}

/// A server as Scalelite knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// Scalelite's own name for it.
    pub id: String,
    /// Where its API is: `https://bbb-01.example.org/bigbluebutton/api`.
    pub url: String,
    /// Its API secret.
    pub secret: String,
    /// Empty when it has none.
    #[serde(default)]
    pub tag: Option<String>,
    /// Its release, when the server reveals it.
    #[serde(default)]
    pub bbb_version: Option<String>,
    /// `enabled`, `cordoned` or `disabled`.
    #[serde(default)]
    pub state: String,
    /// `online` or `offline`.
    #[serde(default)]
    pub online: String,
    /// A number as text.
    #[serde(default)]
    pub load_multiplier: Option<Value>,
}

impl Server {
    /// The origin its URL begins with.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        let (scheme, rest) = self.url.trim().split_once("://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        format!("{scheme}://{authority}").parse().ok()
    }
}

impl Scalelite {
    /// The one at `origin`, whose `LOADBALANCER_SECRET` is `secret`.
    #[must_use]
    pub fn new(asker: Asker, origin: Origin, secret: Secret) -> Self {
        Self { asker, origin, secret }
    }

    /// All its servers.
    ///
    /// # Errors
    /// [`BalancerError`] when it does not answer or refuses.
    pub fn servers(&self) -> Result<Vec<Server>, BalancerError> {
        let call = "getServers";
        let (status, body) = self.call(call, None)?;
        // It says 404 of an empty list.
        if status == StatusCode::NOT_FOUND && error_of(&body).contains("No servers") {
            return Ok(Vec::new());
        }
        let servers = self.accepted(call, status, &body)?;
        serde_json::from_value(servers).map_err(|error| self.refused(call, error.to_string()))
    }

    fn server_of(&self, node: &Node) -> Result<Server, BalancerError> {
        let servers = self.servers()?;
        let known: Vec<String> =
            servers.iter().take(MAX_LISTED).map(|server| format!("`{}`", server.url)).collect();
        let found =
            servers.into_iter().find(|server| server.origin().as_ref() == Some(&node.origin));
        found.ok_or_else(|| BalancerError::Unknown {
            balancer: self.name(),
            node: node.origin.to_string(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        })
    }

    fn set_state(&self, id: &str, state: &str) -> Result<(), BalancerError> {
        let call = "updateServer";
        let body = json!({ "id": id, "server": { "state": state } });
        let (status, body) = self.call(call, Some(body.to_string()))?;
        self.accepted(call, status, &body).map(drop)
    }

    fn call(&self, call: &str, body: Option<String>) -> Result<(StatusCode, Bytes), BalancerError> {
        let query = signed_query(call, &RawQuery::parse(""), &self.secret, Algorithm::Sha256);
        let target = format!("{API}{call}?{query}");
        let host = self.origin.host().trim_start_matches('[').trim_end_matches(']');
        let place = (host, self.origin.port());
        let asked: Result<_, AskError> = wait_for(async {
            match body {
                Some(body) => self.asker.post_json(&self.origin, place, &target, body).await,
                None => self.asker.get(&self.origin, place, &target).await,
            }
        });
        asked.map_err(|source| BalancerError::Ask { balancer: self.name(), source })
    }

    /// The JSON of an answer that says yes.
    fn accepted(
        &self,
        call: &str,
        status: StatusCode,
        body: &[u8],
    ) -> Result<Value, BalancerError> {
        if !status.is_success() {
            return Err(self.refused(call, format!("{status}, {}", error_of(body))));
        }
        serde_json::from_slice(body).map_err(|_| self.refused(call, error_of(body)))
    }

    fn refused(&self, call: &str, said: String) -> BalancerError {
        BalancerError::Refused { balancer: self.name(), call: call.to_owned(), said }
    }
}

/// What an answer says is wrong.
fn error_of(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let text = json.get("error").or_else(|| json.get("message"));
        return text.and_then(Value::as_str).unwrap_or("it does not say why").to_owned();
    }
    match Answer::parse(body) {
        Ok(answer) if answer.key() == "checksumError" => {
            "checksumError: is this its LOADBALANCER_SECRET?".to_owned()
        }
        Ok(answer) => answer.key(),
        Err(_) => "this is no answer of Scalelite's".to_owned(),
    }
}

impl Balancer for Scalelite {
    fn name(&self) -> String {
        format!("Scalelite at `{}`", self.origin)
    }

    /// Scalelite itself disables a cordoned server once it is empty.
    fn cordon(&self, node: &Node) -> Result<Cordon, BalancerError> {
        let server = self.server_of(node)?;
        if server.state != "enabled" {
            return Ok(Cordon::Already);
        }
        self.set_state(&server.id, "cordon").map(|()| Cordon::New)
    }

    fn uncordon(&self, node: &Node) -> Result<(), BalancerError> {
        let server = self.server_of(node)?;
        self.set_state(&server.id, "enable")
    }
}
