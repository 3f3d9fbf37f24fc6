//! What a node's files say, service by service, as each reads them at its start.
//!
//! The order of precedence is each service's own: package defaults, then the
//! operator's override file. A service knows what stood in its files when it
//! last started, so that a forgotten restart shows.

mod akka;
mod engine;
mod error;
mod meteor;
mod middleware;
mod nginx;
mod pads;
mod root;
#[cfg(test)]
mod tests;
mod web;
mod webhooks;

use std::path::Path;

pub(crate) use akka::Akka;
pub(crate) use engine::Engine;
pub use error::ReadError;
pub(crate) use meteor::Meteor;
pub(crate) use middleware::Middleware;
pub(crate) use nginx::Nginx;
pub(crate) use pads::Pads;
use root::Files;
pub(crate) use web::Web;
pub(crate) use webhooks::{PACKAGE_FILE as WEBHOOKS_FILE, Webhooks};

use crate::{files::environment, release::Release};

/// The installed release, from `bigbluebutton-release`.
pub(crate) fn release(root: &Path) -> Result<Release, ReadError> {
    let text = Files { root }.required("/etc/bigbluebutton/bigbluebutton-release")?;
    let values = environment::parse(&text);
    let number = values.get("BIGBLUEBUTTON_RELEASE").map(String::as_str).unwrap_or_default();
    Ok(Release::parse(number)?)
}

/// The client's package defaults, by release.
fn client_settings(release: &Release) -> &'static str {
    if release.has_meteor() {
        "/usr/share/meteor/bundle/programs/server/assets/app/config/settings.yml"
    } else {
        "/usr/share/bigbluebutton/html5-client/private/config/settings.yml"
    }
}

/// The operator's client settings.
const OWN_CLIENT_SETTINGS: &str = "/etc/bigbluebutton/bbb-html5.yml";
