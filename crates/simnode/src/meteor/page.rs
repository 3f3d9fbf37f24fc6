//! The pages Meteor makes.

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    answer::{self, Answer},
    client::{self, MeteorNames},
    effective::Meteor,
    state::NodeState,
};

/// What JavaScript's `encodeURIComponent` leaves as it is.
const KEEP: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The lobby, served by the node itself: it asks for its language without the
/// mount and for its messages next to itself.
pub(super) const GUEST_WAIT: &str = include_str!("../../client/guest-wait.html");

/// The client's page. It differs from node to node: it carries the settings.
pub(super) fn client(node: &NodeState, meteor: &Meteor, names: &MeteorNames) -> Answer {
    let build = node.services.release.client_build();
    let text = include_str!("../../client/page-2.x.html")
        .replace("STYLESHEET", &format!("{}/{}", meteor.prefix, names.stylesheet))
        .replace("SCRIPT", &format!("{}/{}", meteor.prefix, names.script))
        .replace("FONT_FACES", &client::font_faces("", &build))
        .replace("VERSION", &build)
        .replace("APP_BODY", include_str!("../../client/body.html"))
        .replace("RUNTIME_CONFIG", &runtime_config(meteor));
    answer::with_type(StatusCode::OK, "text/html; charset=utf-8", text)
}

fn runtime_config(meteor: &Meteor) -> String {
    let public = meteor.settings.get("public").cloned().unwrap_or(Value::Null);
    let mut config = json!({
        "meteorRelease": "METEOR@2.13",
        "gitCommitHash": "",
        "meteorEnv": {"NODE_ENV": "production", "TEST_METADATA": "{}"},
        "PUBLIC_SETTINGS": public,
        "ROOT_URL": meteor.root_url,
        "ROOT_URL_PATH_PREFIX": meteor.prefix,
        "reactFastRefreshEnabled": false,
        "isModern": true,
    });
    if !meteor.ddp_url.is_empty() {
        config["DDP_DEFAULT_CONNECTION_URL"] = Value::from(meteor.ddp_url.as_str());
    }
    utf8_percent_encode(&config.to_string(), KEEP).to_string()
}
